//! Bytes on a replica's disk that are whole and yet nothing that this program writes.

use crate::support::{Counter, count_up};
use outvote::{Cluster, Home, ReplicaId};
use outvote_storage::{DataFolder, Log, LogOptions};

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
