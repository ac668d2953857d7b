//! Bytes on a replica's disk that are whole and yet nothing that this program writes.

use crate::support::{Counter, count_up, own, submit, until, until_level};
use crate::wire::{connect_to, say};
use outvote::{Client, Cluster, Home, Nonce, PublicKey, ReplicaId, Sequence};
use outvote_storage::{
    Change, DataFolder, Entry, Log, LogOptions, RealDisk, StateOptions, StateStore, StorageError,
};
use outvote_types::ToReplica;
use std::collections::BTreeMap;
use std::path::Path;

const LAST: ReplicaId = ReplicaId(3);

/// The first kind of record below the log's own: the replica's.
const REPLICAS_RECORD: u8 = 1;

fn log_of(home: &Home) -> Log<RealDisk> {
    let identity = home.keys().expect("keys").consensus.public_key().0;
    let folder = DataFolder::open(home.root()).expect("free");
    Log::open(folder.log_disk().expect("a log"), identity, LogOptions::default()).expect("opened").0
}

/// A folder's files and their contents.
fn files_in(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path());
    entries.map(|path| (path.clone(), std::fs::read(path).expect("read"))).collect()
}

fn put_back(folder: &Path, files: &BTreeMap<std::path::PathBuf, Vec<u8>>) {
    files_in(folder).keys().for_each(|path| std::fs::remove_file(path).expect("removed"));
    files.iter().for_each(|(path, content)| std::fs::write(path, content).expect("written"));
}

// B4: records and promises that no program of this version wrote.
// Faults: M10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_be_read_is_named_and_nothing_of_it_is_lost() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    cluster.stop_replica(LAST).await.expect("stopped");
    let home = Home::new(cluster.home(LAST).unwrap());
    let folder = cluster.home(LAST).unwrap().join("data/log");
    let whole = files_in(&folder);
    let log = log_of(&home);
    let records = log.records().map(|entry| match entry.expect("read") {
        Entry::Record(stored) => stored,
        Entry::Damage(damage) => panic!("nothing is damaged yet: {damage}"),
    });
    let record = records.filter(|stored| stored.kind == REPLICAS_RECORD).last().expect("a record").payload;
    let outvote_storage::Promises::Held(held) = log.promises() else { panic!("it has promised") };
    let promise = held.payload.clone();
    drop(log);
    let misspelt = |whole: &[u8]| {
        let cuts = [0, 1, whole.len() - 1].map(|length| whole[..length].to_vec());
        let other = [[whole, &[0]].concat(), [&[99], &whole[1..]].concat()];
        cuts.into_iter().chain(other).collect::<Vec<_>>()
    };
    let records = misspelt(&record).into_iter().map(|bad| (bad, false));
    // All its fields are numbers and digests, so a promise is misspelt by its length alone.
    let promises = misspelt(&promise).into_iter().filter(|bad| bad.len() != promise.len());
    for (bad, is_promise) in records.chain(promises.map(|bad| (bad, true))) {
        let mut log = log_of(&home);
        let name = if is_promise {
            log.promise(&bad).expect("gathered");
            "promise ".to_string()
        } else {
            let position = log.append(REPLICAS_RECORD, &bad).expect("gathered");
            format!("record {} of the log", position.index)
        };
        log.sync().expect("written");
        drop(log);
        let spoilt = files_in(&folder);
        let text = cluster.start_replica(LAST).await.expect_err("not readable").to_string();
        let words = [&*name, "cannot be read", "newer program"];
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert!(!is_promise || text.contains("leave data/log as it is"), "{text}");
        assert!(files_in(&folder) == spoilt, "nothing was cut away: {text}");
        put_back(&folder, &whole);
    }
    assert_eq!(count_up(&client).await, 2, "the others go on");
    cluster.start_replica(LAST).await.expect("with its own log it starts");
    assert_eq!(count_up(&client).await, 3);
    until_level(&cluster, LAST, ReplicaId(0)).await;
    assert!(!own(&cluster, LAST).observer, "nothing of its promises is lost");
    cluster.stop().await;
}

/// What is done to a row.
#[derive(Clone, Copy)]
enum Harm {
    Cut,
    Longer,
    Removed,
}

/// Does this to all rows of a table; the key in the middle.
fn spoil(store: &mut StateStore, table: &str, harm: Harm) -> Vec<u8> {
    let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    let mut rows = store.range(table, all.0, all.1).expect("read").entries;
    if table == "floor" && rows.is_empty() {
        // It is there only if the replica has ever been given a state; whether it was, or has caught up by blocks, is a race.
        rows.push((b"floor".to_vec(), vec![0]));
    }
    assert!(!rows.is_empty(), "there is something in the table {table}");
    let spoilt = rows.iter().map(|(key, value)| match harm {
        Harm::Cut => (key, Some(value[..value.len() - 1].to_vec())),
        Harm::Longer => (key, Some([&value[..], &[0]].concat())),
        Harm::Removed => (key, None),
    });
    let spoilt: Vec<_> = spoilt.collect();
    let changes = spoilt.iter().map(|(key, value)| Change { table, key, value: value.as_deref() });
    store.commit(changes).expect("written");
    rows[rows.len() / 2].0.clone()
}

