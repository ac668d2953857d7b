//! What is kept is bounded, when the configuration says so.

use crate::support::{Counter, count_up, own, submit, until};
use outvote::{ClientError, Cluster, ReplicaId, Sequence};
use std::path::Path;

const MIB: u64 = 1 << 20;

fn bytes_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    files.map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
}

// Faults: X06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_and_the_archive_stay_bounded_and_a_restart_works() {
    let builder = Cluster::of(4).checkpoint_interval(4).configure(|config| {
        config.limits.retain_blocks = 12;
        config.limits.log_segment_mib = 1;
    });
    let mut cluster = builder.start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let payload = vec![b'x'; 60_000];
    for expected in 1..=150 {
        assert_eq!(submit(&client, &payload).await, expected);
    }
    // 9 MB went through each log, and through each archive.
    for id in (0..4).map(ReplicaId) {
        let log = cluster.home(id).unwrap().join("data/log");
        until(&format!("the log of {id} is short"), || bytes_in(&log) < 5 * MIB).await;
    }
    until("the report is up to date", || own(&cluster, ReplicaId(0)).executed >= 148).await;
    // Replicas may still be giving up blocks, one after the other: whoever asks for one that is gone is told where to begin.
    let mut oldest = Sequence(1);
    let block = loop {
        let reader = cluster.client().await.expect("connected");
        let mut follow = reader.follow(oldest).await.expect("followed");
        match follow.next().await.expect("an answer") {
            Err(ClientError::StreamGone { oldest: later }) => {
                assert!(later > oldest, "{later} is the oldest and was asked for as {oldest}");
                oldest = later;
            }
            other => break other.expect("the oldest block"),
        }
    };
    assert_eq!(block.header.sequence, oldest);
    let executed = own(&cluster, ReplicaId(0)).executed;
    assert!(oldest.0 + 40 > executed && oldest.0 + 12 <= executed + 1, "{oldest} of {executed}");

    for id in (0..4).map(ReplicaId) {
        cluster.stop_replica(id).await.expect("stopped");
    }
    for id in (0..4).map(ReplicaId) {
        let bytes = cluster.home(id).unwrap().join("data/state.redb").metadata().expect("there").len();
        assert!(bytes < 8 * MIB, "what was given up is deleted: {bytes} bytes");
        cluster.start_replica(id).await.expect("started again");
    }
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 151);
    cluster.stop().await;
}
