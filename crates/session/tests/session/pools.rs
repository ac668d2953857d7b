//! Many sessions on shared links, queries, and receipts fetched over them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::support::{Cluster, answer, at, distrusted, key, operation, outcomes, request, verify};
use outvote_crypto::{Verifier, sign_body};
use outvote_session::{Answered, Output, Pool, QueryId, SharedVerify, Tunables};
use outvote_types::client::{Hint, ToClient, ToReplica};
use outvote_types::reply::Outcome as SignedOutcome;
use outvote_types::{Answer, BoundedVec, Digest, Nonce, PublicKey, ReplicaId, Sequence, View};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn connected(cluster: &Cluster, verify: SharedVerify) -> Pool {
    let mut pool = Pool::new(&cluster.committee, verify, Tunables::default()).unwrap();
    for replica in 0..4 {
        pool.on_link(ReplicaId(replica), true);
    }
    pool
}

/// Counts how many signatures are judged.
struct Counting(Verifier, Arc<AtomicUsize>);

impl outvote_crypto::Verify for Counting {
    fn verify(&self, checks: &[outvote_crypto::Check]) -> Vec<bool> {
        self.1.fetch_add(checks.len(), Ordering::Relaxed);
        self.0.verify_all(checks)
    }
    fn is_usable_key(&self, key: &PublicKey) -> bool {
        self.0.is_usable_key(key)
    }
}

#[test]
fn one_signature_per_block_and_replica_serves_all_sessions() {
    let mut cluster = Cluster::new(4);
    let count = Arc::new(AtomicUsize::new(0));
    let mut pool = connected(&cluster, Arc::new(Counting(Verifier::default(), count.clone())));
    let requests: Vec<_> = (0..100u8)
        .map(|seed| {
            let session = pool.open(at(0), Arc::new(key(seed)), Some(Nonce(1)));
            let _ = pool.submit(at(0), &session, vec![operation("x")]).unwrap();
            request(&cluster, &key(seed), 1, &["x"])
        })
        .collect();
    let sent = crate::support::submitted(&pool.drain());
    assert_eq!(sent.len(), 2, "a hundred requests travel in one message to each of two replicas");
    let block = cluster.applied(&requests);
    // A bundle cut in two, and the late words of the other replicas, cost nothing.
    for replica in [0, 1, 2, 3] {
        let ToClient::Results { reply, hint, results } = cluster.results(replica, &block) else { panic!() };
        let mut first = results.into_inner();
        let second = first.split_off(50);
        for part in [first, second] {
            let results = BoundedVec::new(part).unwrap();
            pool.on_message(
                at(1),
                ReplicaId(replica),
                ToClient::Results { reply: reply.clone(), hint, results },
            );
        }
    }
    assert_eq!(outcomes(&pool.drain()).len(), 100);
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[test]
fn a_replica_is_told_which_sessions_to_watch_when_its_link_comes_up() {
    let cluster = Cluster::new(4);
    let mut pool = connected(&cluster, verify());
    for seed in 0..5 {
        pool.open(at(0), Arc::new(key(seed)), Some(Nonce(1)));
    }
    let watched = |outputs: &[Output], replica: u16| {
        outputs
            .iter()
            .filter_map(|output| match output {
                Output::Send { to, message: ToReplica::Watch(keys) } if to.0 == replica => Some(keys.len()),
                _ => None,
            })
            .sum::<usize>()
    };
    let outputs = pool.drain();
    assert!((0..4).all(|replica| watched(&outputs, replica) == 5));
    pool.on_link(ReplicaId(2), false);
    pool.on_link(ReplicaId(2), true);
    let outputs = pool.drain();
    assert_eq!((watched(&outputs, 2), watched(&outputs, 1)), (5, 0));
}

fn says(cluster: &Cluster, replica: u16, id: QueryId, sequence: u64, text: &str) -> ToClient {
    let body = SignedOutcome {
        question: Digest::of(b"how many?"),
        sequence: Sequence(sequence),
        answer: answer(text).digest(),
        replica: ReplicaId(replica),
    };
    let outcome = sign_body(&cluster.replicas[usize::from(replica)], cluster.keyring.replica_domain(), body);
    ToClient::Answer { id: id.0, outcome, answer: answer(text) }
}

fn answered(outputs: &[Output]) -> Vec<Option<Answered>> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Answered { answer, .. } => Some(answer.clone()),
            _ => None,
        })
        .collect()
}

