//! Replicas that do not belong together: each side says in its log what differs, and the others go on.

use crate::common::running::{Running, all_reach_each_other, chat_goes_on};
use crate::common::{Stage, free_ports};
use std::fs;

/// The value of a key of a committee file, for the member with this index if it is a member's.
fn value(stage: &Stage, file: &str, key: &str, member: usize) -> String {
    let text = fs::read_to_string(stage.path(file)).unwrap();
    let start = format!("{key} = ");
    let mut found = text.lines().filter_map(|line| line.strip_prefix(&start));
    found.nth(member).unwrap().trim_matches('"').to_string()
}

/// Of a pair the member with the lower index dials: it sees the other's key, ends the handshake, and shows none of its own.
fn they_name_each_other(stage: &Stage, dials: (&Running, &str), listens: (&Running, &str)) {
    let shown =
        value(stage, &format!("{}/committee.toml", cluster_of(listens.1)), "link_key", id_of(listens.1));
    let expected =
        value(stage, &format!("{}/committee.toml", cluster_of(dials.1)), "link_key", id_of(listens.1));
    let peer = format!("peer={}", id_of(listens.1));
    dials.0.says(&["WARN", &peer, &shown, &format!("link_key {expected}"), "another cluster"]);
    listens.0.says(&["WARN", "does not know the link key of this node", "another cluster"]);
}

fn cluster_of(home: &str) -> &str {
    home.split('/').next().unwrap()
}

fn id_of(home: &str) -> usize {
    home.rsplit('-').next().unwrap().parse().unwrap()
}

fn a_stranger_in_the_place_of(id: usize) {
    let (stage, port) = (Stage::new(), free_ports());
    stage.testnet_at("one", port);
    stage.testnet_at("other", port);
    let homes: Vec<String> =
        (0..4).filter(|other| *other != id).map(|other| format!("one/replica-{other}")).collect();
    let ours: Vec<Running> = homes.iter().map(|home| Running::start(&stage, home)).collect();
    let strange = format!("other/replica-{id}");
    let stranger = Running::start(&stage, &strange);
    for (one, home) in ours.iter().zip(&homes) {
        if id_of(home) < id {
            they_name_each_other(&stage, (one, home), (&stranger, &strange));
        } else {
            they_name_each_other(&stage, (&stranger, &strange), (one, home));
        }
    }
    chat_goes_on(&stage, "one", "ada");
    for one in ours.iter().chain([&stranger]) {
        let refusals = one.said().matches("does not know the link key of this node").count();
        assert!(refusals <= 1, "said once, however often it comes back: {}", one.said());
    }
    drop(stranger);
    let _own = Running::start(&stage, &format!("one/replica-{id}"));
    all_reach_each_other(&stage, "one");
}

// Faults: N17, X15
#[test]
fn another_clusters_replica_that_dials_the_members_is_refused_by_key_and_the_others_go_on() {
    a_stranger_in_the_place_of(0);
}

// Faults: N17
#[test]
fn another_clusters_replica_at_a_members_address_is_refused_by_key_and_the_others_go_on() {
    a_stranger_in_the_place_of(3);
}

// Faults: O01
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
            let line = other.says(&["WARN", "peer=3", "another cluster", &quoted]);
            assert_eq!(line.matches('`').count(), 2, "that field alone differs: {line}");
        }
        odd.says(&["WARN", "member 0 was turned away", "another cluster", &quoted]);
        drop(odd);
    }
    chat_goes_on(&stage, "net", "ada");
    fs::write(&path, &good).unwrap();
    let own = Running::start(&stage, "net/replica-3");
    all_reach_each_other(&stage, "net");
    assert!(!own.said().contains("another cluster"), "{}", own.said());
}

// Faults: O01
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

// Faults: N17
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
