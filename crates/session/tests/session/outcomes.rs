//! What a session makes of the words of four replicas, one of which may lie.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::support::single::{CLIENT, is_committed, one_in_flight, session};
use crate::support::{Cluster, answer, at, distrusted, key, operation, outcomes, result};
use outvote_crypto::sign_body;
use outvote_session::{Outcome, Output};
use outvote_types::client::{Hint, ToClient, ToReplica};
use outvote_types::{Answer, Blob, BoundedVec, Nonce, ReplicaId, Reply, ResultKind, View};

// R2, Q2: two different members, never one twice.
// Faults: R20
#[test]
fn two_equal_signed_results_commit_and_one_does_not() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(&[request]);
    session.on_message(at(5), ReplicaId(2), cluster.results(2, &block));
    session.on_message(at(5), ReplicaId(2), cluster.results(2, &block));
    assert!(outcomes(&session.drain()).is_empty(), "one replica's word, even twice, is not enough");
    session.on_message(at(6), ReplicaId(1), cluster.results(1, &block));
    let ended = outcomes(&session.drain());
    let [(1, Outcome::Committed(committed))] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(committed.answer(), Some(&answer("done")));
    assert_eq!(committed.proof.len(), 2);
    assert_eq!(committed.sequence, block.header.sequence);
    session.on_message(at(7), ReplicaId(0), cluster.results(0, &block));
    assert!(outcomes(&session.drain()).is_empty(), "an outcome is reported once");
    assert_eq!(session.seen(), block.header.sequence);
}

// Faults: R20
#[test]
fn a_liar_cannot_make_a_false_commit_or_change_an_answer() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let tip = (cluster.tip, cluster.sequence);
    let lie = cluster.block(
        core::slice::from_ref(&request),
        vec![result(&request, 0, ResultKind::Applied, answer("all your money is mine"))],
    );
    (cluster.tip, cluster.sequence) = tip;
    let truth = cluster.applied(&[request]);
    // The liar speaks first, often, and in the names of others.
    for claimed in 0..4 {
        session.on_message(at(1), ReplicaId(3), cluster.results(claimed, &lie));
    }
    assert!(outcomes(&session.drain()).is_empty());
    session.on_message(at(2), ReplicaId(0), cluster.results(0, &truth));
    assert!(outcomes(&session.drain()).is_empty());
    session.on_message(at(3), ReplicaId(1), cluster.results(1, &truth));
    let ended = outcomes(&session.drain());
    let [(1, Outcome::Committed(committed))] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(committed.answer(), Some(&answer("done")));
}

// Faults: R20, R08
#[test]
fn a_reply_in_the_name_of_another_or_with_a_bad_signature_is_distrusted() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(&[request]);
    session.on_message(at(1), ReplicaId(3), cluster.results(1, &block));
    assert_eq!(distrusted(&session.drain()), [3]);
    let ToClient::Results { mut reply, hint, results } = cluster.results(2, &block) else { panic!() };
    reply.signature.0[5] ^= 1;
    session.on_message(at(1), ReplicaId(2), ToClient::Results { reply, hint, results });
    assert_eq!(distrusted(&session.drain()), [2]);
    session.on_message(at(2), ReplicaId(0), cluster.results(0, &block));
    assert!(outcomes(&session.drain()).is_empty(), "only one good word so far");
}

// R2: the path must lead to the root that was signed.
// Faults: R20
#[test]
fn a_result_that_the_signed_root_does_not_cover_is_distrusted() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(core::slice::from_ref(&request));
    let ToClient::Results { reply, hint, results } = cluster.results(3, &block) else { panic!() };
    let mut forged = results.into_inner();
    forged[0].answer = answer("another");
    forged[0].leaf.answer = forged[0].answer.digest();
    let results = BoundedVec::new(forged).unwrap();
    session.on_message(at(1), ReplicaId(3), ToClient::Results { reply, hint, results });
    assert_eq!(distrusted(&session.drain()), [3]);
}