/// Some blocks, one of them longer than a row, that are all in the last replica's database when it is stopped.
async fn filled_and_stopped(cluster: &mut Cluster, client: &Client) -> StateStore {
    let (before, long) = (own(cluster, LAST).stable_checkpoint, vec![b'u'; 40_000]);
    for _ in 0..20 {
        submit(client, &long).await;
    }
    // What a checkpoint covers is in the database; what is later is read from the log again.
    until("its checkpoint is stable", || own(cluster, LAST).stable_checkpoint >= before + 16).await;
    cluster.stop_replica(LAST).await.expect("stopped");
    let file = cluster.home(LAST).unwrap().join("data/state.redb");
    // A program that another test starts just now holds a copy of each lock for the moment until it has become that program.
    let mut opened = None;
    until("nobody else holds the database", || {
        let outcome = StateStore::open(&file, StateOptions::default());
        let is_free = !matches!(outcome, Err(StorageError::Locked { .. }));
        opened = Some(outcome);
        is_free
    })
    .await;
    opened.expect("tried").expect("opened")
}

/// Something that reads the row with this key.
fn question(table: &str, key: &[u8]) -> ToReplica {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes[..8].try_into().unwrap());
    match table {
        "requests" => {
            let (session, nonce) = key.split_at(32);
            ToReplica::Ask { session: PublicKey(session.try_into().unwrap()), nonce: Nonce(number(nonce)) }
        }
        "certificates" => ToReplica::ReceiptAt { id: 1, sequence: Sequence(number(key)), position: 0 },
        _ => ToReplica::Follow { from: Sequence(number(key)) },
    }
}

// B4, E11, D11: rows of the archive that are whole for the database, and nothing that this program writes. The cure that the
// error names is one: the state comes back from the others, and the promises stay.
// Faults: S08, M10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_archive_is_named_and_once_removed_is_fetched_from_the_others() {
    let mut cluster = Cluster::of(4).checkpoint_interval(16).start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let file = cluster.home(LAST).unwrap().join("data/state.redb");
    for (table, harm, named) in [
        ("blocks", Harm::Cut, "blocks"),
        ("parts", Harm::Removed, "blocks"),
        ("certificates", Harm::Cut, "certificates"),
        ("certificates", Harm::Longer, "certificates"),
        ("requests", Harm::Cut, "requests"),
        ("requests", Harm::Longer, "requests"),
        ("floor", Harm::Longer, "floor"),
    ] {
        let mut store = filled_and_stopped(&mut cluster, &client).await;
        let key = spoil(&mut store, table, harm);
        drop(store);
        let text = match cluster.start_replica(LAST).await {
            Err(error) => error.to_string(),
            // Nobody has asked for it yet.
            Ok(()) => {
                let (_reader, mut writer) = connect_to(&cluster, LAST).await;
                assert!(say(&mut writer, &question(table, &key)).await);
                let failure = cluster.failure(LAST).await.expect("running").to_string();
                cluster.stop_replica(LAST).await.expect("stopped");
                failure
            }
        };
        let name = format!("table {named} of the archive is damaged");
        for words in [&*name, "Remove data/state.redb", "Leave data/log"] {
            assert!(text.contains(words), "{table}: {text}");
        }
        count_up(&client).await;
        std::fs::remove_file(&file).expect("removed");
        cluster.start_replica(LAST).await.expect("starts without a state");
        for _ in 0..16 {
            count_up(&client).await;
        }
        until_level(&cluster, LAST, ReplicaId(0)).await;
        assert!(!own(&cluster, LAST).observer, "its promises are in the log");
    }
    cluster.stop().await;
}

// What only points at blocks goes with them, readable or not: nothing of it stays for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_point_nowhere_are_deleted_with_the_blocks_they_stood_for() {
    let builder = Cluster::of(4).checkpoint_interval(4).configure(|config| config.limits.retain_blocks = 4);
    let mut cluster = builder.start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let mut store = filled_and_stopped(&mut cluster, &client).await;
    let tables = ["ids", "requests"];
    let spoilt = tables.map(|table| spoil(&mut store, table, Harm::Cut));
    for (table, key) in tables.iter().zip(&spoilt) {
        assert_eq!(store.get(table, key).expect("read").expect("there").len(), 7);
    }
    drop(store);
    cluster.start_replica(LAST).await.expect("nobody asks for them");
    // Twice, so that a commit comes after the one with the last spoilt block.
    for _ in 0..2 {
        filled_and_stopped(&mut cluster, &client).await;
        cluster.start_replica(LAST).await.expect("started");
    }
    let store = filled_and_stopped(&mut cluster, &client).await;
    for (table, key) in tables.iter().zip(&spoilt) {
        assert_eq!(store.get(table, key).expect("read"), None, "{table}");
        let all = store.range(table, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        assert!(all.expect("read").entries.iter().all(|(_, place)| place.len() == 8), "{table}");
    }
    cluster.stop().await;
}
