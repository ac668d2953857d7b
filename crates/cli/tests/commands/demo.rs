//! The demo from outside: four processes on free ports, one chat, a dead leader, a liar, a second start.

use crate::common::demo::{Demo, PATIENCE, kill, signal};
use crate::common::{Stage, until};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn send(demo: &Demo, text: &str, more: &[&str]) {
    demo.done(&[&["chat", "send", "lobby", text], more].concat());
}

fn history(demo: &Demo) -> Vec<String> {
    let found = demo.json(&["chat", "history", "lobby"]);
    let messages = found["messages"].as_array().unwrap();
    messages.iter().map(|message| message["text"].as_str().unwrap().to_string()).collect()
}

/// Every hexadecimal digest of the receipt, changed one at a time, is noticed.
fn tampering_is_noticed(stage: &Stage, receipt: &Path) {
    let text = fs::read_to_string(receipt).unwrap();
    let verify = |path: &str| stage.run(&["receipt", "verify", path, "--committee", "demo/committee.toml"]);
    let good = stage.json(&["receipt", "verify", "receipt.json", "--committee", "demo/committee.toml"]);
    assert_eq!(good["valid"], true);
    assert_eq!(good["message"]["text"], "first");
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let starts: Vec<usize> = text
        .match_indices('"')
        .map(|(at, _)| at + 1)
        .filter(|at| text.as_bytes()[*at..].iter().take_while(|byte| is_digit(**byte)).count() >= 64)
        .collect();
    assert!(starts.len() > 10, "a receipt holds many digests");
    for at in starts {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        fs::write(stage.path("bad.json"), bytes).unwrap();
        let done = verify("bad.json");
        assert_eq!(done.code, 1, "the digit at {at} was changed: {done:?}");
    }
    fs::write(stage.path("bad.json"), "{}").unwrap();
    assert_eq!(verify("bad.json").code, 1);
}

