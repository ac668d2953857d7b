//! What a session makes of the words of four replicas, one of which may lie.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use outvote_crypto::sign_body;
use outvote_session::{Outcome, Output, Session, SubmitError, Ticket, Tunables};
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::{Answer, Blob, BoundedVec, Nonce, ReplicaId, Reply, ResultKind, View};
use std::sync::Arc;
use support::{Cluster, answer, at, distrusted, key, operation, outcomes, result, submitted, verify};

const CLIENT: u8 = 1;

fn session(cluster: &Cluster) -> Session {
    let signer = Arc::new(key(CLIENT));
    let tunables = Tunables { seed: 3, ..Tunables::default() };
    let mut session = Session::new(&cluster.committee, verify(), signer, Some(Nonce(1)), tunables).unwrap();
    for replica in 0..u16::try_from(cluster.replicas.len()).unwrap() {
        session.on_link(ReplicaId(replica), true);
    }
    let _ = session.drain();
    session
}

/// A session with one request in flight, and that request.
fn one_in_flight(cluster: &Cluster) -> (Session, Ticket, outvote_types::Request) {
    let mut session = session(cluster);
    let ticket = session.submit(at(0), vec![operation("hello")]).unwrap();
    let request = session
        .drain()
        .iter()
        .find_map(|output| match output {
            Output::Send { message: ToReplica::Submit(requests), .. } => Some(requests[0].clone()),
            _ => None,
        })
        .unwrap();
    (session, ticket, request)
}

fn tick_to(session: &mut Session, milliseconds: u64) -> Vec<Output> {
    let mut outputs = Vec::new();
    while let Some(due) = session.wake_at().filter(|due| *due <= at(milliseconds)) {
        session.tick(due);
        outputs.extend(session.drain());
    }
    outputs
}

fn is_committed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Committed(_))
}

// R4: to `f + 1` replicas, the leader among them.
#[test]
fn a_request_goes_to_the_leader_and_f_others_first() {
    let cluster = Cluster::new(4);
    let mut session = session(&cluster);
    let _ = session.submit(at(0), vec![operation("hello")]).unwrap();
    let sent = submitted(&session.drain());
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().any(|(to, _)| *to == 0), "the leader of view 0 is among them: {sent:?}");
}

// R4: to all when half the patience is gone.
#[test]
fn a_request_goes_to_all_when_half_the_patience_is_gone() {
    let cluster = Cluster::new(4);
    let (mut session, ..) = one_in_flight(&cluster);
    let outputs = tick_to(&mut session, 800);
    let mut to: Vec<u16> = submitted(&outputs).into_iter().map(|(to, _)| to).collect();
    to.sort_unstable();
    assert_eq!(to, [0, 1, 2, 3]);
}

// R2, Q2: two different members, never one twice.
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

#[test]
fn a_reply_in_the_name_of_another_or_with_a_bad_signature_is_distrusted() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(&[request]);
    session.on_message(at(1), ReplicaId(3), cluster.results(1, &block));
    assert_eq!(distrusted(&session.drain()), [3]);
    let ToClient::Results { mut reply, view, results } = cluster.results(2, &block) else { panic!() };
    reply.signature.0[5] ^= 1;
    session.on_message(at(1), ReplicaId(2), ToClient::Results { reply, view, results });
    assert_eq!(distrusted(&session.drain()), [2]);
    session.on_message(at(2), ReplicaId(0), cluster.results(0, &block));
    assert!(outcomes(&session.drain()).is_empty(), "only one good word so far");
}

// R2: the path must lead to the root that was signed.
#[test]
fn a_result_that_the_signed_root_does_not_cover_is_distrusted() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(core::slice::from_ref(&request));
    let ToClient::Results { reply, view, results } = cluster.results(3, &block) else { panic!() };
    let mut forged = results.into_inner();
    forged[0].answer = answer("another");
    forged[0].leaf.answer = forged[0].answer.digest();
    let results = BoundedVec::new(forged).unwrap();
    session.on_message(at(1), ReplicaId(3), ToClient::Results { reply, view, results });
    assert_eq!(distrusted(&session.drain()), [3]);
}

#[test]
fn an_answer_that_does_not_match_its_digest_is_distrusted() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(&[request]);
    let ToClient::Results { reply, view, results } = cluster.results(3, &block) else { panic!() };
    let mut forged = results.into_inner();
    forged[0].answer = answer("another");
    let results = BoundedVec::new(forged).unwrap();
    session.on_message(at(1), ReplicaId(3), ToClient::Results { reply, view, results });
    assert_eq!(distrusted(&session.drain()), [3]);
}

// R3: rejected only with a reason that `f + 1` replicas gave.
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

