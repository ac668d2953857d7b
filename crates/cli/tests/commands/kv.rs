//! `outvote kv` at a live cluster of the key-value application.

use crate::common::Stage;
use crate::common::demo::Demo;
use serde_json::{Value, json};
use std::process::Stdio;

/// Runs and expects this exit code; the JSON on stdout.
fn json_and_code(demo: &Demo, arguments: &[&str], code: i32) -> Value {
    let done = demo.run(&[arguments, &["--output", "json"]].concat());
    assert_eq!(done.code, code, "{arguments:?}: {done:?}");
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {done:?}"))
}

#[test]
fn values_are_stored_compared_and_removed_and_a_mismatch_ends_with_3() {
    let mut demo = Demo::start(&["--app", "kv"]);
    let nothing = demo.run(&["kv", "get", "colour"]);
    assert!(nothing.code == 1 && nothing.err.contains("nothing under `colour`"), "{nothing:?}");
    assert_eq!(nothing.out, "", "no value does not look like an empty one");
    assert_eq!(demo.json(&["kv", "get", "colour"])["value"], Value::Null);

    assert_eq!(demo.done(&["kv", "put", "colour", "green"]).out, "stored\n");
    assert_eq!(demo.done(&["kv", "get", "colour"]).out, "green\n");
    let found = demo.json(&["kv", "get", "colour"]);
    assert_eq!((&found["key"], &found["value"]), (&json!("colour"), &json!("green")));
    assert!(found["sequence"].as_u64().unwrap() >= 1);

    let stored = json_and_code(&demo, &["kv", "cas", "colour", "--expect", "green", "blue"], 0);
    assert_eq!(stored["stored"], true);
    let refused = json_and_code(&demo, &["kv", "cas", "colour", "--expect", "green", "red"], 3);
    assert_eq!((&refused["stored"], &refused["found"]), (&json!(false), &json!("blue")));
    let refused = demo.run(&["kv", "cas", "colour", "red"]);
    assert_eq!(refused.code, 3, "without --expect nothing must be there: {refused:?}");
    assert!(refused.err.contains("mismatch") && refused.err.contains("`blue`"), "{refused:?}");
    assert_eq!(demo.done(&["kv", "get", "colour"]).out, "blue\n", "a mismatch changes nothing");

    // Without a value the key goes; then nothing is there, and that can be expected, too.
    assert_eq!(json_and_code(&demo, &["kv", "cas", "colour", "--expect", "blue"], 0)["stored"], true);
    assert_eq!(demo.json(&["kv", "get", "colour"])["value"], Value::Null);
    let refused = json_and_code(&demo, &["kv", "cas", "colour", "--expect", "blue", "red"], 3);
    assert_eq!(refused["found"], Value::Null);
    assert_eq!(json_and_code(&demo, &["kv", "cas", "colour", "red"], 0)["stored"], true);

    what_is_odd_is_kept_as_it_is(&demo);
    of_two_at_once_one_wins(&demo);

    assert_eq!(demo.stop(), Some(0));
    demo.start_again();
    assert_eq!(demo.done(&["kv", "get", "empty"]).out, "\n", "what was stored outlives the processes");
    let chat = demo.run(&["chat", "rooms"]);
    assert!(chat.code != 0 && !chat.err.is_empty(), "the chat does not run here: {chat:?}");
}

fn what_is_odd_is_kept_as_it_is(demo: &Demo) {
    demo.done(&["kv", "put", "empty", ""]);
    assert_eq!(demo.json(&["kv", "get", "empty"])["value"], "", "an empty value is one");
    let odd = "\u{1b}[31mred\u{202e} \u{fc} \"quoted\"\ntwo lines";
    demo.done(&["kv", "put", "odd key \u{1f5dd}", odd]);
    assert_eq!(demo.json(&["kv", "get", "odd key \u{1f5dd}"])["value"], odd);
    let shown = demo.done(&["kv", "get", "odd key \u{1f5dd}"]).out;
    assert_eq!(
        shown, "\\u{1b}[31mred\\u{202e} \u{fc} \"quoted\"\ntwo lines\n",
        "nothing reaches the terminal"
    );
    let long = "k".repeat(100_000);
    let refused = demo.run(&["kv", "put", &long, "value"]);
    assert!(refused.code == 3 || refused.code == 2, "{} {}", refused.code, refused.err);
}

/// Compare and set is decided by the agreed order, so exactly one of several at once finds what it expects.
fn of_two_at_once_one_wins(demo: &Demo) {
    demo.done(&["kv", "put", "lock", "free"]);
    // Each its own terminal: one home's writer key is one session, and its holders wait for each other.
    let committee = std::fs::read(demo.stage.path("demo/committee.toml")).unwrap();
    let rivals: Vec<_> = ["one", "two", "three"]
        .into_iter()
        .map(|name| {
            std::fs::create_dir(demo.stage.path(name)).unwrap();
            std::fs::write(demo.stage.path(name).join("committee.toml"), &committee).unwrap();
            let arguments = ["kv", "cas", "lock", "--expect", "free", name, "--home", name];
            demo.stage.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let codes: Vec<_> =
        rivals.into_iter().map(|rival| rival.wait_with_output().unwrap().status.code()).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Some(3)).count(), 2, "{codes:?}");
}

#[test]
fn kv_commands_say_where_they_belong() {
    let stage = Stage::new();
    for arguments in [&["kv", "put", "a", "b"][..], &["kv", "get", "a"], &["kv", "cas", "a", "b"]] {
        let done = stage.run(&[arguments, &["--home", "nowhere"]].concat());
        assert!(done.code == 2 && done.err.contains("nowhere"), "{arguments:?}: {done:?}");
        assert!(!stage.path("nowhere").exists(), "no key is left behind where there is no cluster");
    }
}
