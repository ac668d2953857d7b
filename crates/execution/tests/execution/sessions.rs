//! Exactly once and in order per session: rules E2 to E9.
#![allow(clippy::unwrap_used)]

use crate::common::{Bench, client, code, request};
use outvote_execution::session::{MAX_HELD_BYTES_PER_SESSION, NEW_SESSIONS_BURST, NEW_SESSIONS_PER_SECOND};
use outvote_types::ResultKind::{Applied, Duplicate, Held, NonceReused, Refused, TooFar};
use outvote_types::{Author, BoundedVec, Nonce, PublicKey, RequestBody, Sealed, Sequence, Signature, merkle};

#[test]
fn requests_in_order_are_applied() {
    // E2
    let mut bench = Bench::new();
    assert_eq!(bench.kinds(vec![request(1, 1, &["put a 1"]), request(1, 2, &["put a 2"])]), [Applied; 2]);
    assert_eq!(bench.get("a").as_deref(), Some("2"));
    assert_eq!(bench.executor.session(&client(1)).unwrap().next, Nonce(3));
}

// Faults: K05
#[test]
fn a_request_ahead_is_held_and_released_in_the_block_of_the_one_it_waits_for() {
    // E3: both leaves, one execution, and the application sees nonce order.
    let mut bench = Bench::new();
    let first = bench.run(vec![request(1, 3, &["put a 3"]), request(1, 2, &["put a 2", "put b 2"])]);
    assert_eq!(crate::common::kinds(&first), [Held; 3]);
    assert_eq!(bench.get("a"), None);
    let second = bench.run(vec![request(1, 1, &["put a 1"]), request(2, 1, &["put c 1"])]);
    assert_eq!(crate::common::kinds(&second), [Applied; 5]);
    let nonces: Vec<u64> = second.results.iter().map(|result| result.nonce.0).collect();
    assert_eq!(nonces, [1, 2, 2, 3, 1]);
    let places: Vec<Sequence> = second.results.iter().map(|result| result.ordered_at).collect();
    assert_eq!(places, [2, 1, 1, 1, 2].map(Sequence));
    assert_eq!(bench.get("a").as_deref(), Some("3"));
    assert_eq!(bench.kinds(vec![request(1, 3, &["put a 3"])]), [Duplicate]);
    assert_eq!(bench.executor.session(&client(1)).unwrap().held, 0);
}

#[test]
fn a_request_that_waited_leaves_no_trace_of_it() {
    // E3, E8: the state is the same as if the requests had come in their order.
    let mut roots = Vec::new();
    for order in [[2, 3], [3, 2]] {
        let mut bench = Bench::new();
        bench.run(vec![request(1, 1, &["put a 1"])]);
        for nonce in order {
            bench.run(vec![request(1, nonce, &["put a 2"])]);
        }
        roots.push(bench.executor.state_digest());
    }
    assert_eq!(roots[0], roots[1]);
}

#[test]
fn an_operation_is_its_authors_and_not_its_sessions() {
    let mut request = request(1, 1, &["put a 1", "put b 1"]);
    let mut body = RequestBody::clone(&request.body);
    let mut operations = body.operations.into_inner();
    operations[1].author = Some(Box::new(Author { key: client(2), signature: Signature::default() }));
    body.operations = BoundedVec::truncated(operations);
    request.body = Sealed::new(body);
    let authors: Vec<_> =
        Bench::new().run(vec![request]).results.iter().map(|result| result.author).collect();
    assert_eq!(authors, [client(1), client(2)]);
}

#[test]
fn held_requests_survive_a_restart() {
    // E8
    let mut bench = Bench::new();
    bench.run(vec![request(1, 2, &["put a 2"])]);
    bench.restart();
    assert_eq!(bench.executor.session(&client(1)).unwrap().held, 1);
    assert_eq!(bench.kinds(vec![request(1, 1, &["put a 1"])]), [Applied, Applied]);
    assert_eq!(bench.get("a").as_deref(), Some("2"));
}

