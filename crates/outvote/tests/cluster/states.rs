//! States that are wrong, lost, or behind.

use crate::support::{Counter, count_up, own, submit, until, until_level};
use crate::wire::{connect_to, hear, say};
use outvote::{Cluster, ReplicaId, Sequence};
use outvote_types::{ToClient, ToReplica};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const LAST: ReplicaId = ReplicaId(3);

// C4: a replica whose state is outvoted stops answering, repairs itself, and counts with the others again.
// Faults: P08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_miscounted_is_outvoted_and_repairs_itself() {
    let (is_wrong, made) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let flag = Arc::clone(&is_wrong);
    let make = move || {
        let is_last = made.fetch_add(1, Ordering::SeqCst) == LAST.index();
        Counter { is_wrong: is_last.then(|| Arc::clone(&flag)) }
    };
    let cluster = Cluster::of(4).checkpoint_interval(4).start(make).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=3 {
        assert_eq!(count_up(&client).await, expected);
    }
    is_wrong.store(true, Ordering::SeqCst);
    assert_eq!(count_up(&client).await, 4);
    until_level(&cluster, LAST, ReplicaId(0)).await;
    is_wrong.store(false, Ordering::SeqCst);
    for expected in 5..=30 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    until("its state is that of the others", || {
        let (own, others) = (own(&cluster, LAST), own(&cluster, ReplicaId(0)));
        !own.repairing
            && own.state_digest_at == others.state_digest_at
            && own.state_digest == others.state_digest
    })
    .await;
    cluster.stop().await;
}

// C1: bytes bring checkpoints long before the interval ends, at the same blocks after a restart, and the log may drop what
// they cover.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_bring_checkpoints_that_a_restart_does_not_move() {
    let builder = Cluster::of(4).checkpoint_interval(1_000_000).checkpoint_bytes(20_000);
    let mut cluster = builder.start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let mut operation = vec![b'u'; 1_500];
    for round in 0..3u16 {
        for _ in 0..10 {
            submit(&client, &operation).await;
            operation.push(b'p');
        }
        let id = ReplicaId(round + 1);
        cluster.stop_replica(id).await.expect("stopped");
        cluster.start_replica(id).await.expect("started");
    }
    let before = own(&cluster, LAST).executed;
    for _ in 0..30 {
        submit(&client, &operation).await;
    }
    // A checkpoint needs three equal votes, and three of the four were restarted in the middle of an interval.
    for id in (0..4).map(ReplicaId) {
        until("the checkpoints are stable", || own(&cluster, id).stable_checkpoint > before).await;
        assert!(!own(&cluster, id).repairing, "replica {id} went with the others");
    }
    cluster.stop().await;
}

// A replica that was away for longer than the others keep blocks fetches the state, and names no block below the hole.
// Faults: X05, P13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_away_for_long_fetches_the_state_also_when_interrupted() {
    let builder = Cluster::of(4).checkpoint_interval(4).configure(|config| config.limits.retain_blocks = 4);
    let mut cluster = builder.start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    cluster.stop_replica(LAST).await.expect("stopped");
    for expected in 2..=100 {
        assert_eq!(count_up(&client).await, expected);
    }
    // A client needs two answers, so a third replica may execute late, and nobody gives up blocks before it has.
    for id in (0..3).map(ReplicaId) {
        until("the first blocks are given up", || own(&cluster, id).stable_checkpoint > 80).await;
    }
    // What they still have in memory would do instead of the state, so they begin with an empty one, and take checkpoints anew.
    for id in (0..3).map(ReplicaId) {
        cluster.stop_replica(id).await.expect("stopped");
        cluster.start_replica(id).await.expect("started");
    }
    for expected in 101..=112 {
        assert_eq!(count_up(&client).await, expected);
    }
    for _ in 0..3 {
        // Stopped in the middle of whatever it is doing.
        cluster.start_replica(LAST).await.expect("started");
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        cluster.stop_replica(LAST).await.expect("stopped");
    }
    cluster.start_replica(LAST).await.expect("started");
    for expected in 113..=122 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    // There is a hole in its history now, and it says where the history goes on.
    let (mut reader, mut writer) = connect_to(&cluster, LAST).await;
    assert!(say(&mut writer, &ToReplica::Follow { from: Sequence(2) }).await);
    let oldest = loop {
        match hear(&mut reader).await.expect("goes on") {
            ToClient::StreamGone { oldest } => break oldest,
            ToClient::Block { header, .. } => {
                assert!(header.body.sequence < Sequence(50), "no block is left out")
            }
            _ => {}
        }
    };
    assert!(oldest > Sequence(50), "the state was fetched: {oldest}");
    // It carries its share: without one of the others, it is needed.
    cluster.stop_replica(ReplicaId(1)).await.expect("stopped");
    for expected in 123..=127 {
        assert_eq!(count_up(&client).await, expected);
    }
    cluster.stop().await;
}
