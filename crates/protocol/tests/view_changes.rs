//! Mutiny: the leader dies, restarts, or lies.
#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Cluster, request, signed};
use outvote_types::{
    BoundedVec, Certificate, Message, Phase, ReplicaId, Signature, TimeoutCertificate, View, ViewChange,
    ViewChangeHead,
};

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

// V15: repeats of a VIEWCHANGE never show less than before, and the leader keeps the higher one of each sender.
#[test]
fn a_repeated_head_never_shows_a_lower_lock() {
    let mut cluster = Cluster::started(4);
    let mut seed = 1u64;
    cluster.loses = Box::new(move |_, _, _| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 40).is_multiple_of(3)
    });
    for nonce in 1..=40 {
        (0..4).for_each(|i| cluster.request(i, request(9, nonce, b"x")));
        cluster.run_ms(40);
        if nonce % 10 == 0 {
            let leader = usize::try_from(cluster.view(3) % 4).unwrap();
            (0..4).filter(|i| *i != leader).for_each(|i| cluster.link(i, leader, false));
            cluster.run_ms(1_000);
            (0..4).filter(|i| *i != leader).for_each(|i| cluster.link(i, leader, true));
        }
    }
    let mut repeats = 0;
    for node in &cluster.nodes {
        let mut last: Option<ViewChangeHead> = None;
        for message in &node.sent {
            let Message::ViewChange(change) = message else { continue };
            let head = change.head.body;
            if let Some(last) = last.filter(|last| last.view == head.view) {
                assert!(head.rank >= last.rank, "{head:?} after {last:?}");
                repeats += 1;
            }
            last = Some(head);
        }
    }
    assert!(repeats > 0, "something was repeated");
}

// V15: a lower head that arrives later, from a relay say, takes nothing back.
#[test]
fn a_leader_replaces_a_head_only_by_a_higher_one() {
    let mut cluster = Cluster::started(4);
    for nonce in 1..=3 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(20);
    }
    cluster.loses = Box::new(|_, _, _| true);
    let certificate_of = |cluster: &Cluster, sequence: usize| {
        let block = &cluster.nodes[2].commits[sequence - 1];
        let header = &block.block.header.body;
        Certificate {
            phase: Phase::Prepare,
            view: header.view,
            sequence: header.sequence,
            id: block.id,
            votes: BoundedVec::truncated([0, 2, 3].map(|id| (ReplicaId(id), Signature::default())).to_vec()),
        }
    };
    let suspects = [0, 2, 3].map(|id| (ReplicaId(id), Signature::default()));
    let timeout = TimeoutCertificate { view: View(0), votes: BoundedVec::truncated(suspects.to_vec()) };
    for (replica, sequence) in [(3, 4), (3, 2), (2, 3)] {
        let certificate = certificate_of(&cluster, sequence);
        let head = ViewChangeHead {
            view: View(1),
            rank: certificate.rank(),
            id: certificate.id,
            replica: ReplicaId(replica),
        };
        let change =
            ViewChange { head: signed(head), certificate: Some(certificate), timeout: timeout.clone() };
        cluster.give(usize::from(replica), 1, Message::ViewChange(Box::new(change)));
    }
    let opening = cluster.nodes[1].sent.iter().find_map(|message| match message {
        Message::NewView(opening) => Some(opening.signed.body.clone()),
        _ => None,
    });
    let heads = opening.unwrap().heads;
    let of_3 = heads.iter().find(|head| head.body.replica == ReplicaId(3)).unwrap();
    assert_eq!(of_3.body.rank.sequence.0, 4, "the later and lower one was not taken");
}

// Scenario 43, second half. V21, N13: after a fast-forward the first NEWVIEW of the view is no longer acted upon.
#[test]
fn no_opening_is_taken_after_a_fast_forward() {
    let mut cluster = Cluster::started(7);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, to, message| to == 2 && matches!(message, Message::NewView(_)));
    cluster.kill(0);
    cluster.run_ms(60);
    for nonce in 1..=3 {
        (1..7).for_each(|i| cluster.request(i, request(9, nonce, b"x")));
        cluster.run_ms(60);
    }
    let status = cluster.replica(2).status();
    assert!(status.normal && status.view.0 == 1 && status.voted.0 >= 4, "{status:?}");
    cluster.loses = Box::new(|_, _, _| true);
    let opening = cluster.nodes[1].sent.iter().find(|m| matches!(m, Message::NewView(_))).unwrap().clone();
    let before = cluster.prepares(2).len();
    cluster.give(1, 2, opening);
    assert_eq!(cluster.replica(2).status().voted, status.voted);
    // Another block on the opening's base, by a leader that equivocates.
    let base = cluster.nodes[2].commits[0].id;
    let time = cluster::EPOCH_US + cluster.now;
    let (header, _) = cluster::block(1, 1, 2, base, time, &[request(7, 1, b"another history")]);
    cluster.give(1, 2, cluster::propose(&header, &[]));
    assert_eq!(cluster.prepares(2).len(), before, "nothing is prepared in a slot that was jumped over");
}