// Faults: C08, K05
#[test]
fn the_window_has_exact_edges() {
    // E3, E6: next is 1, so 65 is the last one held.
    let mut bench = Bench::new();
    let requests = vec![request(1, 65, &["put a 1"]), request(1, 66, &["put a 1"])];
    assert_eq!(bench.kinds(requests), [Held, TooFar]);
    // E4, E5: the last 64 executed ones are told apart, older ones are duplicates whatever they say.
    let mut bench = Bench::new();
    for nonce in 1..=70 {
        bench.run(vec![request(1, nonce, &["put a 1"])]);
    }
    let kinds = bench.kinds(vec![
        request(1, 70, &["put a x"]),
        request(1, 7, &["put a x"]),
        request(1, 7, &["put a 1"]),
        request(1, 6, &["put a x"]),
        request(1, 1, &["put a 1"]),
    ]);
    assert_eq!(kinds, [NonceReused, NonceReused, Duplicate, Duplicate, Duplicate]);
    assert_eq!(bench.get("a").as_deref(), Some("1"));
}

// Faults: C08, K04
#[test]
fn a_replay_is_a_duplicate_also_after_a_restart() {
    // E4, fault K04.
    let mut bench = Bench::new();
    bench.run(vec![request(1, 1, &["put a 1"])]);
    bench.run(vec![request(1, 2, &["put a 2"])]);
    bench.restart();
    let replay = bench.run(vec![request(1, 1, &["put a 1"]), request(1, 2, &["put a 2"])]);
    assert_eq!(crate::common::kinds(&replay), [Duplicate; 2]);
    assert_eq!(code(&replay.results[0].answer), "duplicate");
    assert_eq!(bench.get("a").as_deref(), Some("2"));
}

// Faults: K03
#[test]
fn the_first_of_two_contents_under_one_nonce_wins() {
    // E5, fault K03: executed ...
    let mut bench = Bench::new();
    let result = bench.run(vec![request(1, 1, &["put a x"]), request(1, 1, &["put a y"])]);
    assert_eq!(crate::common::kinds(&result), [Applied, NonceReused]);
    assert_eq!(bench.get("a").as_deref(), Some("x"));
    assert_ne!(result.results[0].leaf.answer, result.results[1].leaf.answer);
    // ... and held alike.
    let requests =
        vec![request(1, 3, &["put a x3"]), request(1, 3, &["put a y3"]), request(1, 3, &["put a x3"])];
    assert_eq!(bench.kinds(requests), [Held, NonceReused, Held]);
    assert_eq!(bench.kinds(vec![request(1, 2, &["put a 2"])]), [Applied, Applied]);
    assert_eq!(bench.get("a").as_deref(), Some("x3"));
}

// Faults: C08, K05, M17
#[test]
fn the_smallest_and_the_largest_nonce_are_refused() {
    // Fault K05.
    let mut bench = Bench::new();
    let result = bench.run(vec![
        request(1, 0, &["put a 1"]),
        request(1, u64::MAX, &["put a 1"]),
        request(1, u64::MAX - 1, &["put a 1"]),
        request(1, 1 << 63, &["put a 1"]),
    ]);
    assert_eq!(crate::common::kinds(&result), [Refused, Refused, TooFar, TooFar]);
    assert_eq!(code(&result.results[0].answer), "bad-nonce");
    assert_eq!(bench.get("a"), None);
    assert_eq!(bench.executor.session(&client(1)).unwrap().next, Nonce(1));
}

