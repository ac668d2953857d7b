//! Mutiny: the leader dies, restarts, or lies.
#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Cluster, request};

// V1, V9, V11, V18, V20: the next leader takes over quickly after a SIGKILL.
#[test]
fn the_next_leader_takes_over() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(100);
    cluster.kill(0);
    for i in 1..4 {
        cluster.request(i, request(9, 1, b"survives"));
    }
    cluster.run_ms(150);
    for i in 1..4 {
        assert_eq!(cluster.view(i), 1);
        assert_eq!(cluster.ordered(i), vec![(9, 1)], "replica {i}");
    }
}

// D7, D9, D10: a restarted leader hands over at once and takes part in the next view.
#[test]
fn a_restarted_leader_hands_over() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(100);
    cluster.kill(0);
    cluster.restart(0);
    cluster.run_ms(20);
    for i in 0..4 {
        assert_eq!(cluster.view(i), 1, "replica {i}");
    }
    cluster.request(1, request(9, 1, b"x"));
    cluster.run_ms(20);
    assert_eq!(cluster.ordered(0), vec![(9, 1)]);
    assert!(!cluster.replica(0).status().sitting_out);
}

// V7, D7: the whole cluster loses power: exactly one view change.
#[test]
fn a_power_loss_costs_one_view_change() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(100);
    for i in 0..4 {
        cluster.kill(i);
    }
    for i in 0..4 {
        cluster.restart(i);
    }
    cluster.run_ms(100);
    for i in 0..4 {
        assert_eq!(cluster.view(i), 1, "replica {i}");
    }
    cluster.request(1, request(9, 2, b"y"));
    cluster.run_ms(100);
    for i in 0..4 {
        assert_eq!(cluster.ordered(i).last(), Some(&(9, 2)), "replica {i}");
        assert_eq!(cluster.view(i), 1, "replica {i}");
    }
}
