//! What liars do, and what it costs them.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, EPOCH_US, block, prepare, propose, request, vote};
use outvote_protocol::{Record, Tunables};
use outvote_types::{Digest, Message, Phase, Rule, View};

fn rules_broken(cluster: &Cluster, i: usize) -> Vec<(u16, Rule)> {
    let quorum = cluster.committee.quorum().unwrap();
    let epoch = cluster.committee.epoch;
    let charges = cluster.accusations(i).into_iter().map(|e| e.charge(quorum, epoch).unwrap());
    charges.map(|charge| (charge.accused.0, charge.rule)).collect()
}

// N4, X1, X4, V4: an echo shows the other header; the evidence reaches all, and the mutiny begins at once.
// Faults: L01
#[test]
fn an_equivocating_leader_is_accused_and_deposed_at_once() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let parent = cluster.replica(1).status().committed_id;
    let now = EPOCH_US + cluster.now;
    let (one, batches_one) = block(0, 0, 2, parent, now, &[request(1, 1, b"pay Ann")]);
    let (two, batches_two) = block(0, 0, 2, parent, now, &[request(1, 1, b"pay Bob")]);
    cluster.kill(0);
    cluster.give(0, 1, propose(&one, &batches_one));
    cluster.give(0, 2, propose(&two, &batches_two));
    cluster.give(0, 3, propose(&one, &batches_one));
    cluster.run_ms(10);
    for i in 1..4 {
        assert_eq!(rules_broken(&cluster, i), vec![(0, Rule::TwoProposals)], "replica {i}");
        assert!(cluster.suspicions(i).starts_with(&['d']), "replica {i}");
        assert_eq!(cluster.view(i), 1, "replica {i}");
        assert!(cluster.replica(i).status().normal);
    }
    // N10: nobody honest prepared both.
    for i in 1..4 {
        let slots =
            cluster.prepares(i).into_iter().filter(|(view, sequence, _)| (*view, *sequence) == (0, 2));
        assert_eq!(slots.count(), 1, "replica {i}");
    }
}

// X1, N16: two votes of one signer for one slot; only the first counts.
// Faults: R03, R10
#[test]
fn evidence_outlives_restarts_and_the_beginning_of_the_log() {
    // X4, C3: written when it is found, and again with each stable checkpoint.
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    cluster.run_ms(20);
    let parent = cluster.replica(1).status().committed_id;
    let (one, _) = block(0, 0, 2, parent, EPOCH_US, &[]);
    let mut other = vote(Phase::Commit, &one.body, 3);
    other.body.id = Digest::of(b"another block");
    let votes = [vote(Phase::Commit, &one.body, 3), other].map(Message::Commit);
    votes.clone().into_iter().for_each(|vote| cluster.give(3, 1, vote));
    assert_eq!(rules_broken(&cluster, 1), vec![(3, Rule::TwoCommits)]);
    let written = |cluster: &Cluster| {
        cluster.nodes[1].disk.iter().filter(|record| matches!(record, Record::Evidence(_))).count()
    };
    cluster.run_ms(20);
    assert_eq!(written(&cluster), 1);
    for nonce in 1..=12 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(20);
    }
    assert!(written(&cluster) > 1, "written again");
    cluster.kill(1);
    cluster.restart(1);
    let told = cluster.accusations(1).len();
    votes.into_iter().for_each(|vote| cluster.give(3, 1, vote));
    assert_eq!(cluster.accusations(1).len(), told, "known already");
}

#[test]
fn two_votes_for_one_slot_are_evidence() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let parent = cluster.replica(1).status().committed_id;
    let (one, _) = block(0, 0, 2, parent, EPOCH_US, &[]);
    let mut other = vote(Phase::Commit, &one.body, 3);
    other.body.id = Digest::of(b"another block");
    cluster.give(3, 1, Message::Commit(vote(Phase::Commit, &one.body, 3)));
    cluster.give(3, 1, Message::Commit(other));
    assert_eq!(rules_broken(&cluster, 1), vec![(3, Rule::TwoCommits)]);
    // X3: a vote repeated is no evidence, and a follower's lie is no reason to depose the leader.
    cluster.give(2, 1, Message::Commit(vote(Phase::Commit, &one.body, 2)));
    cluster.give(2, 1, Message::Commit(vote(Phase::Commit, &one.body, 2)));
    assert_eq!(cluster.accusations(1).len(), 1);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// V4, N8: a batch with a bad request convicts nobody on paper, but its leader is deposed, and it is never prepared.
// Faults: L08
#[test]
fn an_invalid_batch_is_never_prepared() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let parent = cluster.replica(1).status().committed_id;
    let (header, batches) = block(0, 0, 2, parent, EPOCH_US + cluster.now, &[request(1, 1, b"x")]);
    cluster.input(1, outvote_protocol::Input::InvalidBatch { digest: batches[0].digest() });
    cluster.give(0, 1, propose(&header, &[]));
    assert_eq!(cluster.suspicions(1), vec!['d']);
    assert!(cluster.prepares(1).iter().all(|(_, sequence, _)| *sequence != 2));
}

// B4, N15, M4: views and sequences as high as they go change nothing.
// Faults: C06, M17, R14, R16
#[test]
fn the_largest_numbers_change_nothing() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    for view in [3, u64::MAX - 3, u64::MAX] {
        for sequence in [2, u64::MAX] {
            let leader = (view % 4) as u16;
            let (header, batches) = block(leader, view, sequence, Digest::ZERO, u64::MAX, &[]);
            cluster.give(3, 1, propose(&header, &batches));
            cluster.give(3, 1, prepare(&header, 3));
            cluster.give(3, 1, Message::Commit(vote(Phase::Commit, &header.body, 3)));
            let suspect = outvote_types::Suspect { view: View(view), replica: outvote_types::ReplicaId(3) };
            cluster.give(3, 1, Message::Suspect(crate::cluster::signed(suspect)));
        }
    }
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    assert_eq!(cluster.ordered(1), vec![(9, 1)]);
    assert_eq!(cluster.view(1), 0);
}
