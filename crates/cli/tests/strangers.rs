//! Replicas that do not belong together: each side says in its log what differs, and the others go on.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::running::{Running, all_reach_each_other, chat_goes_on};
use common::{Stage, free_ports};
use std::fs;

/// The value of a key of a committee file, for the member with this index if it is a member's.
fn value(stage: &Stage, file: &str, key: &str, member: usize) -> String {
    let text = fs::read_to_string(stage.path(file)).unwrap();
    let start = format!("{key} = ");
    let mut found = text.lines().filter_map(|line| line.strip_prefix(&start));
    found.nth(member).unwrap().trim_matches('"').to_string()
}

#[test]
fn another_clusters_replica_at_a_members_address_is_refused_by_key_and_the_others_go_on() {
    let (stage, port) = (Stage::new(), free_ports());
    stage.testnet_at("one", port);
    stage.testnet_at("other", port);
    let ours: Vec<Running> = (1..4).map(|id| Running::start(&stage, &format!("one/replica-{id}"))).collect();
    let stranger = Running::start(&stage, "other/replica-0");
    let strange_key = value(&stage, "other/committee.toml", "link_key", 0);
    for (one, id) in ours.iter().zip(1..) {
        // Each side names the other's key and where it ought to stand.
        one.says(&["WARN", &strange_key, "no member's link key"]);
        let shown = value(&stage, "one/committee.toml", "link_key", id);
        let expected = value(&stage, "other/committee.toml", "link_key", id);
        stranger.says(&[
            "WARN",
            &format!("peer={id}"),
            &shown,
            &format!("link_key {expected}"),
            "another cluster",
        ]);
    }
    chat_goes_on(&stage, "one", "ada");
    let refusals = ours[0].said().matches("no member's link key").count();
    assert_eq!(refusals, 1, "said once, however often it comes back");
    drop(stranger);
    let _own = Running::start(&stage, "one/replica-0");
    all_reach_each_other(&stage, "one");
}

#[test]
fn a_member_with_another_committee_file_is_told_which_field_differs_and_is_welcome_with_the_right_one() {
    let stage = Stage::new();
    stage.testnet("net");
    let good = fs::read_to_string(stage.path("net/committee.toml")).unwrap();
    let others: Vec<Running> =
        (0..3).map(|id| Running::start(&stage, &format!("net/replica-{id}"))).collect();
    let path = stage.path("net/replica-3/config/committee.toml");
    for (field, wrong) in [
        ("checkpoint_interval", good.replace("checkpoint_interval = 1024", "checkpoint_interval = 512")),
        ("demo", good.replace("demo = true", "demo = false")),
    ] {
        assert_ne!(wrong, good, "the file has a {field}");
        fs::write(&path, &wrong).unwrap();
        // What the cluster of these settings is called, the program says itself.
        let refused = stage.run(&["status", "--home", "net/replica-3"]);
        assert_eq!(refused.code, 2, "{refused:?}");
        let (_, rest) = refused.err.split_once("the members and settings give ").unwrap();
        let name = rest.get(..64).unwrap();
        fs::write(&path, wrong.replace(&value(&stage, "net/committee.toml", "cluster", 0), name)).unwrap();

        let odd = Running::start(&stage, "net/replica-3");
        let quoted = format!("`{field}`");
        for other in &others {
            let line = other.says(&["WARN", "member 3 was turned away", "another cluster", &quoted]);
            assert_eq!(line.matches('`').count(), 2, "that field alone differs: {line}");
        }
        drop(odd);
    }
    chat_goes_on(&stage, "net", "ada");
    fs::write(&path, &good).unwrap();
    let own = Running::start(&stage, "net/replica-3");
    all_reach_each_other(&stage, "net");
    assert!(!own.said().contains("another cluster"), "{}", own.said());
}

#[test]
fn the_member_that_dials_says_which_field_differs_too() {
    let stage = Stage::new();
    stage.testnet("net");
    let good = fs::read_to_string(stage.path("net/committee.toml")).unwrap();
    let wrong = good.replace("checkpoint_interval = 1024", "checkpoint_interval = 512");
    let path = stage.path("net/replica-0/config/committee.toml");
    fs::write(&path, &wrong).unwrap();
    let refused = stage.run(&["status", "--home", "net/replica-0"]);
    let (_, rest) = refused.err.split_once("the members and settings give ").unwrap();
    fs::write(
        &path,
        wrong.replace(&value(&stage, "net/committee.toml", "cluster", 0), rest.get(..64).unwrap()),
    )
    .unwrap();
    let odd = Running::start(&stage, "net/replica-0");
    let other = Running::start(&stage, "net/replica-2");
    odd.says(&["WARN", "peer=2", "another cluster", "`checkpoint_interval`", "committee files"]);
    other.says(&["WARN", "member 0 was turned away", "`checkpoint_interval`"]);
}

#[test]
fn a_member_with_another_link_key_is_told_so() {
    let stage = Stage::new();
    stage.testnet("net");
    stage.testnet("other");
    fs::copy(stage.path("other/replica-0/keys/link.key"), stage.path("net/replica-2/keys/link.key")).unwrap();
    let done = stage.start_and_fail("net/replica-2");
    let (found, expected) = (
        value(&stage, "other/committee.toml", "link_key", 0),
        value(&stage, "net/committee.toml", "link_key", 2),
    );
    assert_eq!(done.code, 2, "{done:?}");
    for word in [&*found, &*expected, "member 2", "keys/link.key", "committee.toml"] {
        assert!(done.err.contains(word), "{word}: {}", done.err);
    }
}
