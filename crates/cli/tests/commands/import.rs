//! Real chat into a cluster of real processes, while replica 2 equivocates the whole time and the leader's process is killed
//! twice: every message stands once and in the files' order, and what was agreed can be proven.

#![allow(clippy::print_stderr, reason = "shows the import's own report")]

use crate::common::demo::{Demo, PATIENCE, kill};
use crate::common::until;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a whole import may take.
const IMPORT_PATIENCE: Duration = Duration::from_secs(600);
/// Who lies, and who does not.
const LIAR: u64 = 2;
const HONEST: [usize; 3] = [0, 1, 3];
/// How often the excerpt is brought in, as so many files: long enough that two leaders die inside.
const COPIES: usize = 40;
/// Leaders killed at most until the liar has led.
const ROUNDS_MAX: usize = 12;

/// Two clusters at once would only take the processors from each other.
static ONE_CLUSTER: Mutex<()> = Mutex::new(());

/// A cluster of which one replica lies from now on.
fn with_a_liar() -> Demo {
    let cluster = Demo::start(&[]);
    cluster.done(&["traitor", &LIAR.to_string(), "equivocate"]);
    cluster
}

/// How many messages the room holds, as `f + 1` replicas say; none while there is no such room.
fn messages_held(cluster: &Demo, room: &str) -> u64 {
    let done = cluster.run(&["chat", "history", room, "--limit", "1", "--output", "json"]);
    let Ok(found) = serde_json::from_str::<Value>(&done.out) else { return 0 };
    found["messages"][0]["index"].as_u64().map_or(0, |index| index + 1)
}

/// Everything that was said in a room. The command asks for page after page, and refuses none for its number.
fn history_of(cluster: &Demo, room: &str, expected: usize) -> Vec<Value> {
    let limit = (expected + 1_000).to_string();
    let found = cluster.json(&["chat", "history", room, "--limit", &limit]);
    found["messages"].as_array().unwrap().clone()
}

/// A proof against the liar, if one is on file.
fn proof(cluster: &Demo) -> Option<Value> {
    let all = cluster.evidence();
    for entry in &all {
        assert_eq!(entry["accused"], LIAR, "nobody else lied: {entry}");
    }
    all.into_iter().next()
}

/// The lines of logs as this test reads them, with nothing of the product's own reading: nick and text.
fn lines_of(files: &[PathBuf]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in files {
        let text = String::from_utf8(fs::read(file).unwrap()).unwrap();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let message = line.split_once("] <").and_then(|(_, rest)| rest.split_once("> "));
            let (nick, said) = message.unwrap_or_else(|| panic!("no message: {line}"));
            found.push((nick.to_string(), said.to_string()));
        }
    }
    assert!(found.len() >= 300, "the logs hold messages");
    found
}

/// Kills the process of who leads in view `from` or a later one, once the room holds more than it did; how much it held then. The
/// liar is spared, since it is to lie the whole time. A leader that was started again in its view is still its leader in name.
fn kill_the_leader_while_it_runs(cluster: &Demo, import: &mut Child, held: u64, from: u64) -> (u64, Value) {
    until("the import goes on and somebody honest leads", PATIENCE, || {
        let ended = import.try_wait().unwrap();
        assert!(ended.is_none(), "the import ended ({ended:?}) before a leader could be killed");
        let now = messages_held(cluster, "ubuntu");
        let is_due =
            |leader: &Value| now > held && leader["id"] != LIAR && leader["view"].as_u64() >= Some(from);
        let leader = cluster.leader().filter(is_due)?;
        kill(&leader);
        assert!(import.try_wait().unwrap().is_none(), "the import runs while the leader dies");
        Some((now, leader))
    })
}

/// The import in the background, with two leaders killed; its report.
fn import_while_leaders_die(cluster: &Demo, files: &[PathBuf], more: &[&str]) -> Value {
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let start = ["chat", "import", "--home", "demo", "--room", "ubuntu", "--output", "json"];
    let mut import = cluster
        .stage
        .command(&[&start, more, &files].concat())
        .stdout(File::create(cluster.stage.path("import.out")).unwrap())
        .stderr(File::create(cluster.stage.path("import.err")).unwrap())
        .spawn()
        .unwrap();
    let before = cluster.replicas().unwrap();
    let (held, first) = kill_the_leader_while_it_runs(cluster, &mut import, 0, 0);
    let next = first["view"].as_u64().unwrap() + 1;
    let (later, second) = kill_the_leader_while_it_runs(cluster, &mut import, held, next);
    assert_ne!(first["id"], second["id"], "another leader died: {first} {second}");
    eprintln!("killed: {} with {held} messages held, {} with {later}", first["id"], second["id"]);

    let ended = until("the import ends", IMPORT_PATIENCE, || import.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0), "the import ends well");
    let after = cluster.all_are_there();
    for id in [&first["id"], &second["id"]].map(|id| usize::try_from(id.as_u64().unwrap()).unwrap()) {
        assert_ne!(before[id]["pid"], after[id]["pid"], "replica {id} was started again");
    }
    let liar = usize::try_from(LIAR).unwrap();
    assert_eq!(before[liar]["pid"], after[liar]["pid"], "the liar lived through it all");
    assert_eq!(after[liar]["behaviour"], "equivocate", "and lies still");
    serde_json::from_str(&fs::read_to_string(cluster.stage.path("import.out")).unwrap()).unwrap()
}

