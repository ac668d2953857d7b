//! Rooms and their history from a terminal.

use crate::common::demo::Demo;
use serde_json::Value;

/// What `chat history lobby` gives: text and block of each message.
fn history(demo: &Demo, more: &[&str]) -> Vec<(String, u64)> {
    let found = demo.json(&[&["chat", "history", "lobby"], more].concat());
    let messages = found["messages"].as_array().unwrap();
    let one =
        |message: &Value| (message["text"].as_str().unwrap().into(), message["sequence"].as_u64().unwrap());
    messages.iter().map(one).collect()
}

fn texts(messages: &[(String, u64)]) -> Vec<&str> {
    messages.iter().map(|(text, _)| text.as_str()).collect()
}

/// The room's entry in what somebody sees.
fn room(demo: &Demo, name: &str, reader: &str) -> Option<Value> {
    let all = demo.json(&["chat", "rooms", "--as", reader]);
    all["rooms"].as_array().unwrap().iter().find(|room| room["room"] == name).cloned()
}

#[test]
fn rooms_are_listed_entered_left_and_read_backwards() {
    let demo = Demo::start(&[]);
    let none = demo.done(&["chat", "rooms"]);
    assert!(none.out.contains("outvote chat create"), "{none:?}");
    for name in ["ben", "ada"] {
        demo.done(&["chat", "register", name]);
    }
    demo.done(&["chat", "create", "lobby"]);
    demo.done(&["chat", "create", "attic", "--invite-only"]);
    for text in ["one", "two", "three", "four", "five"] {
        demo.done(&["chat", "send", "lobby", text]);
    }

    read_backwards(&demo);
    listed_and_left(&demo);
    only_whom_it_was_left_open_to(&demo);
}

fn read_backwards(demo: &Demo) {
    let all = history(demo, &[]);
    assert_eq!(texts(&all), ["one", "two", "three", "four", "five"]);
    let before = |index: usize, more: &[&str]| {
        let sequence = all[index].1.to_string();
        history(demo, &[&["--before", &sequence], more].concat())
    };
    assert_eq!(before(3, &[]), all[..3], "messages of blocks before the fourth's");
    assert_eq!(texts(&before(3, &["--limit", "2"])), ["two", "three"], "the latest ones of these");
    assert_eq!(before(0, &[]), []);
    let later = (all[4].1 + 1).to_string();
    assert_eq!(history(demo, &["--before", &later]), all, "everything is before what comes next");
    let shown = demo.done(&["chat", "history", "lobby", "--before", &all[1].1.to_string()]).out;
    assert!(shown.ends_with("ada: one\n") && shown.lines().count() == 1, "{shown}");
}

fn listed_and_left(demo: &Demo) {
    let lobby = || room(demo, "lobby", "ada").unwrap();
    assert_eq!((&lobby()["next_index"], &lobby()["owner_name"]), (&5.into(), &"ada".into()));
    assert_eq!(lobby()["members"], 1);
    demo.done(&["chat", "join", "lobby", "--as", "ben"]);
    assert_eq!(lobby()["members"], 2);
    let left = demo.json(&["chat", "leave", "lobby", "--as", "ben"]);
    assert_eq!((&left["kind"], &left["room"]), (&"left".into(), &"lobby".into()));
    assert_eq!(lobby()["members"], 1);
    let again = demo.run(&["chat", "leave", "lobby", "--as", "ben"]);
    assert_eq!(again.code, 3, "nobody leaves twice: {again:?}");
    let nowhere = demo.run(&["chat", "leave", "nowhere"]);
    assert!(nowhere.code == 3 && nowhere.err.contains("nowhere"), "{nowhere:?}");
    let words = demo.done(&["chat", "rooms"]).out;
    assert!(words.contains("lobby  (public, 5 messages, 1 members, owner ada)"), "{words}");
}

fn only_whom_it_was_left_open_to(demo: &Demo) {
    assert!(room(demo, "attic", "ada").is_some() && room(demo, "attic", "ben").is_none());
    demo.done(&["chat", "invite", "attic", "ben"]);
    assert!(room(demo, "attic", "ben").is_some());
    demo.done(&["chat", "leave", "attic", "--as", "ben"]);
    assert!(room(demo, "attic", "ben").is_none(), "whoever left does not see it any more");
    let outside = demo.run(&["chat", "send", "attic", "let me in", "--as", "ben"]);
    assert_eq!(outside.code, 3, "{outside:?}");
}
