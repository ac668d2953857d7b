//! Wrong usage and wrong files: exit code 2, with what, where and how to mend it.

use crate::common::{Ended, Stage};
use std::fs;

fn assert_usage(stage: &Stage, arguments: &[&str], words: &[&str]) {
    let done = stage.run(arguments);
    assert_eq!(done.code, 2, "{arguments:?}: {done:?}");
    assert_eq!(done.out, "", "nothing but data goes to stdout");
    for word in words {
        assert!(done.err.contains(word), "{arguments:?} should say {word:?}: {}", done.err);
    }
}

// Faults: M15
#[test]
fn bad_usage_ends_with_2_and_help_with_0() {
    let stage = Stage::new();
    assert_usage(&stage, &["chat", "send"], &["Usage"]);
    assert_usage(&stage, &["no-such-command"], &["no-such-command"]);
    assert_usage(&stage, &["status", "--output", "yaml"], &["json"]);
    for command in
        ["demo", "start", "doctor", "sim", "chat import", "receipt verify", "kv", "evidence", "config"]
    {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let done = stage.run(&arguments);
        assert_eq!(done.code, 0, "{command}: {done:?}");
    }
}

#[test]
fn a_folder_without_a_cluster_is_named_with_the_cure() {
    let stage = Stage::new();
    assert_usage(&stage, &["status", "--home", "nowhere"], &["nowhere", "outvote demo", "--home"]);
    assert_usage(&stage, &["chat", "register", "ada", "--home", "nowhere"], &["nowhere"]);
    assert!(!stage.path("nowhere").exists(), "no key is left behind where there is no cluster");
}

#[test]
fn init_never_overwrites_a_home() {
    let stage = Stage::new();
    let arguments = ["init", "--home", "ada", "--address", "127.0.0.1:4100"];
    assert_eq!(stage.run(&arguments).code, 0);
    let key = fs::read(stage.path("ada/keys/consensus.key")).unwrap();
    assert_usage(&stage, &arguments, &["ada", "not empty"]);
    assert_eq!(fs::read(stage.path("ada/keys/consensus.key")).unwrap(), key);
}

fn public_parts(stage: &Stage, count: usize) -> Vec<String> {
    let one = |id: usize| {
        let (home, address) = (format!("home-{id}"), format!("127.0.0.1:{}", 4100 + id));
        let done = stage.run(&["init", "--home", &home, "--address", &address]);
        assert_eq!(done.code, 0, "{done:?}");
        done.out.trim().to_string()
    };
    (0..count).map(one).collect()
}

fn create(stage: &Stage, parts: &[String], file: &str) -> Ended {
    let mut arguments = vec!["committee", "create", "-o", file];
    arguments.extend(parts.iter().map(String::as_str));
    stage.run(&arguments)
}

// Faults: O03
#[test]
fn a_committee_takes_four_members_with_good_keys_of_their_own() {
    let stage = Stage::new();
    let parts = public_parts(&stage, 4);
    let too_few = create(&stage, &parts[..3], "three.toml");
    assert_eq!(too_few.code, 2, "{too_few:?}");
    assert!(too_few.err.contains('4'), "{too_few:?}");

    let twice = create(
        &stage,
        &[parts[0].clone(), parts[1].clone(), parts[2].clone(), parts[0].clone()],
        "twice.toml",
    );
    assert_eq!(twice.code, 2, "{twice:?}");
    assert!(twice.err.contains("member 3"), "{twice:?}");

    let mut short = parts.clone();
    short[1].remove(0);
    let short = create(&stage, &short, "short.toml");
    assert_eq!(short.code, 2, "{short:?}");
    assert!(short.err.contains("64 hexadecimal"), "{short:?}");

    for file in ["three.toml", "twice.toml", "short.toml"] {
        assert!(!stage.path(file).exists());
    }
    assert_eq!(create(&stage, &parts, "committee.toml").code, 0);
    assert_eq!(create(&stage, &parts, "committee.toml").code, 2, "a committee file is never overwritten");
}

