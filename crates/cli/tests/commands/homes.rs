//! Homes that cannot be used: each gets an error that names the thing and the cure, and nothing is lost.

use crate::common::{Ended, Stage, free_ports, set_mode, until};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Stdio};
use std::time::Duration;

/// A replica that runs, and is killed with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(stage: &Stage, home: &str) -> Running {
    let child = stage
        .command(&["start", "--home", home])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lock = stage.path(home).join("data/LOCK");
    let pid = child.id().to_string();
    until("the replica takes its folder", Duration::from_secs(20), || {
        fs::read_to_string(&lock).ok().filter(|text| text.trim() == pid)
    });
    Running(child)
}

fn assert_says(done: &Ended, code: i32, words: &[&str]) {
    assert_eq!(done.code, code, "{done:?}");
    for word in words {
        assert!(done.err.contains(word), "should say {word:?}: {}", done.err);
    }
}

// Faults: O04
#[test]
fn a_key_that_others_can_read_is_refused() {
    let stage = Stage::new();
    stage.testnet("net");
    let key = stage.path("net/replica-0/keys/consensus.key");
    set_mode(&key, 0o644);
    assert_says(&stage.start_and_fail("net/replica-0"), 2, &["consensus.key", "chmod 600"]);
    set_mode(&key, 0o600);
    fs::write(&key, "nonsense").unwrap();
    assert_says(&stage.start_and_fail("net/replica-0"), 2, &["consensus.key", "no key file"]);
}

// Faults: O02
#[test]
fn two_processes_never_share_a_home() {
    let stage = Stage::new();
    let port = stage.testnet("net");
    let running = start(&stage, "net/replica-0");
    // Other ports, so that the home alone is what they fight for.
    let config = stage.path("net/replica-0/config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let moved = text
        .replace(&format!(":{port}\""), &format!(":{}\"", port + 50))
        .replace(&format!(":{}\"", port + 100), &format!(":{}\"", port + 150));
    fs::write(&config, moved).unwrap();
    let pid = running.0.id().to_string();
    assert_says(&stage.start_and_fail("net/replica-0"), 1, &["in use", &pid]);
}

// Faults: O09
#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let stage = Stage::new();
    let port = stage.testnet("net");
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_says(
        &stage.start_and_fail("net/replica-0"),
        1,
        &[&port.to_string(), "network.http", "config.toml"],
    );
    drop(held);
    let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, port + 100)).unwrap();
    assert_says(&stage.start_and_fail("net/replica-0"), 1, &[&(port + 100).to_string()]);
}

// Faults: O08
#[test]
fn a_newer_data_folder_asks_for_a_newer_program() {
    let stage = Stage::new();
    stage.testnet("net");
    fs::write(stage.path("net/replica-0/data/VERSION"), "outvote data 99\n").unwrap();
    assert_says(&stage.start_and_fail("net/replica-0"), 1, &["99", "newer program"]);
}

#[test]
fn a_replica_of_another_cluster_is_refused() {
    let stage = Stage::new();
    stage.testnet("one");
    stage.testnet("other");
    fs::copy(stage.path("other/committee.toml"), stage.path("one/replica-0/config/committee.toml")).unwrap();
    assert_says(&stage.start_and_fail("one/replica-0"), 2, &["not in", "committee.toml"]);
}

// Faults: O01
#[test]
fn a_changed_committee_file_is_refused() {
    let stage = Stage::new();
    stage.testnet("net");
    let path = stage.path("net/replica-0/config/committee.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("demo = true", "demo = false")).unwrap();
    assert_says(&stage.start_and_fail("net/replica-0"), 2, &["committee", "cluster"]);
}

#[test]
fn a_home_keeps_its_application() {
    let stage = Stage::new();
    stage.testnet("net");
    let done = stage.run(&["start", "--home", "net/replica-0", "--app", "kv"]);
    assert_says(&done, 2, &["chat", "kv"]);
}

// Faults: O04
#[test]
fn the_doctor_says_what_is_wrong_in_words_and_in_json() {
    let stage = Stage::new();
    stage.testnet("net");
    set_mode(&stage.path("net/replica-2/keys/link.key"), 0o640);
    let done = stage.run(&["doctor", "--home", "net", "--output", "json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let report: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(report["ok"], false);
    let findings = report["findings"].as_array().unwrap();
    let ill = |about: &str| {
        findings
            .iter()
            .any(|finding| finding["ok"] == false && finding["about"].as_str().unwrap().contains(about))
    };
    assert!(ill("replica-2: link key"), "{}", done.out);
    assert!(!ill("replica-1: keys"));
    assert!(ill("quorum"), "nobody runs");
    let cures = findings.iter().filter(|finding| finding["ok"] == false);
    assert!(cures.clone().all(|finding| !finding["cure"].as_str().unwrap().is_empty()));
    assert!(stage.run(&["doctor", "--home", "net"]).out.contains("what to do"));
}

// Faults: O16, O01
#[test]
fn what_all_members_agree_on_is_chosen_with_the_committee() {
    let stage = Stage::new();
    let port = free_ports().to_string();
    let arguments = [
        "testnet",
        "-o",
        "net",
        "--starting-port",
        &port,
        "--tenure-blocks",
        "500",
        "--checkpoint-bytes",
        "1048576",
    ];
    let made = stage.json(&arguments);
    let text = fs::read_to_string(stage.path("net/committee.toml")).unwrap();
    for line in
        ["checkpoint_interval = 1024", "checkpoint_bytes = 1048576", "tenure_blocks = 500", "tenure_ms = 0"]
    {
        assert!(text.contains(line), "should say {line:?}: {text}");
    }
    // It is part of the cluster's name: one member alone cannot change it.
    assert!(text.contains(made["cluster"].as_str().unwrap()));
    let own = stage.path("net/replica-0/config/committee.toml");
    fs::write(&own, text.replace("tenure_blocks = 500", "tenure_blocks = 501")).unwrap();
    assert_says(&stage.start_and_fail("net/replica-0"), 2, &["committee", "cluster"]);
    let local = fs::read_to_string(stage.path("net/replica-1/config/config.toml")).unwrap();
    assert!(local.contains("committee.toml") && local.contains("tenure_blocks"), "{local}");
    let made = stage.run(&["testnet", "-o", "bad", "--starting-port", &port, "--checkpoint-interval", "0"]);
    assert_says(&made, 2, &["checkpoint_interval is 0"]);
}
