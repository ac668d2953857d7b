//! Where a session sends what is in flight, how long it waits, and for whom.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::support::single::{
    CLIENT, PROVEN_NEXT, is_committed, one_in_flight, proven_session, session, tick_to,
};
use crate::support::{Cluster, at, key, operation, outcomes, result, submitted, verify};
use outvote_session::{Outcome, Output, Session, SubmitError, Tunables};
use outvote_types::client::{Hint, ToClient, ToReplica};
use outvote_types::{Answer, Nonce, ReplicaId, ResultKind, View};
use std::sync::Arc;

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

// R4: the `f` others take turns, so that all get to know of the session's work.
#[test]
fn the_others_take_turns_from_request_to_request() {
    for (replicas, weak) in [(4u8, 2), (7, 3)] {
        let cluster = Cluster::new(replicas);
        let mut session = session(&cluster);
        let mut heard = vec![0; usize::from(replicas)];
        for number in 1..replicas {
            let _ = session.submit(at(0), vec![operation(&number.to_string())]).unwrap();
            let sent = submitted(&session.drain());
            assert_eq!(sent.len(), weak, "request {number}");
            sent.iter().for_each(|(to, _)| heard[usize::from(*to)] += 1);
        }
        assert_eq!(heard[0], usize::from(replicas) - 1, "the leader hears of each");
        assert!(heard[1..].iter().all(|count| *count == weak - 1), "and the others of as many: {heard:?}");
    }
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

// R4: requests run in their order, so repeating the late ones helps nobody and keeps slow replicas slow.
// Faults: K11
#[test]
fn of_many_requests_the_earliest_are_sent_again_and_the_others_as_these_end() {
    let mut cluster = Cluster::new(4);
    let mut session = proven_session(&mut cluster);
    for number in 1..=64 {
        let _ = session.submit(at(0), vec![operation(&number.to_string())]).unwrap();
    }
    let first = PROVEN_NEXT;
    let requests: Vec<_> = session.drain().into_iter().flat_map(requests_in).collect();
    let asked = |output: &Output| match output {
        Output::Send { message: ToReplica::Ask { nonce, .. }, .. } => Some(nonce.0),
        _ => None,
    };
    // Half the patience is gone, and the time of the first repetition has come.
    let outputs = tick_to(&mut session, 1_600);
    let mut again: Vec<u64> = submitted(&outputs).into_iter().flat_map(|(_, nonces)| nonces).collect();
    again.sort_unstable();
    again.dedup();
    assert_eq!(again, (first..first + 8).collect::<Vec<u64>>());
    let asked: Vec<u64> = outputs.iter().filter_map(asked).collect();
    assert_eq!(asked, [first; 4], "what became of the first one is asked of each replica, and of no other");
    // The first one ends: the ninth is sent at once, to all, since its own half of the patience is gone.
    let request = requests.iter().find(|request| request.body.nonce == Nonce(first)).unwrap();
    let block = cluster.applied(core::slice::from_ref(request));
    (0..2).for_each(|replica| {
        session.on_message(at(1_600), ReplicaId(replica), cluster.results(replica, &block))
    });
    let outputs = session.drain();
    assert_eq!(outcomes(&outputs).len(), 1);
    let sent: Vec<(u16, Vec<u64>)> = submitted(&outputs);
    assert_eq!(sent, (0..4).map(|to| (to, vec![first + 8])).collect::<Vec<_>>());
    // A leader falls: its successor is told of the earliest ones only.
    session.on_link(ReplicaId(0), false);
    let most = submitted(&session.drain()).into_iter().flat_map(|(_, nonces)| nonces).max();
    assert_eq!(most, Some(first + 8));
}

// P5: refused early, users slow down, and are as fast as before when there is room again.
// Faults: X08
#[test]
fn full_replicas_halve_what_a_session_has_under_way_and_a_single_liar_does_not() {
    let mut cluster = Cluster::new(4);
    let mut session = proven_session(&mut cluster);
    for number in 1..=16 {
        let _ = session.submit(at(0), vec![operation(&number.to_string())]).unwrap();
    }
    let last = PROVEN_NEXT + 15;
    let mut requests: Vec<_> = session.drain().into_iter().flat_map(requests_in).collect();
    let busy = |nonce| {
        let session = requests[0].body.session;
        ToClient::Busy { session, nonce: Nonce(nonce), retry_after_ms: 50 }
    };
    let full = busy(last);
    session.on_message(at(1), ReplicaId(3), full.clone());
    let _ = session.submit(at(2), vec![operation("17")]).unwrap();
    assert_eq!(submitted(&session.drain()).len(), 2, "one replica alone slows nobody down");

    session.on_message(at(3), ReplicaId(1), full.clone());
    session.on_message(at(3), ReplicaId(2), full);
    let _ = session.submit(at(4), vec![operation("18")]).unwrap();
    assert_eq!(submitted(&session.drain()), [], "18 waits: eight of 17 are enough now");

    requests.sort_by_key(|request| request.body.nonce);
    requests.dedup_by_key(|request| request.body.nonce);
    let mut sent = Vec::new();
    for request in requests.iter().take(11) {
        let block = cluster.applied(core::slice::from_ref(request));
        (0..2).for_each(|replica| {
            session.on_message(at(5), ReplicaId(replica), cluster.results(replica, &block))
        });
        sent.extend(submitted(&session.drain()).into_iter().flat_map(|(_, nonces)| nonces));
    }
    assert!(sent.contains(&(last + 2)), "there is room again: {sent:?}");
}

/// The requests of a message that submits some.
fn requests_in(output: Output) -> Vec<outvote_types::Request> {
    match output {
        Output::Send { message: ToReplica::Submit(requests), .. } => requests.into_inner(),
        _ => Vec::new(),
    }
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

/// What this replica answers to the question about a request that it has no result for.
fn window(session: &mut Session, now_ms: u64, replica: u16, window_ms: u32) {
    let hint = Hint { view: View(0), window_ms };
    session.on_message(at(now_ms), ReplicaId(replica), ToClient::NotYet(hint));
}

// R4: at least four current windows, however late they are heard of.
#[test]
fn a_deadline_follows_a_window_that_grows_while_the_request_waits() {
    let cluster = Cluster::new(4);
    let (mut session, ..) = one_in_flight(&cluster);
    window(&mut session, 9_000, 1, 4_000);
    window(&mut session, 9_000, 2, 6_000);
    assert!(outcomes(&tick_to(&mut session, 15_999)).is_empty(), "four windows are 16 s");
    assert_eq!(outcomes(&tick_to(&mut session, 16_000)), [(1, Outcome::Pending)]);
}

// R4: two windows of patience, so that a slow network is not asked to carry everything to everybody.
#[test]
fn a_request_goes_to_all_no_earlier_than_a_grown_window() {
    let cluster = Cluster::new(4);
    let mut session = session(&cluster);
    for replica in 0..4 {
        window(&mut session, 0, replica, 3_000);
    }
    let _ = session.submit(at(0), vec![operation("hello")]).unwrap();
    let _ = session.drain();
    let early = submitted(&tick_to(&mut session, 2_999));
    assert!(early.iter().all(|(to, _)| [0, early[0].0, early[1].0].contains(to)), "{early:?}");
    assert!(submitted(&tick_to(&mut session, 3_000)).len() == 4);
}

// R4: one of f + 1 claims is honest.
#[test]
fn no_liar_stretches_a_deadline_and_nobody_beyond_the_longest_window() {
    let cluster = Cluster::new(4);
    let (mut liar, ..) = one_in_flight(&cluster);
    window(&mut liar, 1, 3, u32::MAX);
    assert_eq!(outcomes(&tick_to(&mut liar, 10_000)), [(1, Outcome::Pending)]);
    let (mut gone, ..) = one_in_flight(&cluster);
    window(&mut gone, 1, 2, 5_000);
    window(&mut gone, 1, 3, u32::MAX);
    gone.on_link(ReplicaId(2), false);
    assert_eq!(outcomes(&tick_to(&mut gone, 10_000)), [(1, Outcome::Pending)], "an old claim is none");
    let (mut all, ..) = one_in_flight(&cluster);
    for replica in 0..4 {
        window(&mut all, 1, replica, u32::MAX);
    }
    assert!(outcomes(&tick_to(&mut all, 39_999)).is_empty());
    assert_eq!(outcomes(&tick_to(&mut all, 40_000)), [(1, Outcome::Pending)]);
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

// P5: a thousand new users at once bring no thousand windows full.
#[test]
fn a_new_session_begins_with_eight_requests_and_has_two_more_for_each_that_ends() {
    let mut cluster = Cluster::new(4);
    let mut session = session(&cluster);
    for _ in 0..64 {
        let _ = session.submit(at(0), vec![operation("x")]).unwrap();
    }
    let sent = submitted(&session.drain());
    assert_eq!(sent[0].1, (1..=8).collect::<Vec<u64>>());
    let first = crate::support::request(&cluster, &key(CLIENT), 1, &["x"]);
    let block = cluster.applied(&[first]);
    (0..2)
        .for_each(|replica| session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &block)));
    assert_eq!(submitted(&session.drain())[0].1, [9, 10], "the place of the one that ended, and one more");
}

#[test]
fn sixty_four_requests_fly_at_once_and_the_next_waits() {
    let mut cluster = Cluster::new(4);
    let mut session = proven_session(&mut cluster);
    let first = PROVEN_NEXT;
    for _ in 0..64 {
        let _ = session.submit(at(0), vec![operation("x")]).unwrap();
    }
    assert_eq!(session.submit(at(0), vec![operation("x")]), Err(SubmitError::WindowFull));
    let sent = submitted(&session.drain());
    assert_eq!(sent.len(), 2, "requests that are submitted together travel together");
    assert_eq!(sent[0].1, (first..first + 64).collect::<Vec<u64>>());
    // The second is done first: the window still ends 64 above the lowest that is open.
    let second = crate::support::request(&cluster, &key(CLIENT), first + 1, &["x"]);
    let block = cluster.applied(&[second]);
    for replica in [0, 1] {
        session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &block));
    }
    assert!(!session.has_room());
    let request = crate::support::request(&cluster, &key(CLIENT), first, &["x"]);
    let block = cluster.applied(&[request]);
    for replica in [0, 1] {
        session.on_message(at(1), ReplicaId(replica), cluster.results(replica, &block));
    }
    assert_eq!(session.submit(at(2), vec![operation("x")]).unwrap().nonce, Nonce(first + 64));
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

// Faults: R20
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
