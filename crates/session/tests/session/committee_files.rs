//! A committee file is taken whole or refused with the line, the key and the cure.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::support::key;
use outvote_session::{CommitteeFile, CommitteeFileError, MemberEntry};
use outvote_types::{Member, Parameters, PublicKey};

fn entries(n: u8) -> Vec<MemberEntry> {
    (0..n)
        .map(|index| MemberEntry {
            member: Member {
                consensus_key: key(10 + index).public_key(),
                link_key: key(60 + index).public_key(),
            },
            address: format!("127.0.0.1:{}", 4100 + u16::from(index)),
        })
        .collect()
}

fn text() -> String {
    CommitteeFile::create(entries(4), [3; 32], true, Parameters::default()).unwrap().to_toml()
}

fn refusal(text: &str) -> String {
    CommitteeFile::parse(text).unwrap_err().to_string()
}

#[test]
fn a_written_file_reads_back_the_same() {
    let file = CommitteeFile::create(
        entries(7),
        [3; 32],
        false,
        Parameters { checkpoint_interval: 512, ..Parameters::default() },
    )
    .unwrap();
    assert_eq!(CommitteeFile::parse(&file.to_toml()).unwrap(), file);
}

#[test]
fn a_changed_address_is_no_other_cluster() {
    let moved = text().replace("127.0.0.1:4102", "replica-2.example.org:4100");
    let file = CommitteeFile::parse(&moved).unwrap();
    assert_eq!(file.addresses[2], "replica-2.example.org:4100");
}

// Faults: M14
#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    let bad = text().replace("checkpoint_interval", "checkpoint_intervall");
    let said = refusal(&bad);
    assert!(said.contains("line 8"), "{said}");
    assert!(
        said.contains("`checkpoint_intervall`") && said.contains("did you mean `checkpoint_interval`?"),
        "{said}"
    );
    let bad = text().replacen("link_key", "linkkey", 1);
    assert!(refusal(&bad).contains("did you mean `link_key`?"));
    let said = refusal(&format!("zzzzzzzzzzzz = 1\n{}", text()));
    assert!(said.contains("known keys here are cluster"), "{said}");
}

// Faults: O03
#[test]
fn too_few_members_are_refused_with_what_is_needed() {
    for n in 0..4 {
        let said =
            CommitteeFile::create(entries(n), [0; 32], false, Parameters::default()).unwrap_err().to_string();
        assert!(said.contains("at least 4") && said.contains("not part of this version yet"), "{said}");
    }
    let cut = text().rsplit_once("[[member]]").unwrap().0.to_owned();
    assert!(refusal(&cut).contains("at least 4"));
}

// Faults: M09, M14, O03
#[test]
fn duplicate_and_unusable_keys_are_refused_by_member() {
    let mut twice = entries(4);
    twice[2].member.link_key = twice[0].member.consensus_key;
    let said = CommitteeFile::create(twice, [0; 32], false, Parameters::default()).unwrap_err().to_string();
    assert!(said.contains("member 2"), "{said}");
    let mut small_order = entries(4);
    small_order[1].member.consensus_key = PublicKey([0; 32]);
    let said =
        CommitteeFile::create(small_order, [0; 32], false, Parameters::default()).unwrap_err().to_string();
    assert!(said.contains("member 1") && said.contains("unusable"), "{said}");
    let file = text();
    let first = key(10).public_key().to_hex();
    let said = refusal(&file.replace(&key(13).public_key().to_hex(), &first));
    assert!(said.contains("line 31") && said.contains("member 3"), "{said}");
}

// Faults: O01
#[test]
fn any_change_of_what_the_cluster_covers_is_noticed() {
    for (from, to) in [
        ("demo = true", "demo = false"),
        ("interval = 1024", "interval = 1025"),
        ("bytes = 67108864", "bytes = 67108863"),
        ("epoch = 0", "epoch = 1"),
    ] {
        let bad = text().replace(from, to);
        assert!(
            matches!(CommitteeFile::parse(&bad), Err(CommitteeFileError::OtherCluster { line: 2, .. })),
            "{from}"
        );
    }
    let file = text();
    let swapped = file
        .replace(&key(10).public_key().to_hex(), "swap")
        .replace(&key(11).public_key().to_hex(), &key(10).public_key().to_hex())
        .replace("swap", &key(11).public_key().to_hex());
    assert!(matches!(CommitteeFile::parse(&swapped), Err(CommitteeFileError::OtherCluster { .. })));
}

// Faults: M14, O16
#[test]
fn wrong_values_name_the_line_and_what_belongs_there() {
    for (from, to, says) in [
        ("demo = true", "demo = \"yes\"", "line 4: `demo` must be true or false"),
        ("epoch = 0", "epoch = -1", "line 5: `epoch` must be a whole number"),
        (
            "mode = \"byzantine\"",
            "mode = \"anarchic\"",
            "line 3: `mode` must be \"byzantine\" or \"federated\"",
        ),
        ("address = \"127.0.0.1:4100\"", "address = \"4100\"", "`address` must be host:port"),
        ("demo = true\n", "", "`demo` is missing"),
        ("[[member]]", "[member]", "line"),
        ("demo = true", "demo = tru", "line 4"),
        ("checkpoint_interval = 1024", "checkpoint_interval = 0", "checkpoint_interval is 0"),
        ("checkpoint_bytes = 67108864", "checkpoint_bytes = 0", "checkpoint_bytes is 0"),
    ] {
        let bad = text().replacen(from, to, 1);
        let said = refusal(&bad);
        assert!(said.contains(says), "{from} -> {to}: {said}");
    }
    let cut = text().replace(&key(60).public_key().to_hex(), &key(60).public_key().to_hex()[..62]);
    assert!(refusal(&cut).contains("`link_key` must be 64 hexadecimal digits"));
}

#[test]
fn federated_mode_says_that_it_is_not_there_yet() {
    let said = refusal(&text().replace("byzantine", "federated"));
    assert!(said.contains("federated") && said.contains("not part of this version yet"), "{said}");
}

// Faults: M14
#[test]
fn junk_never_panics() {
    let text = text();
    for cut in 0..text.len() {
        let _ = CommitteeFile::parse(&text[..cut]);
    }
    for junk in
        ["", "\0", "[[member]]", "member = 3", "member = []", "member = [1]", "cluster.a = 1", "a = [[[[[["]
    {
        assert!(CommitteeFile::parse(junk).is_err());
    }
}
