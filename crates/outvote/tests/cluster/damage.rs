//! Bytes on a replica's disk that are whole and yet nothing that this program writes.

use crate::support::{Counter, count_up, own, until};
use crate::wire::{connect_to, say};
use outvote::{Cluster, Home, ReplicaId, Sequence};
use outvote_storage::{Change, DataFolder, Log, LogOptions, StateOptions, StateStore};
use outvote_types::ToReplica;

const LAST: ReplicaId = ReplicaId(3);

/// The first kind of record below the log's own: the replica's.
const REPLICAS_RECORD: u8 = 1;

// B4: a record that no program of this version wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_a_record_that_cannot_be_read_is_named_and_nothing_of_it_is_lost() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    cluster.stop_replica(LAST).await.expect("stopped");
    let home = Home::new(cluster.home(LAST).unwrap());
    let identity = home.keys().expect("keys").consensus.public_key().0;
    let log_of = |home: &Home| {
        let folder = DataFolder::open(home.root()).expect("free");
        Log::open(folder.log_disk().expect("a log"), identity, LogOptions::default()).expect("opened").0
    };
    let mut log = log_of(&home);
    let position = log.append(REPLICAS_RECORD, &[99, 1, 2, 3]).expect("gathered");
    log.sync().expect("written");
    let count = log.records().count();
    drop(log);
    let text = cluster.start_replica(LAST).await.expect_err("not readable").to_string();
    let words = [&*format!("record {} of the log cannot be read", position.index), "newer program"];
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert_eq!(log_of(&home).records().count(), count, "nothing was cut away");
    assert_eq!(count_up(&client).await, 2, "the others go on");
    cluster.stop().await;
}

// B4: a row of the archive that is whole for the database, and no block for us.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_with_a_block_that_is_none_is_named_and_the_others_go_on() {
    let builder = Cluster::of(4).checkpoint_interval(16);
    let mut cluster = builder.start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=20 {
        assert_eq!(count_up(&client).await, expected);
    }
    // What a checkpoint covers is in the database; what is later is read from the log again.
    until("its checkpoint is stable", || own(&cluster, LAST).stable_checkpoint >= 16).await;
    cluster.stop_replica(LAST).await.expect("stopped");
    let file = cluster.home(LAST).unwrap().join("data/state.redb");
    let mut store = StateStore::open(&file, StateOptions::default()).expect("opened");
    let key = 2u64.to_be_bytes();
    assert!(store.get("blocks", &key).expect("read").is_some(), "it was stored when the replica stopped");
    let change = Change { table: "blocks", key: &key, value: Some(&[0, 0, 0, 0, 9, 9, 9]) };
    store.commit([change]).expect("written");
    drop(store);
    cluster.start_replica(LAST).await.expect("nobody has asked for it yet");
    let (_reader, mut writer) = connect_to(&cluster, LAST).await;
    assert!(say(&mut writer, &ToReplica::Follow { from: Sequence(1) }).await);
    let text = cluster.failure(LAST).await.expect("running").to_string();
    assert!(text.contains("blocks of the archive is damaged") && text.contains("outvote doctor"), "{text}");
    assert_eq!(count_up(&client).await, 21);
    cluster.stop().await;
}
