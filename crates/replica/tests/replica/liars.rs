//! Lies under valid signatures: the jar reports them, keeps the proof, and suspects.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::jar::{Cluster, Family, WALL_AT_START_US, replica_id};
use outvote_replica::{Event, Note};
use outvote_types::evidence::Rule;
use outvote_types::{
    Batch, BoundedVec, Digest, Epoch, Evidence, Header, Message, Phase, Propose, Quorum, Request, Sequence,
    Suspect, View, Vote, WallTime, encode, merkle,
};

/// A proposal of member 0 for the first slot, whatever it holds.
fn proposal(family: &Family, now_us: u64, requests: Vec<Request>) -> Message {
    let batch =
        Batch { author: replica_id(0), lane_sequence: 1, requests: BoundedVec::new(requests).unwrap() };
    let header = Header {
        epoch: Epoch(0),
        view: View(0),
        sequence: Sequence(1),
        parent: family.committee.genesis_id(),
        time: WallTime(WALL_AT_START_US + now_us),
        leader: replica_id(0),
        batches: BoundedVec::new(vec![batch.reference()]).unwrap(),
        payload_root: merkle::root(&batch.payload_leaves()),
        new_view_digest: None,
        control: None,
    };
    let id = header.id();
    let vote =
        Vote { phase: Phase::Prepare, view: View(0), sequence: Sequence(1), id, replica: replica_id(0) };
    Message::Propose(Box::new(Propose {
        header: family.sign(0, header),
        prepare: family.sign(0, vote),
        batches: BoundedVec::new(vec![batch]).unwrap(),
    }))
}

fn suspects(cluster: &Cluster, index: usize) -> bool {
    let jar = &cluster.jars[index];
    let noted = jar.notes.iter().any(|note| matches!(note, Note::Suspected { view: View(0), reason: 'd' }));
    let said = jar.sent.iter().any(|(_, message)| {
        matches!(message, Message::Suspect(suspect)
            if suspect.body == Suspect { view: View(0), replica: replica_id(index) })
    });
    noted && said
}

fn give(cluster: &mut Cluster, to: usize, from: usize, message: &Message) {
    cluster.step(to, Event::Frame { from: replica_id(from), bytes: encode(message) });
}

// Faults: L08
#[test]
fn a_bad_request_inside_a_proposal_is_the_leaders_fault() {
    // N8, V4: the batch is named by a header that the leader signed.
    let mut cluster = Cluster::of(4);
    cluster.crash(0);
    cluster.run_for(10_000);
    let mut forged = cluster.family.request(1, 1, b"never signed");
    forged.signature.0[5] ^= 1;
    let message = proposal(&cluster.family, cluster.now_us, vec![forged]);
    for index in 1..4 {
        give(&mut cluster, index, 0, &message);
    }
    cluster.run_for(2_000);
    assert!((1..4).all(|index| suspects(&cluster, index)), "{:?}", cluster.jars[1].notes);
    let prepared = |m: &Message| matches!(m, Message::Prepare(_));
    assert!(!cluster.jars[1].sent.iter().any(|(_, message)| prepared(message)), "nobody votes for it");
    assert!(
        cluster.run_until(3_000_000, |c| c.status(2).view == View(1) && c.status(2).normal),
        "the mutiny comes about: {:?}",
        cluster.status(2)
    );
    cluster.assert_safe();
}

// Faults: L01
#[test]
fn an_equivocating_leader_is_caught_by_its_own_signatures() {
    // X1, X4, N4: two headers for one slot, seen by two different replicas, meet in the echoes of their PREPAREs.
    let mut cluster = Cluster::of(4);
    cluster.crash(0);
    cluster.run_for(10_000);
    let family = cluster.family.clone();
    let one = proposal(&family, cluster.now_us, vec![family.request(1, 1, b"one")]);
    let other = proposal(&family, cluster.now_us, vec![family.request(2, 1, b"other")]);
    give(&mut cluster, 1, 0, &one);
    give(&mut cluster, 2, 0, &other);
    cluster.run_for(5_000);
    let quorum = Quorum::byzantine(4).unwrap();
    for index in 1..4 {
        let charges: Vec<_> =
            cluster.jars[index].accused.iter().filter_map(|e| e.charge(quorum, Epoch(0))).collect();
        assert!(
            charges.iter().any(|charge| charge.accused == replica_id(0) && charge.rule == Rule::TwoProposals),
            "replica {index} has {charges:?}"
        );
        assert!(suspects(&cluster, index), "replica {index}: {:?}", cluster.jars[index].notes);
    }
    let honest_accused = cluster.jars.iter().flat_map(|jar| &jar.accused).any(|evidence: &Evidence| {
        evidence.charge(quorum, Epoch(0)).is_some_and(|charge| charge.accused != replica_id(0))
    });
    assert!(!honest_accused, "nobody honest is accused");
    assert!(cluster.run_until(3_000_000, |c| c.status(3).view == View(1) && c.status(3).normal));
    let request = family.request(3, 1, b"goes on");
    cluster.submit(&[1, 2, 3], &request);
    assert!(cluster.run_until(2_000_000, |c| (1..4).all(|i| c.jars[i].archive.has_executed(&request))));
    cluster.assert_safe();
}

#[test]
fn a_header_that_no_rule_allows_is_proof_by_itself() {
    // X1: one signed body that no rule allows; here a header for a slot that does not exist.
    let mut cluster = Cluster::of(4);
    cluster.crash(0);
    cluster.run_for(10_000);
    let Message::Propose(propose) = proposal(&cluster.family, cluster.now_us, Vec::new()) else {
        unreachable!()
    };
    let mut header = propose.header.body;
    header.sequence = Sequence(0);
    let vote = Vote {
        phase: Phase::Prepare,
        view: View(0),
        sequence: Sequence(0),
        id: header.id(),
        replica: replica_id(0),
    };
    let message = Message::Propose(Box::new(Propose {
        header: cluster.family.sign(0, header),
        prepare: cluster.family.sign(0, vote),
        batches: propose.batches,
    }));
    give(&mut cluster, 1, 0, &message);
    cluster.run_for(5_000);
    for index in 1..4 {
        assert!(suspects(&cluster, index), "replica {index}: {:?}", cluster.jars[index].notes);
        assert!(!cluster.jars[index].accused.is_empty());
    }
}

// Faults: R08
#[test]
fn a_vote_in_the_name_of_another_moves_nothing() {
    // Scenario 26: a vote signed by 2 that claims to be 3's, a thousand times.
    let mut cluster = Cluster::of(4);
    cluster.run_for(10_000);
    let before = cluster.status(1);
    let id = Digest::of(b"no block");
    let vote =
        Vote { phase: Phase::Commit, view: View(0), sequence: Sequence(1), id, replica: replica_id(3) };
    let forged = Message::Commit(cluster.family.sign(2, vote));
    for _ in 0..1_000 {
        give(&mut cluster, 1, 2, &forged);
    }
    assert_eq!(cluster.status(1), before);
    assert!(cluster.jars[1].accused.is_empty(), "and frames nobody");
}
