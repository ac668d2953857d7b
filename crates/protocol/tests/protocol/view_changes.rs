//! Mutiny: the leader dies, restarts, or lies.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, request, signed};
use outvote_protocol::{Justification, Record, Voting};
use outvote_types::{
    BoundedVec, Certificate, Message, Phase, ReplicaId, Signature, Suspect, TimeoutCertificate, View,
    ViewChange, ViewChangeHead,
};

// V1, V9, V11, V18, V20: the next leader takes over quickly after a SIGKILL.
// Faults: P01
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
// Faults: P02
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
    let time = crate::cluster::EPOCH_US + cluster.now;
    let (header, _) = crate::cluster::block(1, 1, 2, base, time, &[request(7, 1, b"another history")]);
    cluster.give(1, 2, crate::cluster::propose(&header, &[]));
    assert_eq!(cluster.prepares(2).len(), before, "nothing is prepared in a slot that was jumped over");
}

// Scenario 21. V17: only replica 3 saw the certificate, and what it covers does not reach the new leader from anybody. The
// leader asks for it, goes on collecting others, and opens the view without it.
// Faults: R26
#[test]
fn a_leader_goes_on_without_a_certified_block_that_nobody_supplies() {
    let is_data = |to: usize, message: &Message| to == 1 && matches!(message, Message::Data(_));
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let common = cluster.replica(1).status().committed_id;
    cluster.loses = Box::new(|_, to, message| match message {
        Message::Propose(_) => to == 1,
        Message::Prepare(_) | Message::Certificate(_) => to != 3,
        Message::Commit(_) => true,
        _ => false,
    });
    cluster.request(0, request(9, 1, b"certified and out of reach"));
    cluster.run_ms(5);
    let lost = cluster.replica(3).status().high_rank;
    assert_eq!(
        (lost.sequence.0, cluster.replica(2).status().high_rank.sequence.0),
        (2, 1),
        "one alone has it"
    );
    // The VIEWCHANGE of 0 is late.
    cluster.loses = Box::new(move |from, to, message| match message {
        Message::ViewChange(_) => from == 0,
        Message::Prepare(_) | Message::Commit(_) | Message::Certificate(_) => true,
        _ => is_data(to, message),
    });
    let suspects = [0, 2, 3].map(|id| (ReplicaId(id), Signature::default()));
    let timeout = TimeoutCertificate { view: View(0), votes: BoundedVec::truncated(suspects.to_vec()) };
    cluster.give(2, 1, Message::Timeout(timeout));
    cluster.run_ms(200);
    let openings = |cluster: &Cluster| -> Vec<_> {
        let sent = cluster.nodes[1].sent.iter();
        sent.filter_map(|m| if let Message::NewView(n) = m { Some(n.signed.body.clone()) } else { None })
            .collect()
    };
    let asked = cluster.nodes[1].sent.iter().filter(|m| matches!(m, Message::Fetch(_))).count();
    assert_eq!(openings(&cluster), vec![], "two heads count, and the third waits for its block");
    assert!(asked > 1, "it is asked for, of one after the other");
    cluster.loses = Box::new(move |_, to, message| is_data(to, message));
    cluster.run_ms(300);
    let opened = openings(&cluster).remove(0);
    assert_eq!(opened.base().map(|(_, id)| id), Some(common), "the highest of those that count");
    assert!(opened.heads.iter().all(|head| head.body.replica != ReplicaId(3)));
    cluster.run_ms(700);
    cluster.request(1, request(9, 2, b"y"));
    cluster.run_ms(20);
    for i in 0..4 {
        assert_eq!(cluster.view(i), 1, "replica {i}");
        assert_eq!(
            cluster.ordered(i),
            vec![(9, 1), (9, 2)],
            "replica {i}: the request was not lost with its block"
        );
    }
}

/// Gives replicas 0 to 2 of four a view 1, and replica 0 alone the right to view 2; then all lose power. Replica 3 is gone.
fn alone_in_view_2() -> Cluster {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    cluster.kill(3);
    cluster.kill(0);
    cluster.restart(0);
    cluster.run_ms(50);
    (0..3).for_each(|i| assert_eq!(cluster.view(i), 1, "replica {i}"));
    cluster.loses = Box::new(|_, _, _| true);
    let suspects = [0, 1, 2].map(|id| (ReplicaId(id), Signature::default()));
    let timeout = TimeoutCertificate { view: View(1), votes: BoundedVec::truncated(suspects.to_vec()) };
    cluster.give(1, 0, Message::Timeout(timeout));
    assert_eq!((cluster.view(0), cluster.view(1)), (2, 1));
    (0..3).for_each(|i| cluster.kill(i));
    cluster
}