// R7: each answer names its sequence, the reader demands a minimum, and `f + 1` must agree.
// Faults: K16, L15
#[test]
fn two_equal_signed_answers_new_enough_settle_a_question() {
    let cluster = Cluster::new(4);
    let mut pool = connected(&cluster, verify());
    let id = pool.query(at(0), None, b"how many?".to_vec(), Sequence(10)).unwrap();
    let asked = pool
        .drain()
        .into_iter()
        .filter(|o| matches!(o, Output::Send { message: ToReplica::Query { .. }, .. }));
    assert_eq!(asked.count(), 4);
    pool.on_message(at(1), ReplicaId(3), says(&cluster, 3, id, 12, "a lie"));
    pool.on_message(at(1), ReplicaId(0), says(&cluster, 0, id, 9, "old"));
    pool.on_message(at(1), ReplicaId(0), says(&cluster, 0, id, 11, "42"));
    let outputs = pool.drain();
    assert!(answered(&outputs).is_empty());
    assert_eq!(distrusted(&outputs), [0], "an answer older than what was demanded is no honest one");
    pool.on_message(at(2), ReplicaId(2), says(&cluster, 2, id, 13, "42"));
    let outputs = answered(&pool.drain());
    let [Some(settled)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(
        (settled.answer.clone(), settled.sequence, settled.ordered),
        (answer("42"), Sequence(11), false)
    );
    assert_eq!(settled.proof.len(), 2);
}

// Faults: K16
#[test]
fn answers_to_another_question_settle_nothing() {
    let cluster = Cluster::new(4);
    let mut pool = connected(&cluster, verify());
    let id = pool.query(at(0), None, b"how few?".to_vec(), Sequence(10)).unwrap();
    for replica in [0, 1] {
        pool.on_message(at(1), ReplicaId(replica), says(&cluster, replica, id, 11, "42"));
    }
    let outputs = pool.drain();
    assert!(answered(&outputs).is_empty(), "they say how many");
    assert_eq!(distrusted(&outputs), [0, 1]);
}

#[test]
fn an_answer_in_anothers_name_does_not_count() {
    let cluster = Cluster::new(4);
    let mut pool = connected(&cluster, verify());
    let id = pool.query(at(0), None, b"how many?".to_vec(), Sequence(0)).unwrap();
    let _ = pool.drain();
    for claimed in [0, 1, 2, 3] {
        pool.on_message(at(1), ReplicaId(3), says(&cluster, claimed, id, 5, "a lie"));
    }
    let outputs = pool.drain();
    assert!(answered(&outputs).is_empty());
    assert_eq!(distrusted(&outputs), [3, 3, 3]);
}

// R7: a linearizable read is an ordered operation.
// Faults: K16, L15
#[test]
fn a_question_without_agreement_is_ordered() {
    let mut cluster = Cluster::new(4);
    let mut pool = connected(&cluster, verify());
    let session = pool.open(at(0), Arc::new(key(1)), Some(Nonce(1)));
    let id = pool.query(at(0), Some(session), b"how many?".to_vec(), Sequence(0)).unwrap();
    let _ = pool.drain();
    for (replica, text) in [(0, "1"), (1, "2"), (2, "3")] {
        pool.on_message(at(1), ReplicaId(replica), says(&cluster, replica, id, 5, text));
    }
    pool.tick(at(700));
    let outputs = pool.drain();
    let ordered = outputs.iter().find_map(|output| match output {
        Output::Send { message: ToReplica::Submit(requests), .. } => Some(requests[0].clone()),
        _ => None,
    });
    let ordered = ordered.unwrap();
    assert!(ordered.body.operations[0].query);
    let block = cluster.applied(&[ordered]);
    for replica in [0, 3] {
        pool.on_message(at(701), ReplicaId(replica), cluster.results(replica, &block));
    }
    let outputs = pool.drain();
    assert!(outcomes(&outputs).is_empty(), "its request is the question's own affair");
    let answers = answered(&outputs);
    assert!(matches!(&answers[..], [Some(settled)] if settled.ordered && settled.answer == answer("done")));
}

#[test]
fn a_question_that_nobody_answers_ends_at_its_deadline() {
    let cluster = Cluster::new(4);
    let mut pool = connected(&cluster, verify());
    let _ = pool.query(at(0), None, b"how many?".to_vec(), Sequence(0)).unwrap();
    let mut answers = Vec::new();
    while let Some(due) = pool.wake_at() {
        assert!(due <= at(10_000));
        pool.tick(due);
        answers.extend(answered(&pool.drain()));
    }
    assert_eq!(answers, [None]);
}

// Faults: R20
#[test]
fn a_receipt_is_built_from_two_matching_parts_and_not_from_a_liars() {
    let mut cluster = Cluster::new(4);
    let asked = request(&cluster, &key(1), 1, &["hello"]);
    let other = request(&cluster, &key(2), 1, &["another"]);
    let block = cluster.applied(&[asked.clone(), other]);
    let mut pool = connected(&cluster, verify());
    let ticket = outvote_session::Ticket { session: asked.body.session, nonce: Nonce(1) };
    let id = pool.receipt(at(0), ticket, 0);
    assert_eq!(pool.drain().len(), 4);
    let parts = |replica: u16, request: usize| ToClient::Receipt {
        id: id.0,
        parts: Some(Box::new(cluster.parts(replica, &[&block], request, 0))),
    };
    pool.on_message(at(1), ReplicaId(3), parts(3, 1));
    assert_eq!(distrusted(&pool.drain()), [3], "a sound receipt for something else");
    pool.on_message(at(1), ReplicaId(0), parts(0, 0));
    pool.on_message(at(1), ReplicaId(2), ToClient::Receipt { id: id.0, parts: None });
    assert!(pool.drain().is_empty());
    pool.tick(at(250));
    let asked_again: Vec<u16> = pool
        .drain()
        .iter()
        .filter_map(|output| match output {
            Output::Send { to, message: ToReplica::Receipt { .. } } => Some(to.0),
            _ => None,
        })
        .collect();
    assert_eq!(asked_again, [1, 2, 3]);
    pool.on_message(at(260), ReplicaId(2), parts(2, 0));
    let outputs = pool.drain();
    let [Output::Receipt { result: Some(receipt), .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(receipt.verify(&cluster.committee).unwrap().payload, b"hello");
}

// Faults: M01
#[test]
fn junk_from_a_replica_changes_nothing() {
    let cluster = Cluster::new(4);
    let mut pool = connected(&cluster, verify());
    let session = pool.open(at(0), Arc::new(key(1)), Some(Nonce(1)));
    let _ = pool.submit(at(0), &session, vec![operation("x")]).unwrap();
    let _ = pool.drain();
    let nobody = PublicKey([3; 32]);
    for from in [ReplicaId(0), ReplicaId(77), ReplicaId(u16::MAX)] {
        for message in [
            ToClient::Busy { session: nobody, nonce: Nonce(u64::MAX), retry_after_ms: 1 },
            ToClient::Session { session: nobody, next: Nonce(0), sequence: Sequence(u64::MAX) },
            ToClient::Receipt { id: u64::MAX, parts: None },
            ToClient::StreamGone { oldest: Sequence(0) },
            ToClient::Welcome {
                cluster: cluster.committee.cluster_id(),
                hint: Hint { view: View(u64::MAX), window_ms: u32::MAX },
                executed: Sequence(u64::MAX),
            },
        ] {
            pool.on_message(at(1), from, message);
        }
    }
    assert!(outcomes(&pool.drain()).is_empty());
    assert_eq!(pool.view(), View(0), "one replica's view is no view");
    let refusal = Answer::refused("x", "y");
    assert_ne!(refusal.digest(), answer("x").digest());
}