// Faults: R20
#[test]
fn an_answer_that_does_not_match_its_digest_is_distrusted() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(&[request]);
    let ToClient::Results { reply, hint, results } = cluster.results(3, &block) else { panic!() };
    let mut forged = results.into_inner();
    forged[0].answer = answer("another");
    let results = BoundedVec::new(forged).unwrap();
    session.on_message(at(1), ReplicaId(3), ToClient::Results { reply, hint, results });
    assert_eq!(distrusted(&session.drain()), [3]);
}

// R3: rejected only with a reason that `f + 1` replicas gave.
// Faults: R20
#[test]
fn a_refusal_of_one_is_nothing_and_of_two_is_a_rejection_with_the_reason() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let no = Answer::refused("no-such-room", "there is no room of that name");
    let block =
        cluster.block(core::slice::from_ref(&request), vec![result(&request, 0, ResultKind::Refused, no)]);
    session.on_message(at(1), ReplicaId(3), cluster.results(3, &block));
    assert!(outcomes(&session.drain()).is_empty());
    session.on_message(at(2), ReplicaId(1), cluster.results(1, &block));
    let ended = outcomes(&session.drain());
    let [(1, Outcome::Rejected(rejected))] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(
        (rejected.code.as_str(), rejected.reason.as_str()),
        ("no-such-room", "there is no room of that name")
    );
    assert_eq!(session.next_nonce(), Some(Nonce(2)), "a refusal by the application uses the nonce up");
}

// Faults: K03
#[test]
fn a_reused_nonce_is_a_rejection_and_never_another_requests_answer() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let other =
        crate::support::request(&cluster, &key(CLIENT), 1, &["somebody else's text under the same key"]);
    let first = cluster.applied(&[other]);
    for replica in [0, 1, 2] {
        session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &first));
    }
    assert!(outcomes(&session.drain()).is_empty(), "results of another request under the nonce do not count");
    let reused = result(&request, 0, ResultKind::NonceReused, Answer::refused("nonce-reused", "used before"));
    let block = cluster.block(&[request], vec![reused]);
    session.on_message(at(2), ReplicaId(0), cluster.results(0, &block));
    session.on_message(at(2), ReplicaId(2), cluster.results(2, &block));
    let ended = outcomes(&session.drain());
    let [(1, Outcome::Rejected(rejected))] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(rejected.code, "nonce-reused");
}

// R6: only "applied" proves execution; "held" and "duplicate" prove none.
#[test]
fn a_held_result_is_waited_out_and_a_duplicate_asks_for_the_original() {
    let mut cluster = Cluster::new(4);
    let (mut session, ticket, request) = one_in_flight(&cluster);
    let held = Answer::refused("held", "waits for an earlier nonce");
    let block =
        cluster.block(core::slice::from_ref(&request), vec![result(&request, 0, ResultKind::Held, held)]);
    for replica in 0..4 {
        session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &block));
    }
    assert!(outcomes(&session.drain()).is_empty());
    let original = cluster.applied(core::slice::from_ref(&request));
    let double = Answer::refused("duplicate", "this request was executed before");
    let again = cluster
        .block(core::slice::from_ref(&request), vec![result(&request, 0, ResultKind::Duplicate, double)]);
    for replica in 0..4 {
        session.on_message(at(2), ReplicaId(replica), cluster.results(replica, &again));
    }
    let outputs = session.drain();
    assert!(outcomes(&outputs).is_empty(), "a duplicate proves nothing yet");
    let asks = outputs.iter().filter(|output| {
        matches!(output, Output::Send { message: ToReplica::Ask { nonce, .. }, .. } if *nonce == ticket.nonce)
    });
    assert_eq!(asks.count(), 4);
    session.on_message(at(3), ReplicaId(0), cluster.results(0, &original));
    session.on_message(at(3), ReplicaId(1), cluster.results(1, &original));
    assert!(is_committed(&outcomes(&session.drain())[0].1));
}

