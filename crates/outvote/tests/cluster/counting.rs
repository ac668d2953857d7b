//! Counting through dead leaders, returns and lies.

use crate::support::{Counter, count_up, leader, until, until_level};
use outvote::{Cluster, ReplicaId};

// Faults: P01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_counts_through_a_stopped_leader_and_its_return() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=5 {
        assert_eq!(count_up(&client).await, expected);
    }
    let first = leader(&cluster);
    cluster.stop_replica(first).await.expect("stopped");
    for expected in 6..=10 {
        assert_eq!(count_up(&client).await, expected);
    }
    until("the others crowned a new leader", || leader(&cluster) != first).await;
    cluster.start_replica(first).await.expect("started again");
    for expected in 11..=15 {
        assert_eq!(count_up(&client).await, expected);
    }
    cluster.stop().await;
}

// Faults: L01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equivocating_leader_is_outvoted_and_named() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    let liar = leader(&cluster);
    cluster.behave(liar, "equivocate").expect("a demo cluster");
    for expected in 2..=10 {
        assert_eq!(count_up(&client).await, expected);
    }
    let accused = (0..4)
        .filter(|id| ReplicaId(*id) != liar)
        .filter_map(|id| cluster.report(ReplicaId(id)))
        .any(|report| report.evidence.iter().any(|evidence| evidence.accused == liar.0));
    assert!(accused, "an honest replica holds the proof");
    cluster.stop().await;
}

// Faults: R01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_replicas_that_never_start_are_not_missed_even_the_first_leader() {
    for absent in [ReplicaId(0), ReplicaId(3)] {
        let mut cluster = Cluster::of(4).without(absent).start(Counter::default).await.expect("started");
        let client = cluster.client().await.expect("connected");
        for expected in 1..=5 {
            assert_eq!(count_up(&client).await, expected);
        }
        cluster.start_replica(absent).await.expect("started late");
        assert_eq!(count_up(&client).await, 6);
        until_level(&cluster, absent, ReplicaId(1)).await;
        cluster.stop().await;
    }
}