// Scenario 35: what let the one into its view is lost with a torn write, or rots. D26, V12, T4
// Faults: S06, S07
#[test]
fn a_view_whose_justification_is_lost_is_left_by_suspicion() {
    for is_torn in [false, true] {
        let mut cluster = alone_in_view_2();
        let before = crate::cluster::promises(&cluster.nodes[0].disk).nth(1).unwrap();
        let voting = if is_torn { Voting::AllowedAfterGap { before } } else { Voting::Allowed };
        let is_of_view_2 = |record: &Record| match record {
            Record::Justification(Justification::Timeout(timeout)) => timeout.view == View(1),
            _ => false,
        };
        let disk = &mut cluster.nodes[0].disk;
        let before = disk.len();
        disk.retain(|record| !is_of_view_2(record));
        assert_eq!(disk.len(), before - 1);
        assert!(disk.iter().any(|record| matches!(record, Record::Justification(Justification::Timeout(_)))));
        cluster.loses = Box::new(|_, _, _| false);
        cluster.nodes[0].sent.clear();
        cluster.start_as(0, false, voting);
        assert_eq!(cluster.view(0), 2, "{voting:?}");
        (1..3).for_each(|i| cluster.restart(i));
        cluster.run_ms(3_000);
        (0..3).for_each(|i| cluster.request(i, request(9, 2, b"y")));
        cluster.run_ms(3_000);
        for i in 0..3 {
            assert_eq!(cluster.ordered(i).last(), Some(&(9, 2)), "replica {i}, {voting:?}");
        }
        assert!(cluster.nodes[0].disk.iter().any(is_of_view_2), "it has it again, {voting:?}");
        let sent = cluster.nodes[0].sent.iter();
        let helped = sent.filter(|m| matches!(m, Message::Suspect(s) if s.body == SUSPECT_OF_0)).count();
        assert!((1..=4).contains(&helped), "{helped} answers");
    }
}

const SUSPECT_OF_0: Suspect = Suspect { view: View(1), replica: ReplicaId(0) };

// B2, V11, D26: a SUSPECT of our own view counts also when its sender has said more of a later one.
#[test]
fn a_suspicion_of_this_view_is_not_lost_behind_one_of_the_next() {
    let cases = [[0, 1], [1, 0]].into_iter().flat_map(|views| [(views, 3, 0), (views, 0, 3)]);
    for (views, ahead, last) in cases {
        let mut cluster = Cluster::started(4);
        cluster.run_ms(20);
        cluster.loses = Box::new(|_, _, _| true);
        for view in views.map(View) {
            cluster.give(
                ahead,
                1,
                Message::Suspect(signed(Suspect { view, replica: ReplicaId(ahead as u16) })),
            );
        }
        assert_eq!(cluster.view(1), 0);
        // That of the leader, whichever it is, brings along that of 1.
        let suspect = Suspect { view: View(0), replica: ReplicaId(last as u16) };
        cluster.give(last, 1, Message::Suspect(signed(suspect)));
        assert_eq!(cluster.view(1), 1, "{views:?} {ahead}");
        cluster.replica(1).assert_invariants();
    }
}

// C7, D23, V17: the next leader's own lock names a block that its disk has lost. It opens nothing on it before it is back.
// Faults: S07
#[test]
fn no_view_is_opened_on_a_block_that_its_leader_lost() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Commit(_)));
    cluster.request(0, request(9, 1, b"locked everywhere"));
    cluster.run_ms(20);
    let lock = cluster.replica(1).status().high_rank;
    assert!(lock.sequence.0 == 2 && cluster.committed(1) == 1, "{lock:?}");
    cluster.kill(1);
    let disk = &mut cluster.nodes[1].disk;
    disk.retain(
        |record| !matches!(record, Record::Block(block) if block.header.body.sequence == lock.sequence),
    );
    let is_data = |to: usize, message: &Message| to == 1 && matches!(message, Message::Data(_));
    cluster.loses = Box::new(move |_, to, message| is_data(to, message));
    cluster.restart(1);
    let suspects = [0, 2, 3].map(|id| (ReplicaId(id), Signature::default()));
    let timeout = TimeoutCertificate { view: View(0), votes: BoundedVec::truncated(suspects.to_vec()) };
    cluster.nodes[1].sent.clear();
    cluster.give(2, 1, Message::Timeout(timeout));
    cluster.run_ms(100);
    let has_opened = |cluster: &Cluster| {
        cluster.nodes[1].sent.iter().any(|message| matches!(message, Message::NewView(_)))
    };
    assert_eq!(cluster.view(1), 1);
    assert!(!has_opened(&cluster), "its base is not held");
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(200);
    assert!(has_opened(&cluster));
    assert_eq!(cluster.view(1), 1);
    (0..4).for_each(|i| assert_eq!(cluster.ordered(i), vec![(9, 1)], "replica {i}"));
}

// B1, B2: votes are lost and suspicions are not, so one view after the other fails; what was proposed in them is not kept for
// ever, and when votes come through again everything is ordered.
#[test]
fn proposals_of_failed_views_are_forgotten() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(600);
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Prepare(_) | Message::Commit(_)));
    for nonce in 1..=40 {
        (0..4).for_each(|i| cluster.request(i, request(10 + i as u8, nonce, b"proposed again and again")));
    }
    let mut most = 0;
    while cluster.view(2) < 30 {
        cluster.run_ms(1_000);
        most = (0..4).map(|i| cluster.replica(i).sizes().uncommitted).fold(most, usize::max);
    }
    // K slots of the last view, of this one, and of the next.
    assert!((2..=24).contains(&most), "{most} blocks that nobody certified are kept");
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(30_000);
    for i in 0..4 {
        assert_eq!(cluster.ordered(i).len(), 160, "replica {i}");
    }
}
