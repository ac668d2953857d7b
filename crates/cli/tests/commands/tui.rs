//! `outvote chat tui` on a terminal, at a live cluster.

use crate::common::demo::{Demo, PATIENCE, kill};
use crate::common::terminal::Terminal;
use crate::common::until;

fn demo_with_a_lobby() -> Demo {
    let demo = Demo::start(&[]);
    for name in ["ben", "ada"] {
        demo.done(&["chat", "register", name]);
    }
    demo.done(&["chat", "create", "lobby", "--as", "ben"]);
    demo.done(&["chat", "create", "kitchen", "--as", "ben"]);
    demo
}

fn tui(demo: &Demo, size: Option<(u16, u16)>, more: &[&str]) -> Terminal {
    let arguments = ["chat", "tui", "--home", "demo"];
    Terminal::start(demo.stage.folder.path(), size, &[&arguments, more].concat())
}

fn says(demo: &Demo, room: &str, text: &str) {
    demo.done(&["chat", "send", room, text, "--as", "ben"]);
}

fn history(demo: &Demo, room: &str) -> Vec<String> {
    let found = demo.json(&["chat", "history", room]);
    let messages = found["messages"].as_array().unwrap();
    messages.iter().map(|message| message["text"].as_str().unwrap().to_string()).collect()
}

/// The row of the screen that shows this.
fn row<'a>(screen: &'a str, what: &str) -> Option<&'a str> {
    screen.lines().find(|line| line.contains(what))
}

/// The view that somebody leads, as the screen shows it.
fn view_led(screen: &str) -> Option<u64> {
    let (_, rest) = screen.split_once(" leads view ")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[test]
fn the_chat_on_the_whole_terminal_shows_sends_and_leaves_the_terminal_as_it_was() {
    let demo = demo_with_a_lobby();
    says(&demo, "lobby", "was here before");
    let mut terminal = tui(&demo, Some((30, 120)), &["--as", "ada", "--room", "lobby"]);
    let first = terminal.until_shown("was here before");
    assert!(terminal.is_taken(), "{first}");
    terminal.until_screen("rooms and replicas", |shown| {
        ["lobby (1)", "kitchen (0)", " leads view "].iter().all(|word| shown.contains(word))
    });

    // What is typed is sent, agreed, and then stands like everybody's.
    terminal.type_in("hello from the terminax\u{7f}l");
    terminal.until_shown("hello from the terminal");
    terminal.type_in("\r");
    terminal.until_screen("the message, agreed", |shown| {
        row(shown, "ada hello from the terminal").is_some() && !shown.contains("[sending]")
    });
    assert_eq!(history(&demo, "lobby"), ["was here before", "hello from the terminal"]);

    // Others' messages come by themselves, also while a leader dies, and nothing in them reaches the terminal.
    let dead = demo.some_leader();
    kill(&dead);
    says(&demo, "lobby", "red \u{1b}[31m and \u{202e}back");
    terminal.until_shown("ben red \\u{1b}[31m and \\u{202e}back");
    assert!(!terminal.has_received(b"\x1b[31m and") && !terminal.has_received("\u{202e}".as_bytes()));
    // On a busy machine more than one may follow, until it is the turn of the one that was killed again.
    let was = dead["view"].as_u64().unwrap();
    terminal.until_screen("a later leader", |shown| view_led(shown).is_some_and(|view| view > was));

    // Of a long message the end is seen, and so is whatever comes after it, however the words are wrapped.
    let words: Vec<String> = (0..60).map(|count| format!("{count:0>40}")).collect();
    says(&demo, "lobby", &words.join(" "));
    terminal.until_shown(&format!("{:0>40}", 59));
    says(&demo, "lobby", "the newest");
    terminal.until_shown("ben the newest");

    // Of a long input the end is seen, where characters are two columns wide, too.
    terminal.type_in(&"\u{6f22}".repeat(80));
    terminal.type_in("end");
    terminal.until_shown("\u{6f22}\u{6f22}end\u{258f}");
    terminal.type_in(&"\u{7f}".repeat(83));
    terminal.until_screen("an empty input", |shown| !shown.contains('\u{6f22}'));

    the_other_room(&demo, &terminal);
    sizes(&terminal);
    terminal.resize(30, 120);
    terminal.type_in("still alive\r");
    terminal.until_screen("the message, agreed", |shown| {
        row(shown, "ada still alive").is_some() && !shown.contains("[sending]")
    });
    assert_eq!(history(&demo, "lobby").last().unwrap(), "still alive");

    assert!(terminal.is_running());
    terminal.type_in("\u{1b}");
    assert_eq!(terminal.ended(), Some(0));
    until("the terminal is as it was", PATIENCE, || {
        (!terminal.is_taken() && !terminal.is_cursor_hidden()).then_some(())
    });
}

/// Tab goes on to the next room and back; each has messages of its own.
fn the_other_room(demo: &Demo, terminal: &Terminal) {
    says(demo, "kitchen", "soup");
    terminal.type_in("\t");
    terminal.until_screen("the kitchen", |shown| shown.contains("ben soup") && !shown.contains("the newest"));
    terminal.type_in("smells good\r");
    terminal.until_shown("ada smells good");
    assert_eq!(history(demo, "kitchen"), ["soup", "smells good"]);
    terminal.type_in("\t");
    terminal.until_screen("the lobby", |shown| shown.contains("the newest") && !shown.contains("soup"));
}

/// A terminal of any size is drawn on, and none ends the program.
fn sizes(terminal: &Terminal) {
    for (rows, columns) in [(1, 1), (2, 200), (200, 2), (3, 89), (5, 20), (1, 500), (60, 91)] {
        terminal.resize(rows, columns);
        terminal.until_screen("anything at all", |shown| !shown.trim().is_empty());
    }
    // Narrow, the messages have it to themselves.
    terminal.resize(12, 60);
    terminal.until_screen("messages alone", |shown| {
        shown.contains("the newest") && !shown.contains("replicas") && shown.contains("ada says")
    });
}

#[test]
fn a_refused_message_says_why_and_a_terminal_without_a_size_gets_one_later() {
    let demo = demo_with_a_lobby();
    let mut terminal = tui(&demo, None, &["--as", "ada", "--room", "nowhere"]);
    until("it takes the screen", PATIENCE, || terminal.is_taken().then_some(()));
    assert!(terminal.is_running());
    terminal.resize(20, 100);
    terminal.until_shown("ada says");
    terminal.type_in("anybody?\r");
    let shown = terminal.until_shown("[rejected:");
    assert!(row(&shown, "[rejected:").is_some_and(|row| row.contains("anybody?")), "{shown}");
    // Ctrl-C is an end, too: the terminal is in raw mode, so it comes as a key.
    terminal.type_in("\u{3}");
    assert_eq!(terminal.ended(), Some(0));

    // Without a terminal there is nothing to draw on.
    let blind = demo.run(&["chat", "tui", "--as", "ada"]);
    assert!(blind.code == 2 && blind.err.contains("needs a terminal"), "{blind:?}");
    let stranger = Terminal::start(
        demo.stage.folder.path(),
        Some((20, 80)),
        &["chat", "tui", "--home", "demo", "--as", "eve"],
    );
    let mut stranger = stranger;
    assert_eq!(stranger.ended(), Some(2), "no such identity");
    assert!(!stranger.is_taken());
    until("it says so", PATIENCE, || stranger.shown().contains("chat register eve").then_some(()));
}
