//! Certificates and openings that do not fit, and the clocks of a view that does not get going.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, block, first_of, request, signed};
use outvote_protocol::{Note, Output};
use outvote_types::{
    BoundedVec, Certificate, Digest, Header, Message, NewView, NewViewBody, Phase, Rank, ReplicaId, Rule,
    Sequence, Signature, TimeoutCertificate, View, ViewChange, ViewChangeHead,
};

fn votes(replicas: &[u16]) -> Vec<(ReplicaId, Signature)> {
    replicas.iter().map(|id| (ReplicaId(*id), Signature::default())).collect()
}

fn certificate(phase: Phase, header: &Header, replicas: &[u16]) -> Certificate {
    Certificate {
        phase,
        view: header.view,
        sequence: header.sequence,
        id: header.id(),
        votes: BoundedVec::truncated(votes(replicas)),
    }
}

fn timeout(view: u64) -> TimeoutCertificate {
    TimeoutCertificate { view: View(view), votes: BoundedVec::truncated(votes(&[0, 1, 3])) }
}

fn head(view: u64, replica: u16, rank: (u64, u64), id: Digest) -> ViewChangeHead {
    let rank = Rank { view: View(rank.0), sequence: Sequence(rank.1) };
    ViewChangeHead { view: View(view), rank, id, replica: ReplicaId(replica) }
}

fn openings(cluster: &Cluster, i: usize) -> Vec<NewView> {
    let sent = cluster.nodes[i].sent.iter();
    sent.filter_map(|m| if let Message::NewView(n) = m { Some((**n).clone()) } else { None }).collect()
}

// V16, V17, V12: a head whose certificate is missing or is another one is not counted, and blames nobody (X2).
// Faults: R12, R13
#[test]
fn a_head_without_its_certificate_is_not_counted() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, _, _| true);
    let (other, _) = block(0, 0, 1, Digest::ZERO, 5, &[]);
    let first = cluster.replica(1).status().committed_id;
    for (replica, attached) in [(0, None), (3, Some(certificate(Phase::Prepare, &other.body, &[0, 2, 3])))] {
        let head = signed(head(1, replica, (0, 1), first));
        let change = ViewChange { head, certificate: attached, timeout: timeout(0) };
        cluster.give(usize::from(replica), 1, Message::ViewChange(Box::new(change)));
    }
    assert_eq!(cluster.view(1), 1, "the certificate of suspicion counts all the same");
    assert_eq!(openings(&cluster, 1).len(), 0);
    assert_eq!(cluster.accusations(1).len(), 0);
}

// V19, V20, V22: an opening with another certificate than its highest head's is ignored; the true one is taken, though
// the own lock is higher.
// Faults: R13, L11
#[test]
fn an_opening_needs_the_certificate_of_its_highest_head() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let status = cluster.replica(2).status();
    cluster.request(0, request(9, 1, b"locks replica 2"));
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Commit(_)));
    cluster.run_ms(2);
    assert_eq!(cluster.replica(2).status().high_rank.sequence, Sequence(2));
    cluster.loses = Box::new(|_, _, _| true);
    let base = cluster.nodes[2].commits[0].block.header.body.clone();
    let heads = [0, 1, 3].map(|i| signed(head(1, i, (0, 1), status.committed_id)));
    let body =
        NewViewBody { view: View(1), leader: ReplicaId(1), heads: BoundedVec::truncated(heads.to_vec()) };
    let mut opening = NewView { signed: signed(body), certificate: None };
    cluster.give(1, 2, Message::NewView(Box::new(opening.clone())));
    assert_eq!(cluster.view(2), 0);
    opening.certificate = Some(certificate(Phase::Prepare, &base, &[0, 1, 3]));
    cluster.give(1, 2, Message::NewView(Box::new(opening)));
    let status = cluster.replica(2).status();
    assert!(status.normal && status.view == View(1));
    assert_eq!(status.voted, Sequence(1), "the base, below the own lock");
    assert_eq!(status.high_rank.sequence, Sequence(2), "and the lock stays");
}

// X1, V21, Q4: two openings of one view convict their leader; the second is not acted upon. One with too few heads does too.
// Faults: L11
#[test]
fn two_openings_convict_their_leader() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, _, _| true);
    let genesis = cluster.committee.genesis_id();
    let first = cluster.nodes[2].commits[0].block.header.body.clone();
    let opening = |heads: &[ViewChangeHead], certificate: Option<Certificate>| {
        let heads = BoundedVec::truncated(heads.iter().copied().map(signed).collect());
        let body = NewViewBody { view: View(1), leader: ReplicaId(1), heads };
        Message::NewView(Box::new(NewView { signed: signed(body), certificate }))
    };
    let low = [0, 1, 3].map(|i| head(1, i, (0, 0), genesis));
    let high = [head(1, 0, (0, 1), first.id()), low[1], low[2]];
    cluster.give(1, 2, opening(&high, Some(certificate(Phase::Prepare, &first, &[0, 1, 3]))));
    assert_eq!(cluster.replica(2).status().voted, Sequence(1));
    cluster.give(1, 2, opening(&low, None));
    assert_eq!(cluster.replica(2).status().voted, Sequence(1));
    cluster.give(1, 2, opening(&low[..2], None));
    let quorum = cluster.committee.quorum().unwrap();
    let charges =
        cluster.accusations(2).into_iter().map(|e| e.charge(quorum, cluster.committee.epoch).unwrap().rule);
    assert_eq!(charges.collect::<Vec<_>>(), vec![Rule::TwoNewViews, Rule::ForbiddenNewView]);
    assert_eq!(cluster.suspicions(2), vec!['d']);
}

