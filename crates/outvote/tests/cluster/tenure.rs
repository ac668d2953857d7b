//! Leaders that take turns because the members agreed on it.

use crate::support::{Counter, count_up, until_level};
use outvote::{Cluster, ReplicaId};
use std::time::{Duration, Instant};

const FOLLOWER: ReplicaId = ReplicaId(3);

fn view(cluster: &Cluster) -> u64 {
    let reports = (0..4)
        .filter_map(|id| cluster.report(ReplicaId(id)).map(|report| report.replicas[usize::from(id)].view));
    reports.max().unwrap()
}

/// A cluster whose leaders take turns. A leader must seem dead for long, so that only turns change the view.
async fn rotating(blocks: u64, time: Duration) -> Cluster {
    let builder = Cluster::of(4).tenure(blocks, time).configure(|config| config.timeouts.view_ms = 5_000);
    builder.start(Counter::default).await.expect("started")
}

fn nobody_is_accused(cluster: &Cluster) {
    for id in (0..4).map(ReplicaId) {
        assert!(
            cluster.report(id).expect("running").evidence.is_empty(),
            "a turn that ends is nobody's fault"
        );
    }
}

// P12: under work each leader has its blocks, and its clients notice nothing; without work nobody's turn ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_take_turns_after_so_many_blocks_and_not_when_idle() {
    let cluster = rotating(10, Duration::ZERO).await;
    let client = cluster.client().await.expect("connected");
    for expected in 1..=100 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, FOLLOWER, ReplicaId(0)).await;
    // The last block may have ended a turn, and the next leader has no work: so there is one more turn at most, however long it
    // takes and however long one waits.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let turns = view(&cluster);
    // One operation after the other is one block each, and each view begins with one that does not count.
    assert!((9..=10).contains(&turns), "{turns} turns for a hundred blocks");
    nobody_is_accused(&cluster);
    cluster.stop().await;
}

// P12: by time, from the first work on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_take_turns_after_so_long_and_not_when_idle() {
    let cluster = rotating(0, Duration::from_millis(500)).await;
    let client = cluster.client().await.expect("connected");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(view(&cluster), 0, "without any work nobody's turn begins");
    let (begun, mut expected) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(4) {
        expected += 1;
        assert_eq!(count_up(&client).await, expected);
    }
    let turns = view(&cluster);
    assert!((3..=8).contains(&turns), "{turns} turns of half a second in four seconds");
    // The last one's turn ends once more, whenever that is; the next leader has no work, so its turn never begins. Turns without
    // work would be six in this time.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let last = view(&cluster);
    assert!(last <= turns + 1, "{last} after {turns}: an idle cluster does not rotate");
    nobody_is_accused(&cluster);
    cluster.stop().await;
}