/// Each line stands once, at its place, under its nick, and each nick has a key of its own.
fn history_is_the_files(history: &[Value], lines: &[(String, String)]) {
    let mut keys = BTreeMap::new();
    for (at, (message, (nick, said))) in history.iter().zip(lines).enumerate() {
        assert_eq!(message["index"].as_u64(), Some(at as u64), "no index is left out or taken twice");
        assert_eq!((message["author"].as_str(), message["text"].as_str()), (Some(&**nick), Some(&**said)));
        let key = message["key"].as_str().unwrap();
        assert_eq!(*keys.entry(nick).or_insert(key), key, "{nick} has one key");
    }
    assert_eq!(history.len(), lines.len());
    assert_eq!(keys.values().collect::<BTreeSet<_>>().len(), keys.len(), "no two nicks share a key");
}

/// Waits until the honest replicas have executed the same blocks; then they hold the same state.
fn honest_digests_are_equal(cluster: &Demo) {
    let places = until("the honest replicas executed the same", PATIENCE, || {
        let all = cluster.replicas()?;
        let honest = HONEST.map(|id| all[id].clone());
        let are_there = honest.iter().all(|one| one["reachable"] == true);
        let is_same = honest.iter().all(|one| {
            one["state_digest_at"] == honest[0]["state_digest_at"]
                && one["executed"] == one["state_digest_at"]
        });
        (are_there && is_same).then_some(honest)
    });
    for one in &places {
        assert_eq!(one["state_digest"], places[0]["state_digest"], "{places:?}");
    }
    assert_eq!(places[0]["state_digest"].as_str().map(str::len), Some(64));
}

/// A proof of the liar's lie that holds with no network. Leaders go round, so it leads at last, and cannot do so unseen.
fn liar_is_convicted(cluster: &Demo) {
    let mut rounds = 0;
    let proof = loop {
        let leader = cluster.some_leader();
        if let Some(proof) = proof(cluster) {
            break proof;
        }
        assert!(rounds < ROUNDS_MAX, "no proof after {rounds} leaders; now {leader}");
        if leader["id"] != LIAR {
            kill(&leader);
        }
        // Whoever leads now has to propose, and a liar proposes two things.
        cluster.done(&["chat", "send", "aside", &format!("round {rounds}")]);
        cluster.all_are_there();
        rounds += 1;
    };
    let shown = cluster.json(&["evidence", "show", proof["id"].as_str().unwrap()]);
    fs::write(cluster.stage.path("proof.json"), shown.to_string()).unwrap();
    let offline = ["evidence", "verify", "proof.json", "--committee", "demo/committee.toml"];
    let verdict = cluster.stage.json(&offline);
    assert_eq!((&verdict["valid"], &verdict["accused"]), (&Value::Bool(true), &Value::from(LIAR)));
}

/// Receipts of ten messages from the first to the last hold with nothing but the committee's file, for these very words.
fn ten_receipts_hold(cluster: &Demo, history: &[Value]) {
    for step in 0..10 {
        let message = &history[step * (history.len() - 1) / 9];
        let [sequence, position] = ["sequence", "position"].map(|field| message[field].to_string());
        cluster.json(&["receipt", "get", &sequence, &position, "-o", "receipt.json"]);
        let offline = ["receipt", "verify", "receipt.json", "--committee", "demo/committee.toml"];
        let verdict = cluster.stage.json(&offline);
        assert_eq!((&verdict["valid"], &verdict["applied"]), (&Value::Bool(true), &Value::Bool(true)));
        assert_eq!((&verdict["author"], &verdict["sequence"]), (&message["key"], &message["sequence"]));
        for field in ["room", "index", "text"] {
            assert_eq!(verdict["message"][field], message[field], "{verdict}");
        }
    }
}

/// The whole path with these files.
fn import_and_judge(files: &[PathBuf], more: &[&str]) {
    let lines = lines_of(files);
    let nicks = lines.iter().map(|(nick, _)| nick).collect::<BTreeSet<_>>().len();
    let _alone = ONE_CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = with_a_liar();
    for arguments in [["chat", "register", "bystander-of-the-import"], ["chat", "create", "aside"]] {
        cluster.done(&arguments);
    }
    let report = import_while_leaders_die(&cluster, files, more);
    eprintln!("{report}");
    let counts =
        ["messages", "committed", "nicks", "rejected", "skipped_lines"].map(|field| report[field].as_u64());
    let all = Some(lines.len() as u64);
    assert_eq!(counts, [all, all, Some(nicks as u64), Some(0), Some(0)], "{report}");

    let history = history_of(&cluster, "ubuntu", lines.len());
    history_is_the_files(&history, &lines);
    honest_digests_are_equal(&cluster);
    ten_receipts_hold(&cluster, &history);
    liar_is_convicted(&cluster);
    honest_digests_are_equal(&cluster);
    assert_eq!(messages_held(&cluster, "ubuntu"), lines.len() as u64, "nothing was said again since");
}

// Faults: P01, L01
#[test]
fn an_excerpt_is_imported_once_and_in_order_while_a_replica_lies_and_two_leaders_die() {
    let fixture = "../../apps/chat/tests/fixtures/ubuntu-2015-02-04.log";
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture).canonicalize().unwrap();
    // Small envelopes make many blocks of few messages, so that there is much to lose and to mix up.
    import_and_judge(&vec![fixture; COPIES], &["--envelope", "10", "--in-flight", "16"]);
}

#[test]
#[ignore = "needs a host with a whole set of logs, whose folder OUTVOTE_CHAT_LOGS names"]
fn a_whole_set_of_logs_is_imported() {
    let folder = std::env::var_os("OUTVOTE_CHAT_LOGS").expect("OUTVOTE_CHAT_LOGS names a folder of *.log");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path().canonicalize().unwrap());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect();
    files.sort();
    import_and_judge(&files, &[]);
}