#[test]
fn a_refusal_of_new_sessions_for_the_moment_is_no_outcome() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let later = Answer::refused("too-many-new-sessions", "try again in a second");
    let block =
        cluster.block(core::slice::from_ref(&request), vec![result(&request, 0, ResultKind::Refused, later)]);
    for replica in 0..4 {
        session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &block));
    }
    assert!(outcomes(&session.drain()).is_empty());
    let again = submitted(&tick_to(&mut session, 1_600));
    assert!(!again.is_empty(), "it is sent again");
    let block = cluster.applied(&[request]);
    session.on_message(at(1_700), ReplicaId(0), cluster.results(0, &block));
    session.on_message(at(1_700), ReplicaId(1), cluster.results(1, &block));
    assert!(is_committed(&outcomes(&session.drain())[0].1));
}

#[test]
fn a_reused_nonce_is_a_rejection_and_never_another_requests_answer() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let other = support::request(&cluster, &key(CLIENT), 1, &["somebody else's text under the same key"]);
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
    let request = support::request(&cluster, &key(CLIENT), 1, &["a", "b", "c"]);
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

// R3: pending at the deadline; asking again uses the same nonce and bytes.
#[test]
fn the_deadline_gives_pending_and_asking_again_sends_the_same_bytes() {
    let mut cluster = Cluster::new(4);
    let (mut session, ticket, request) = one_in_flight(&cluster);
    assert!(outcomes(&tick_to(&mut session, 9_999)).is_empty(), "nothing surfaces before the deadline");
    assert_eq!(outcomes(&tick_to(&mut session, 10_000)), [(1, Outcome::Pending)]);
    assert_eq!(session.wake_at(), None, "nothing is sent for nobody");
    session.ask_again(at(20_000), ticket).unwrap();
    let resent = session.drain().into_iter().find_map(|output| match output {
        Output::Send { message: ToReplica::Submit(requests), .. } => Some(requests[0].clone()),
        _ => None,
    });
    assert_eq!(resent, Some(request.clone()));
    let block = cluster.applied(&[request]);
    session.on_message(at(20_001), ReplicaId(0), cluster.results(0, &block));
    session.on_message(at(20_001), ReplicaId(1), cluster.results(1, &block));
    assert!(is_committed(&outcomes(&session.drain())[0].1));
}

#[test]
fn a_late_outcome_waits_for_whoever_asks_again() {
    let mut cluster = Cluster::new(4);
    let (mut session, ticket, request) = one_in_flight(&cluster);
    let _ = tick_to(&mut session, 10_000);
    let block = cluster.applied(&[request]);
    session.on_message(at(11_000), ReplicaId(0), cluster.results(0, &block));
    session.on_message(at(11_000), ReplicaId(1), cluster.results(1, &block));
    assert!(outcomes(&session.drain()).is_empty(), "pending was the one outcome of that submission");
    session.ask_again(at(12_000), ticket).unwrap();
    assert!(is_committed(&outcomes(&session.drain())[0].1));
    assert_eq!(session.ask_again(at(12_001), ticket), Err(SubmitError::UnknownTicket));
}

#[test]
fn sixty_four_requests_fly_at_once_and_the_next_waits() {
    let mut cluster = Cluster::new(4);
    let mut session = session(&cluster);
    for _ in 0..64 {
        let _ = session.submit(at(0), vec![operation("x")]).unwrap();
    }
    assert_eq!(session.submit(at(0), vec![operation("x")]), Err(SubmitError::WindowFull));
    let sent = submitted(&session.drain());
    assert_eq!(sent.len(), 2, "requests that are submitted together travel together");
    assert_eq!(sent[0].1, (1..=64).collect::<Vec<u64>>());
    // The second is done first: the window still ends 64 above the lowest that is open.
    let second = support::request(&cluster, &key(CLIENT), 2, &["x"]);
    let block = cluster.applied(&[second]);
    for replica in [0, 1] {
        session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &block));
    }
    assert!(!session.has_room());
    let first = support::request(&cluster, &key(CLIENT), 1, &["x"]);
    let block = cluster.applied(&[first]);
    for replica in [0, 1] {
        session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &block));
    }
    assert_eq!(session.submit(at(2), vec![operation("x")]).unwrap().nonce, Nonce(65));
}

// R4: "busy" is no outcome.
#[test]
fn busy_is_no_outcome_and_is_tried_again_after_a_pause() {
    let cluster = Cluster::new(4);
    let (mut session, ticket, _) = one_in_flight(&cluster);
    for replica in 0..4 {
        let busy = ToClient::Busy { session: ticket.session, nonce: ticket.nonce, retry_after_ms: 100 };
        session.on_message(at(1), ReplicaId(replica), busy);
    }
    assert!(outcomes(&session.drain()).is_empty());
    let early = submitted(&tick_to(&mut session, 90));
    assert!(early.is_empty(), "not before the pause is over");
    let again = submitted(&tick_to(&mut session, 160));
    assert_eq!(again.len(), 4, "each replica that was busy is tried again: {again:?}");
}