// R2: sequence, block and result root agree, or the words do not add up.
// Faults: R20
#[test]
fn words_on_different_blocks_or_roots_do_not_add_up() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let one = cluster.applied(core::slice::from_ref(&request));
    let two = cluster.applied(&[request]);
    session.on_message(at(1), ReplicaId(0), cluster.results(0, &one));
    session.on_message(at(1), ReplicaId(1), cluster.results(1, &two));
    assert!(outcomes(&session.drain()).is_empty());
}

#[test]
fn all_operations_of_an_envelope_share_one_outcome_in_order() {
    let mut cluster = Cluster::new(4);
    let mut session = session(&cluster);
    let _ = session.submit(at(0), vec![operation("a"), operation("b"), operation("c")]).unwrap();
    let request = crate::support::request(&cluster, &key(CLIENT), 1, &["a", "b", "c"]);
    let results = vec![
        result(&request, 0, ResultKind::Applied, answer("1")),
        result(&request, 1, ResultKind::Refused, Answer::refused("no", "not this one")),
        result(&request, 2, ResultKind::Applied, answer("3")),
    ];
    let block = cluster.block(&[request], results);
    session.on_message(at(1), ReplicaId(0), cluster.results(0, &block));
    session.on_message(at(1), ReplicaId(3), cluster.results(3, &block));
    let ended = outcomes(&session.drain());
    let [(1, Outcome::Committed(committed))] = &ended[..] else { panic!("{ended:?}") };
    let kinds: Vec<ResultKind> = committed.results.iter().map(|result| result.kind).collect();
    assert_eq!(kinds, [ResultKind::Applied, ResultKind::Refused, ResultKind::Applied]);
    assert_eq!(committed.results[2].answer, answer("3"));
}

#[test]
fn invalid_takes_two_voices_and_gives_the_nonce_back() {
    let cluster = Cluster::new(4);
    let (mut session, ticket, _) = one_in_flight(&cluster);
    let invalid = |reason: &str| ToClient::Invalid {
        session: ticket.session,
        nonce: ticket.nonce,
        reason: Blob::new(reason.as_bytes().to_vec()).unwrap(),
    };
    session.on_message(at(1), ReplicaId(3), invalid("lies"));
    session.on_message(at(1), ReplicaId(3), invalid("more lies"));
    assert!(outcomes(&session.drain()).is_empty());
    session.on_message(at(2), ReplicaId(1), invalid("the key is unusable"));
    let ended = outcomes(&session.drain());
    assert!(
        matches!(&ended[..], [(1, Outcome::Rejected(rejected))] if rejected.code == "invalid"),
        "{ended:?}"
    );
    assert_eq!(session.next_nonce(), Some(Nonce(1)));
}

#[test]
fn another_clusters_replica_is_named() {
    let cluster = Cluster::new(4);
    let mut session = session(&cluster);
    let welcome = ToClient::Welcome {
        cluster: outvote_types::Digest([9; 32]),
        hint: Hint::new(View(5), 500_000),
        executed: outvote_types::Sequence(0),
    };
    session.on_message(at(0), ReplicaId(2), welcome);
    assert_eq!(distrusted(&session.drain()), [2]);
}

// Faults: R07
#[test]
fn a_reply_signed_for_another_cluster_is_worth_nothing() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(&[request]);
    let foreign = outvote_types::Domain::clients(&cluster.committee.cluster_id());
    for replica in 0..4u16 {
        let ToClient::Results { reply, hint, results } = cluster.results(replica, &block) else { panic!() };
        let body: Reply = reply.body;
        let reply = sign_body(&cluster.replicas[usize::from(replica)], &foreign, body);
        session.on_message(at(1), ReplicaId(replica), ToClient::Results { reply, hint, results });
    }
    let outputs = session.drain();
    assert!(outcomes(&outputs).is_empty());
    assert_eq!(distrusted(&outputs), [0, 1, 2, 3]);
}