// X5: two final blocks in one place: the replica names the double voters and votes no more.
// Faults: R22
#[test]
fn a_second_final_block_stops_the_replica() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let (other, _) = block(0, 0, 1, cluster.committee.genesis_id(), 5, &[]);
    cluster.give(3, 2, Message::Certificate(certificate(Phase::Commit, &other.body, &[0, 1, 3])));
    assert!(cluster.replica(2).status().observer);
    assert!(
        cluster.nodes[2].notes.iter().any(|n| matches!(n, Note::Observer { why } if why.starts_with("X5")))
    );
    let accused = cluster.accusations(2).len();
    assert!(accused >= 2, "{accused} double voters are named");
}

// Q7, N16, C8: what could change nothing is not even verified.
#[test]
fn what_is_known_is_not_verified_again() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let header = cluster.nodes[2].commits[0].block.header.clone();
    let replica = cluster.replica(2);
    let wants = |message: &Message| replica.wants(ReplicaId(3), message);
    assert!(!wants(&Message::Certificate(certificate(Phase::Prepare, &header.body, &[0, 1, 3]))));
    assert!(!wants(&Message::Certificate(certificate(Phase::Commit, &header.body, &[0, 1, 3]))));
    assert!(!wants(&Message::Commit(crate::cluster::vote(Phase::Commit, &header.body, 3))));
    let (next, _) = block(0, 0, 2, header.body.id(), 5, &[]);
    assert!(wants(&Message::Commit(crate::cluster::vote(Phase::Commit, &next.body, 3))));
    assert!(wants(&Message::Certificate(certificate(Phase::Prepare, &next.body, &[0, 1, 3]))));
    assert!(
        !wants(&Message::Timeout(TimeoutCertificate { view: View(0), ..timeout(0) })) || cluster.view(2) == 0
    );
}

// V6, V13, T2, Q6: views whose openings are lost end one after the other, each led by the next member.
// Faults: L12
#[test]
fn a_view_that_does_not_open_ends() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses =
        Box::new(|_, _, message| matches!(message, Message::NewView(n) if n.signed.body.view.0 < 3));
    cluster.kill(0);
    cluster.run_ms(4_000);
    assert!(cluster.suspicions(2).contains(&'f') || cluster.suspicions(2).contains(&'a'));
    cluster.request(3, request(9, 1, b"x"));
    cluster.run_ms(2_000);
    for i in 1..4 {
        assert!(cluster.view(i) >= 3, "replica {i}");
        assert_eq!(cluster.ordered(i), vec![(9, 1)]);
    }
}

// V3: votes get through and COMMITs do not: an open slot is a reason after T.
#[test]
fn a_slot_that_stays_open_is_a_reason() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Commit(_)));
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(480);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
    cluster.run_ms(60);
    assert!(cluster.all_suspicions().contains(&'c'));
}

// E10, P5: a slow executor makes the leader pause and clients wait; nobody is blamed.
#[test]
fn slow_execution_blames_nobody() {
    let tunables =
        outvote_protocol::Tunables { execution_lag_max: 4, ..outvote_protocol::Tunables::default() };
    let mut cluster = Cluster::with(4, 1024, tunables);
    cluster.start_all();
    cluster.run_ms(20);
    cluster.nodes.iter_mut().for_each(|node| node.executes = false);
    for nonce in 1..=20 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(100);
    }
    assert_eq!(cluster.committed(0), 6, "one executed, five waiting");
    let busy = cluster.nodes[0].others.iter().filter(|o| matches!(o, Output::Refuse { busy: true, .. }));
    assert!(busy.count() > 10);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// E10, P5: large blocks that wait for execution hold the leader back by their requests, long before there are many of them.
// Faults: X08
#[test]
fn slow_execution_of_large_blocks_holds_back_too() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.nodes.iter_mut().for_each(|node| node.executes = false);
    let mut sent = 0u64;
    for _ in 0..40 {
        for _ in 0..100 {
            cluster.request(0, first_of(sent));
            sent += 1;
        }
        cluster.run_ms(5);
    }
    let committed: u64 =
        cluster.nodes[1].commits.iter().map(|block| block.block.header.body.requests()).sum();
    assert!((1_024..2_000).contains(&committed), "{committed} wait for execution");
    let busy =
        cluster.nodes[0].others.iter().filter(|o| matches!(o, Output::Refuse { busy: true, .. })).count();
    assert_eq!(busy as u64, 4_000 - committed, "nobody is kept waiting");
    cluster.run_ms(3_000);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// N12: a later certificate covers its ancestors; the block before is committed with it, its own certificate follows.
#[test]
fn a_later_commit_certificate_covers_its_ancestors() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, to, message| {
        to == 2 && matches!(message, Message::Commit(vote) if vote.body.sequence == Sequence(2))
    });
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(3);
    assert_eq!(cluster.committed(2), 1);
    cluster.request(0, request(9, 2, b"y"));
    cluster.run_ms(3);
    let commits: Vec<(u64, bool)> = cluster.nodes[2]
        .commits
        .iter()
        .map(|b| (b.block.header.body.sequence.0, b.certificate.is_some()))
        .collect();
    assert_eq!(commits, vec![(1, true), (2, false), (3, true)]);
    let header = cluster.nodes[2].commits[1].block.header.body.clone();
    cluster.give(3, 2, Message::Certificate(certificate(Phase::Commit, &header, &[0, 1, 3])));
    assert!(
        cluster.nodes[2]
            .others
            .iter()
            .any(|o| matches!(o, Output::Certified(c) if c.sequence == Sequence(2)))
    );
}
