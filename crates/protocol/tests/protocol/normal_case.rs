//! The normal case.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, EPOCH_US, HOP_US, block, propose, request};
use outvote_types::{Digest, Message};

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
// Faults: R01
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

fn now_of(cluster: &Cluster, later_us: u64) -> u64 {
    EPOCH_US + cluster.now + later_us
}

// N5: a header of another view, or while the view changes, is not prepared, however well it fits.
#[test]
fn only_headers_of_the_current_open_view_are_prepared() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::NewView(_)));
    let parent = cluster.replica(2).status().committed_id;
    let before = cluster.prepares(2).len();
    let (later, _) = block(1, 1, 2, parent, now_of(&cluster, 0), &[]);
    cluster.give(1, 2, propose(&later, &[]));
    assert_eq!(cluster.prepares(2).len(), before, "a view that was not entered");
    cluster.kill(0);
    cluster.run_ms(200);
    assert_eq!((cluster.view(2), cluster.replica(2).status().normal), (1, false));
    for (leader, view) in [(0, 0), (1, 1)] {
        let (header, _) = block(leader, view, 2, parent, now_of(&cluster, 0), &[]);
        cluster.give(1, 2, propose(&header, &[]));
        assert_eq!(cluster.prepares(2).len(), before, "view {view}, while view 1 is not open");
    }
}

// N6: only the child of what was prepared last: not another parent's, and not the one after next, which waits.
// Faults: L02, L07
#[test]
fn only_the_child_of_the_last_prepared_header_is_prepared() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, _, _| true);
    let tip = cluster.replica(2).status().committed_id;
    let before = cluster.prepares(2).len();
    let (orphan, _) = block(0, 0, 2, Digest::of(b"another parent"), now_of(&cluster, 0), &[]);
    cluster.give(0, 2, propose(&orphan, &[]));
    assert_eq!(cluster.prepares(2).len(), before, "another parent");

    let before = cluster.prepares(3).len();
    let (next, _) = block(0, 0, 2, tip, now_of(&cluster, 1), &[]);
    let (after, _) = block(0, 0, 3, next.body.id(), now_of(&cluster, 2), &[]);
    cluster.give(0, 3, propose(&after, &[]));
    assert_eq!(cluster.prepares(3).len(), before, "too early");
    cluster.give(0, 3, propose(&next, &[]));
    let prepared: Vec<u64> = cluster.prepares(3)[before..].iter().map(|vote| vote.1).collect();
    assert_eq!(prepared, [2, 3], "what waited follows in order");
}