// Faults: P01, P02
#[test]
fn the_demo_chats_on_through_a_dead_leader_a_liar_and_a_restart() {
    let mut demo = Demo::start(&[]);
    for arguments in [["chat", "register", "ada"], ["chat", "create", "lobby"]] {
        demo.done(&arguments);
    }
    send(&demo, "first", &["--receipt", "receipt.json"]);
    tampering_is_noticed(&demo.stage, &demo.stage.path("receipt.json"));

    let refused = demo.run(&["chat", "send", "no-such-room", "x"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("there is no room \"no-such-room\""), "{refused:?}");

    let dead = demo.some_leader();
    kill(&dead);
    send(&demo, "second", &[]);
    assert!(demo.some_leader()["view"].as_u64() > dead["view"].as_u64(), "another one leads");
    assert_eq!(history(&demo), ["first", "second"]);

    assert_eq!(demo.stop(), Some(0), "Ctrl-C is a clean end");
    demo.start_again();
    assert_eq!(history(&demo), ["first", "second"]);

    a_liar_is_convicted_and_follows_from_then_on(&mut demo);
    an_import_is_done_once(&demo);
    assert_eq!(demo.stop(), Some(0));
}

/// A proof names it; told to keep to the rules again, it is shown votes that its disk knows nothing of, and never votes again.
fn a_liar_is_convicted_and_follows_from_then_on(demo: &mut Demo) {
    let accused = demo.some_leader()["id"].clone();
    let liar = accused.to_string();
    demo.done(&["traitor", &liar, "equivocate"]);
    for count in 0..5 {
        send(demo, &format!("m{count}"), &[]);
    }
    let proof = until("somebody holds a proof", PATIENCE, || {
        demo.evidence().into_iter().find(|entry| entry["accused"] == accused)
    });
    let shown = demo.json(&["evidence", "show", proof["id"].as_str().unwrap()]);
    fs::write(demo.stage.path("proof.json"), shown.to_string()).unwrap();
    let offline = ["evidence", "verify", "proof.json", "--committee", "demo/committee.toml"];
    let verdict = demo.stage.json(&offline);
    assert_eq!((verdict["valid"].clone(), verdict["accused"].to_string()), (Value::Bool(true), liar.clone()));

    demo.done(&["traitor", &liar, "honest"]);
    let entry = |all: Vec<Value>| all.into_iter().find(|one| one["id"] == accused);
    let observer = || demo.replicas().and_then(entry).filter(|one| one["observer"] == true);
    let repentant = until("it may follow only", PATIENCE, observer);
    assert_eq!(repentant["behaviour"], "honest");
    assert!(demo.done(&["status"]).out.contains("observes"), "people see it, too");
    let doctor = demo.run(&["doctor"]);
    let words = format!("replica {liar}: it follows, and may never vote with its key again");
    assert!(doctor.code == 1 && doctor.out.contains(&words), "{doctor:?}");
    it_follows(demo, &accused);
    // D18: not even a restart gives its vote back.
    kill(&repentant);
    let is_new = |one: &Value| one["pid"] != repentant["pid"];
    until("it is an observer after its restart", PATIENCE, || observer().filter(is_new));
    it_follows(demo, &accused);
    its_vote_is_missed(demo, &accused);
}

/// What is said stands at the observer, too.
fn it_follows(demo: &Demo, observer: &Value) {
    send(demo, "while it follows", &[]);
    until("it holds what the others hold", PATIENCE, || {
        let all = demo.replicas()?;
        let most = all.iter().filter_map(|one| one["executed"].as_u64()).max()?;
        let own = all.iter().find(|one| one["id"] == *observer)?;
        let peer = all.iter().find(|one| one["id"] != *observer)?;
        let is_level =
            own["executed"].as_u64() == Some(most) && own["state_digest_at"].as_u64() == Some(most);
        (is_level && own["state_digest"] == peer["state_digest"]).then_some(())
    });
}

/// With one of the three others frozen there is no quorum, and the observer makes none: what is sent is neither agreed nor
/// rejected, and is agreed once when there is one again.
fn its_vote_is_missed(demo: &Demo, observer: &Value) {
    let leader = demo.some_leader();
    let all = demo.all_are_there();
    let frozen = all.iter().find(|one| one["id"] != *observer && one["id"] != leader["id"]).unwrap();
    let pid = u32::try_from(frozen["pid"].as_u64().unwrap()).unwrap();
    signal(pid, "STOP");
    let sent = demo.run(&["chat", "send", "lobby", "waits for a quorum"]);
    signal(pid, "CONT");
    assert_eq!(sent.code, 4, "agreed with an observer's vote, or given up: {sent:?}");
    assert!(sent.out.is_empty() && sent.err.contains("still pending"), "{sent:?}");
    demo.all_are_there();
    let stands = || history(demo).into_iter().filter(|text| text == "waits for a quorum").count();
    until("it is agreed at last", PATIENCE, || (stands() > 0).then_some(()));
    send(demo, "and again there is one", &[]);
    assert_eq!(stands(), 1, "sent once, it stands once");
}

fn an_import_is_done_once(demo: &Demo) {
    let log =
        "[10:00] <ada> another ada\n[10:01] <ben> hi\nnonsense\n[10:02] <cy> \u{fc}ber\n[10:03] <ben> bye\n";
    fs::write(demo.stage.path("a.log"), log).unwrap();
    let arguments = ["chat", "import", "a.log", "--room", "logs"];
    let report = demo.json(&arguments);
    // The name ada is taken, so that nick cannot speak; everybody else's words stand, in the file's order.
    assert_eq!((report["messages"].as_u64(), report["committed"].as_u64()), (Some(4), Some(3)), "{report}");
    assert_eq!(report["skipped_lines"], 1);
    assert_eq!(demo.json(&arguments)["committed"], 3, "the same import again adds nothing");
    let found = demo.json(&["chat", "history", "logs"]);
    let texts: Vec<&Value> =
        found["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["hi", "\u{fc}ber", "bye"]);
}
