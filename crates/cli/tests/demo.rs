//! The demo from outside: four processes on free ports, one chat, a dead leader, a liar, a second start.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Stage, free_ports, until};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// How long the cluster may take for anything here, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Demo {
    child: Child,
}

impl Demo {
    fn start(stage: &Stage, port: u16) -> Self {
        let log = fs::File::options().create(true).append(true).open(stage.path("demo.log")).unwrap();
        let child = stage
            .command(&["demo", "--home", "demo", "--port", &port.to_string()])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let demo = Self { child };
        until("all four replicas answer", PATIENCE, || {
            let status = status(stage)?;
            let replicas = status["replicas"].as_array()?.clone();
            (replicas.len() == 4 && replicas.iter().all(|replica| replica["reachable"] == true)).then_some(())
        });
        demo
    }

    /// Ctrl-C, and the exit code.
    fn stop(mut self) -> Option<i32> {
        signal(self.child.id(), "INT");
        until("the demo stops", PATIENCE, || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // The replicas watch their parent, so that its death is theirs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

fn status(stage: &Stage) -> Option<Value> {
    let done = stage.run(&["status", "--home", "demo", "--output", "json"]);
    serde_json::from_str(&done.out).ok()
}

fn leader(stage: &Stage) -> Value {
    until("somebody leads", PATIENCE, || {
        let status = status(stage)?;
        let replicas = status["replicas"].as_array()?;
        replicas.iter().find(|replica| replica["leader"] == true && replica["reachable"] == true).cloned()
    })
}

fn send(stage: &Stage, text: &str, more: &[&str]) {
    let mut arguments = vec!["chat", "send", "lobby", text, "--home", "demo"];
    arguments.extend(more);
    let done = stage.run(&arguments);
    assert_eq!(done.code, 0, "{text}: {done:?}");
}

fn history(stage: &Stage) -> Vec<String> {
    let found = stage.json(&["chat", "history", "lobby", "--home", "demo"]);
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

#[test]
fn the_demo_chats_on_through_a_dead_leader_a_liar_and_a_restart() {
    let (stage, port) = (Stage::new(), free_ports());
    let demo = Demo::start(&stage, port);
    for arguments in [["chat", "register", "ada"], ["chat", "create", "lobby"]] {
        let done = stage.run(&[&arguments[..], &["--home", "demo"]].concat());
        assert_eq!(done.code, 0, "{done:?}");
    }
    send(&stage, "first", &["--receipt", "receipt.json"]);
    tampering_is_noticed(&stage, &stage.path("receipt.json"));

    let refused = stage.run(&["chat", "send", "no-such-room", "x", "--home", "demo"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("there is no room \"no-such-room\""), "{refused:?}");

    let dead = leader(&stage);
    signal(u32::try_from(dead["pid"].as_u64().unwrap()).unwrap(), "KILL");
    send(&stage, "second", &[]);
    assert!(leader(&stage)["view"].as_u64() > dead["view"].as_u64(), "another one leads");
    assert_eq!(history(&stage), ["first", "second"]);

    assert_eq!(demo.stop(), Some(0), "Ctrl-C is a clean end");
    let demo = Demo::start(&stage, port);
    assert_eq!(history(&stage), ["first", "second"]);

    let accused = leader(&stage)["id"].clone();
    let liar = accused.to_string();
    assert_eq!(stage.run(&["traitor", &liar, "equivocate", "--home", "demo"]).code, 0);
    for count in 0..5 {
        send(&stage, &format!("m{count}"), &[]);
    }
    let proof = until("somebody holds a proof", PATIENCE, || {
        let found = stage.json(&["evidence", "list", "--home", "demo"]);
        let all = found["evidence"].as_array()?.clone();
        all.into_iter().find(|entry| entry["accused"] == accused)
    });
    let shown = stage.json(&["evidence", "show", proof["id"].as_str().unwrap(), "--home", "demo"]);
    fs::write(stage.path("proof.json"), shown.to_string()).unwrap();
    let verdict = stage.json(&["evidence", "verify", "proof.json", "--committee", "demo/committee.toml"]);
    assert_eq!((verdict["valid"].clone(), verdict["accused"].to_string()), (Value::Bool(true), liar.clone()));

    let log =
        "[10:00] <ada> another ada\n[10:01] <ben> hi\nnonsense\n[10:02] <cy> \u{fc}ber\n[10:03] <ben> bye\n";
    fs::write(stage.path("a.log"), log).unwrap();
    let arguments = ["chat", "import", "a.log", "--room", "logs", "--home", "demo"];
    let report = stage.json(&arguments);
    // The name ada is taken, so that nick cannot speak; everybody else's words stand, in the file's order.
    assert_eq!((report["messages"].as_u64(), report["committed"].as_u64()), (Some(4), Some(3)), "{report}");
    assert_eq!(report["skipped_lines"], 1);
    assert_eq!(stage.json(&arguments)["committed"], 3, "the same import again adds nothing");
    let found = stage.json(&["chat", "history", "logs", "--home", "demo"]);
    let texts: Vec<&Value> =
        found["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["hi", "\u{fc}ber", "bye"]);
    assert_eq!(demo.stop(), Some(0));
}