#[test]
fn each_operation_of_an_envelope_has_its_own_result() {
    // E7
    let mut bench = Bench::new();
    let texts: Vec<String> = (0..50)
        .map(|at| if at % 7 == 3 { format!("refuse k{at}") } else { format!("put k{at} v{at}") })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let result = bench.run(vec![request(1, 1, &texts)]);
    assert_eq!((result.results.len(), result.leaves.len(), result.payload_leaves.len()), (50, 50, 50));
    for (at, operation) in result.results.iter().enumerate() {
        let expected = if at % 7 == 3 { Refused } else { Applied };
        assert_eq!((operation.leaf.kind, operation.leaf.index as usize), (expected, at));
        assert_eq!(bench.get(&format!("k{at}")).is_some(), expected == Applied);
        let path = result.path(at).unwrap();
        assert_eq!(path.root_from(operation.leaf.digest()), Some(result.result_root));
    }
    assert_eq!(merkle::root(&result.leaves), result.result_root);
    // The refusals used the nonce up with the rest.
    assert_eq!(bench.executor.session(&client(1)).unwrap().next, Nonce(2));
}

// Faults: K05
#[test]
fn held_bytes_are_bounded_per_session() {
    let mut bench = Bench::new();
    let operation = format!("put a {}", "x".repeat(60_000));
    let operations = [operation.as_str(); 16];
    let mut held = 0;
    for nonce in 2..=10 {
        match bench.kinds(vec![request(1, nonce, &operations)])[0] {
            Held => held += 1,
            kind => assert_eq!(kind, TooFar),
        }
    }
    assert_eq!(held, MAX_HELD_BYTES_PER_SESSION / (16 * 60_000));
    // Released ones make room again.
    assert_eq!(bench.kinds(vec![request(1, 1, &["put a 1"])]).len(), 1 + 16 * 4);
    assert_eq!(bench.kinds(vec![request(1, 7, &operations)])[0], Held);
}

// Faults: K08, C10
#[test]
fn new_sessions_are_admitted_at_an_agreed_rate() {
    // E9: agreed time alone decides.
    let mut bench = Bench::new();
    let mut name = 0u64;
    let mut newcomers = |count: u64| {
        let requests = (0..count).map(|_| {
            name += 1;
            let mut request = request(1, 1, &["put a 1"]);
            let mut key = [9; 32];
            key[..8].copy_from_slice(&name.to_le_bytes());
            let session = PublicKey(key);
            request.body = outvote_types::RequestBody { session, ..(*request.body).clone() }.into();
            request
        });
        requests.collect::<Vec<_>>()
    };
    let mut admitted = 0;
    for _ in 0..10 {
        let result = bench.run(newcomers(2_500));
        admitted += result.results.iter().filter(|result| result.leaf.kind == Applied).count() as u64;
        let refused = result.results.iter().filter(|result| result.leaf.kind == Refused);
        assert!(refused.into_iter().all(|result| code(&result.answer) == "too-many-new-sessions"));
    }
    // Nine milliseconds passed between the first block and the last.
    let expected = NEW_SESSIONS_BURST + 9 * NEW_SESSIONS_PER_SECOND / 1_000;
    assert!(admitted.abs_diff(expected) <= 1, "{admitted} instead of {expected}");
    bench.chain.time = bench.chain.time.plus(1_000_000);
    assert!(bench.kinds(newcomers(2_500)).into_iter().all(|kind| kind == Applied));
    // Old sessions are never in the way.
    assert_eq!(bench.kinds(vec![request(2, 1, &["put a 1"]), request(2, 2, &["put a 1"])]), [Applied; 2]);
}

// Seconds that need 32 bits, the first and the last microsecond: the agreed time is a number and never a date.
// Faults: C06, C10
#[test]
fn blocks_at_the_ends_of_time_are_executed_alike_everywhere() {
    let times = [0, 1, (1 << 31) * 1_000_000, (1 << 32) * 1_000_000, 1 << 63, u64::MAX - 2_000, u64::MAX];
    let run = || {
        let mut bench = Bench::new();
        for (time, number) in times.into_iter().zip(1u8..) {
            bench.chain.time = outvote_types::WallTime(time);
            // A new session each time, whose admission counts by this time.
            let kinds = bench.kinds(vec![request(number, 1, &["put a 1"])]);
            assert_eq!(kinds, [Applied], "at {time}");
        }
        bench.executor.state_digest()
    };
    assert_eq!(run(), run());
}
