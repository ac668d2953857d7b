//! `outvote chat tail` at a live cluster: every message once and in order, whatever happens to the replicas meanwhile.

use crate::common::demo::{Demo, PATIENCE, kill, signal};
use crate::common::until;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

/// A process that does not outlive its test, however that ends.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `tail` that writes to a file.
struct Tail {
    child: Mortal,
    out: PathBuf,
}

impl Tail {
    fn start(demo: &Demo, name: &str, arguments: &[&str]) -> Self {
        let out = demo.stage.path(name);
        let child = demo
            .command(&[&["chat", "tail"], arguments].concat())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(demo.stage.path(&format!("{name}.err"))).unwrap())
            .spawn()
            .unwrap();
        Self { child: Mortal(child), out }
    }

    /// The lines so far. The last one counts only when it is whole.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.out).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(String::from).collect()
    }

    fn until_lines(&self, count: usize) -> Vec<String> {
        until(&format!("{count} lines of {}", self.out.display()), PATIENCE, || {
            Some(self.lines()).filter(|lines| lines.len() >= count)
        })
    }

    fn ended(&mut self) -> Option<i32> {
        until("the tail ends", PATIENCE, || self.child.0.try_wait().unwrap()).code()
    }
}

fn demo_with_a_lobby() -> Demo {
    let demo = Demo::start(&[]);
    for name in ["ben", "ada"] {
        demo.done(&["chat", "register", name]);
    }
    demo.done(&["chat", "create", "lobby"]);
    demo
}

fn send(demo: &Demo, text: &str) {
    demo.done(&["chat", "send", "lobby", text]);
}

// Faults: P01, P02
#[test]
fn a_tail_shows_each_message_once_and_in_order_through_a_dead_leader_and_a_restart_of_everything() {
    let mut demo = demo_with_a_lobby();
    send(&demo, "before the first");
    send(&demo, "first");
    let mut tail = Tail::start(&demo, "tail.json", &["lobby", "--limit", "1", "--output", "json"]);
    tail.until_lines(1);
    send(&demo, "second");
    tail.until_lines(2);

    kill(&demo.some_leader());
    send(&demo, "third");
    send(&demo, "fourth");
    tail.until_lines(4);

    assert_eq!(demo.stop(), Some(0));
    // Long enough that its links are gone and made anew in vain.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(tail.child.0.try_wait().unwrap(), None, "it waits for the cluster to come back");
    demo.start_again();
    send(&demo, "fifth");
    send(&demo, "sixth");
    let lines = tail.until_lines(6);
    let messages: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let indices: Vec<_> = messages.iter().map(|message| message["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [1, 2, 3, 4, 5, 6], "without a gap or a repetition");
    let texts: Vec<_> = messages.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["first", "second", "third", "fourth", "fifth", "sixth"]);
    let said = fs::read_to_string(demo.stage.path("tail.json.err")).unwrap();
    assert!(said.matches("trying again").count() <= 1, "said once, not at every attempt: {said}");

    signal(tail.child.0.id(), "INT");
    assert_eq!(tail.ended(), Some(0), "Ctrl-C is its ordinary end");
    assert_eq!(tail.lines().len(), 6);
}

// Faults: M07
#[test]
fn a_tail_shows_text_that_cannot_harm_the_terminal_and_ends_when_nobody_reads_or_may_read() {
    let demo = demo_with_a_lobby();
    // Whether they are said before or after it looks for the first time, it shows them.
    let mut tail = Tail::start(&demo, "tail.txt", &["lobby"]);
    let mut unread = Mortal(demo.command(&["chat", "tail", "lobby"]).stdout(Stdio::piped()).spawn().unwrap());
    send(&demo, "red \u{1b}[31m, and \u{202e}backwards");
    send(&demo, "two\nlines");
    let lines = tail.until_lines(3);
    assert!(lines[0].ends_with("ada: red \\u{1b}[31m, and \\u{202e}backwards"), "{lines:?}");
    assert!(lines[1].ends_with("ada: two") && lines[2].ends_with("     lines"), "{lines:?}");
    assert!(lines[2].starts_with("      "), "no line of a message passes for another message: {lines:?}");

    // A reader that goes away, as `head` does.
    let mut first = [0; 5];
    unread.0.stdout.take().unwrap().read_exact(&mut first).unwrap();
    send(&demo, "nobody listens to this one");
    let ended = until("it notices that nobody reads", PATIENCE, || unread.0.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));

    // Who is put out of a room is told so, and does not wait for ever.
    demo.done(&["chat", "create", "private", "--invite-only"]);
    let stranger = demo.run(&["chat", "tail", "private", "--as", "ben"]);
    assert_eq!(stranger.code, 3, "{stranger:?}");
    demo.done(&["chat", "invite", "private", "ben"]);
    let mut guest = Tail::start(&demo, "guest.txt", &["private", "--as", "ben"]);
    demo.done(&["chat", "send", "private", "welcome"]);
    guest.until_lines(1);
    demo.done(&["chat", "remove", "private", "ben"]);
    assert_eq!(guest.ended(), Some(3));

    let nowhere = demo.run(&["chat", "tail", "nowhere"]);
    assert!(nowhere.code == 3 && nowhere.err.contains("nowhere"), "{nowhere:?}");
    signal(tail.child.0.id(), "INT");
    assert_eq!(tail.ended(), Some(0));
}