#[test]
fn a_liars_busy_delays_nothing_for_long() {
    let cluster = Cluster::new(4);
    let (mut session, ticket, _) = one_in_flight(&cluster);
    let busy = ToClient::Busy { session: ticket.session, nonce: ticket.nonce, retry_after_ms: u32::MAX };
    session.on_message(at(1), ReplicaId(3), busy);
    let sent = submitted(&tick_to(&mut session, 3_100));
    assert!(sent.iter().any(|(to, _)| *to == 3));
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
fn a_new_leader_is_believed_from_two_and_gets_what_is_in_flight() {
    let mut cluster = Cluster::new(4);
    let (mut session, ..) = one_in_flight(&cluster);
    let block = cluster.applied(&[]);
    session.on_message(at(1), ReplicaId(3), cluster.results_in_view(3, &block, 7));
    assert!(submitted(&session.drain()).is_empty(), "one voice moves nobody");
    session.on_message(at(1), ReplicaId(1), cluster.results_in_view(1, &block, 2));
    let sent = submitted(&session.drain());
    assert!(sent.iter().any(|(to, _)| *to == 2), "view 2 is claimed by two, its leader is 2: {sent:?}");
}

#[test]
fn a_lost_link_sends_what_is_in_flight_elsewhere_at_once() {
    let cluster = Cluster::new(4);
    let (mut session, ..) = one_in_flight(&cluster);
    session.on_link(ReplicaId(0), false);
    let sent = submitted(&session.drain());
    assert!(sent.iter().all(|(to, _)| *to != 0) && sent.len() == 2, "{sent:?}");
}

#[test]
fn a_session_stands_where_an_honest_replica_says() {
    let cluster = Cluster::new(4);
    let signer = Arc::new(key(CLIENT));
    let mut session = Session::new(&cluster.committee, verify(), signer, None, Tunables::default()).unwrap();
    for replica in 0..4 {
        session.on_link(ReplicaId(replica), true);
    }
    let asked = session.drain();
    assert_eq!(
        asked.iter().filter(|o| matches!(o, Output::Send { message: ToReplica::Session(_), .. })).count(),
        4
    );
    assert_eq!(session.submit(at(0), vec![operation("x")]), Err(SubmitError::NotReady));
    let stands = |next| ToClient::Session {
        session: session_key(),
        next: Nonce(next),
        sequence: outvote_types::Sequence(9),
    };
    session.on_message(at(1), ReplicaId(3), stands(1_000_000));
    session.on_message(at(1), ReplicaId(0), stands(12));
    session.on_message(at(1), ReplicaId(1), stands(11));
    assert_eq!(session.next_nonce(), None, "the others get a moment to answer");
    session.tick(at(300));
    assert_eq!(session.next_nonce(), Some(Nonce(12)), "the highest that two replicas reached");
}

fn session_key() -> outvote_types::PublicKey {
    key(CLIENT).public_key()
}

#[test]
fn another_clusters_replica_is_named() {
    let cluster = Cluster::new(4);
    let mut session = session(&cluster);
    let welcome = ToClient::Welcome {
        cluster: outvote_types::Digest([9; 32]),
        view: View(5),
        executed: outvote_types::Sequence(0),
    };
    session.on_message(at(0), ReplicaId(2), welcome);
    assert_eq!(distrusted(&session.drain()), [2]);
}

#[test]
fn a_reply_signed_for_another_cluster_is_worth_nothing() {
    let mut cluster = Cluster::new(4);
    let (mut session, _, request) = one_in_flight(&cluster);
    let block = cluster.applied(&[request]);
    let foreign = outvote_types::Domain::clients(&cluster.committee.cluster_id());
    for replica in 0..4u16 {
        let ToClient::Results { reply, view, results } = cluster.results(replica, &block) else { panic!() };
        let body: Reply = reply.body;
        let reply = sign_body(&cluster.replicas[usize::from(replica)], &foreign, body);
        session.on_message(at(1), ReplicaId(replica), ToClient::Results { reply, view, results });
    }
    let outputs = session.drain();
    assert!(outcomes(&outputs).is_empty());
    assert_eq!(distrusted(&outputs), [0, 1, 2, 3]);
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut cluster = Cluster::new(7);
        let (mut session, ticket, request) = one_in_flight(&cluster);
        let busy = ToClient::Busy { session: ticket.session, nonce: ticket.nonce, retry_after_ms: 50 };
        session.on_message(at(1), ReplicaId(6), busy);
        let mut outputs = tick_to(&mut session, 5_000);
        let block = cluster.applied(&[request]);
        for replica in 0..3 {
            session.on_message(at(5_000), ReplicaId(replica), cluster.results(replica, &block));
        }
        outputs.extend(session.drain());
        outputs
    };
    assert_eq!(run(), run());
}