// Faults: M14
#[test]
fn an_unknown_configuration_key_is_refused_with_a_suggestion() {
    let stage = Stage::new();
    stage.testnet("net");
    let path = stage.path("net/replica-0/config/config.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(stage.run(&["config", "check", "--home", "net"]).code, 0);

    fs::write(&path, text.replace("count_max", "count_maxx")).unwrap();
    assert_usage(
        &stage,
        &["config", "check", "--home", "net/replica-0"],
        &["config.toml", "line", "count_max`?"],
    );
    let done = stage.start_and_fail("net/replica-0");
    assert_eq!(done.code, 2, "{done:?}");

    fs::write(&path, text.replace("view_ms = 500", "view_ms = 1")).unwrap();
    assert_usage(&stage, &["config", "check", "--home", "net/replica-0"], &["timeouts.view_ms"]);
}

#[test]
fn every_setting_is_explained_and_shown() {
    let stage = Stage::new();
    stage.testnet("net");
    let all = stage.json(&["config", "explain"]);
    let settings = all["settings"].as_array().unwrap();
    assert!(settings.len() > 8);
    assert!(settings.iter().all(|setting| !setting["about"].as_str().unwrap().is_empty()));
    assert_eq!(stage.json(&["config", "explain", "view_ms"])["settings"][0]["default"], "500");
    let agreed = &stage.json(&["config", "explain", "tenure_blocks"])["settings"][0];
    assert_eq!(
        (agreed["key"].as_str(), agreed["default"].as_str()),
        (Some("committee.tenure_blocks"), Some("0"))
    );
    assert!(agreed["about"].as_str().unwrap().contains("committee.toml"));
    assert_usage(&stage, &["config", "explain", "nonsense"], &["nonsense", "batch.count_max"]);
    let shown = stage.json(&["config", "show", "--home", "net/replica-1"]);
    assert_eq!(shown["batch"]["count_max"], 50);
}

// Faults: M15
#[test]
fn an_unknown_identity_is_named_with_the_cure() {
    let stage = Stage::new();
    stage.testnet("net");
    let arguments = ["chat", "send", "lobby", "hello", "--as", "ada", "--home", "net"];
    assert_usage(&stage, &arguments, &["ada", "chat register"]);
    assert_usage(&stage, &["chat", "register", " ", "--home", "net"], &["name"]);
}

#[test]
fn a_traitor_must_exist_and_the_cluster_must_be_a_demo() {
    let stage = Stage::new();
    stage.testnet("net");
    assert_usage(&stage, &["traitor", "7", "mute", "--home", "net"], &["no replica 7"]);
    assert_usage(&stage, &["traitor", "1", "sulk", "--home", "net"], &["sulk", "equivocate"]);
    let parts = public_parts(&stage, 4);
    assert_eq!(create(&stage, &parts, "home-0/config/committee.toml").code, 0);
    assert_usage(&stage, &["traitor", "1", "mute", "--home", "home-0"], &["demo"]);
}

#[test]
fn the_federated_mode_says_what_to_use_instead() {
    let stage = Stage::new();
    let not_yet = "not part of this version yet";
    assert_usage(&stage, &["demo", "--mode", "federated"], &[not_yet, "byzantine", "at least 4"]);
    let three = ["demo", "--replicas", "3", "--home", "three"];
    assert_usage(&stage, &three, &["3 replicas", "at least 4, in any mode", not_yet]);
    assert!(!stage.path("three").exists());
}

#[test]
fn files_that_name_no_application_and_no_identity_are_named() {
    let stage = Stage::new();
    stage.testnet("net");
    fs::write(stage.path("net/replica-0/config/application"), "chess\n").unwrap();
    let done = stage.start_and_fail("net/replica-0");
    assert!(
        done.code == 2 && done.err.contains("config/application") && done.err.contains("chat or kv"),
        "{done:?}"
    );
    fs::write(stage.path("net/client/identities/default"), "ada").unwrap();
    assert_usage(&stage, &["chat", "send", "lobby", "hello", "--home", "net"], &["ada", "chat register"]);
    fs::write(stage.path("net/client/identities/default"), b"\xff\xfe").unwrap();
    assert_usage(&stage, &["chat", "send", "lobby", "hello", "--home", "net"], &["chat register"]);
}

#[test]
fn a_file_that_is_no_receipt_and_no_proof_is_named_and_never_taken_for_one() {
    let stage = Stage::new();
    stage.testnet("net");
    let deep = "[".repeat(100_000);
    let bad: [&[u8]; 12] = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{\"proof\":1}",
        b"{\"proof\":\"0g\"}",
        b"{\"proof\":\"0\"}",
        b"{\"proof\":\"00\"}",
        b"00",
        b"ffffffff",
        deep.as_bytes(),
    ];
    for bytes in bad {
        fs::write(stage.path("bad.json"), bytes).unwrap();
        for command in [["receipt", "verify"], ["evidence", "verify"]] {
            let arguments = [&command[..], &["bad.json", "--committee", "net/committee.toml"]].concat();
            let done = stage.run(&arguments);
            let start = String::from_utf8_lossy(&bytes[..bytes.len().min(20)]);
            assert_eq!(done.code, 1, "{command:?} of {start:?}: {done:?}");
            assert!(
                done.err.contains("bad.json") && done.out.is_empty(),
                "{command:?} of {start:?}: {done:?}"
            );
        }
    }
    for command in [["receipt", "verify"], ["evidence", "verify"]] {
        let missing =
            stage.run(&[&command[..], &["none.json", "--committee", "net/committee.toml"]].concat());
        assert!(missing.code != 0 && missing.err.contains("none.json"), "{missing:?}");
        let arguments = [&command[..], &["bad.json", "--committee", "bad.json"]].concat();
        assert_usage(&stage, &arguments, &["bad.json"]);
    }
}

#[test]
fn the_page_and_the_command_know_the_same_behaviours() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/src/lib/behaviours.ts");
    let source = fs::read_to_string(source).unwrap();
    let names: Vec<&str> =
        source.split("name: '").skip(1).map(|rest| rest.split('\'').next().unwrap()).collect();
    assert_eq!(names, outvote_node::Behaviour::ALL.map(|behaviour| behaviour.name()));
}
