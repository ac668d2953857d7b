//! The normal case.
#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Cluster, HOP_US, request};

// N1, N2, N11, N14: proposal, PREPARE, COMMIT: three message delays.
#[test]
fn a_request_commits_everywhere_after_three_hops() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let before = cluster.committed(0);
    cluster.request(0, request(9, 1, b"hello"));
    cluster.run_us(3 * HOP_US);
    for i in 0..4 {
        assert_eq!(cluster.committed(i), before + 1, "replica {i}");
        assert_eq!(cluster.ordered(i), vec![(9, 1)]);
    }
}

// Q6, N1: view 0 works from the start, and an idle cluster only beats (T3).
#[test]
fn an_idle_cluster_keeps_its_leader() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(10_000);
    for i in 0..4 {
        assert_eq!(cluster.view(i), 0);
        assert_eq!(cluster.committed(i), 1, "the view's first block alone");
    }
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// Q1: every committee size commits with its f members silent.
#[test]
fn every_size_commits_with_f_replicas_silent() {
    for n in 4..=10u8 {
        let mut cluster = Cluster::started(n);
        let f = usize::from((n - 1) / 3);
        cluster.run_ms(10);
        for i in 0..f {
            cluster.kill(usize::from(n) - 1 - i);
        }
        for nonce in 1..=20 {
            cluster.request(0, request(9, nonce, b"x"));
            cluster.run_ms(5);
        }
        assert_eq!(cluster.ordered(0).len(), 20, "n = {n}");
        assert_eq!(cluster.view(0), 0);
    }
}
