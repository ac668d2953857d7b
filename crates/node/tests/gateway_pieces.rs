//! What a replica remembers of clients' requests, and how fast it lets them be repeated.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

// No part of the crate's face, and it knows nothing of the rest of it.
#[path = "../src/gateway/done.rs"]
mod done;
#[allow(dead_code, reason = "the pace of signatures has its tests on a real connection")]
#[path = "../src/gateway/pace.rs"]
mod pace;
#[path = "../src/sync.rs"]
#[allow(unused_imports, reason = "what others share")]
mod sync;

use done::Done;
use outvote_types::{Digest, ResultKind, ResultLeaf};
use pace::{Line, Pace, Repeated, Repeats};
use std::time::{Duration, Instant};

/// As the constant of the file says.
const PER_GENERATION: usize = 65_536;

fn request(number: usize) -> Digest {
    Digest::of(&number.to_le_bytes())
}

fn leaf(number: usize, kind: ResultKind) -> ResultLeaf {
    ResultLeaf { request: request(number), index: 0, kind, answer: Digest::ZERO }
}

// E4
// Faults: K04
#[test]
fn what_was_executed_is_known_for_a_generation_and_what_was_put_off_is_not() {
    let done = Done::default();
    done.note([leaf(0, ResultKind::Applied), leaf(1, ResultKind::Held)].iter());
    done.note([leaf(2, ResultKind::TooFar), leaf(3, ResultKind::Duplicate)].iter());
    let known = |number: usize| done.has(&request(number));
    assert_eq!([known(0), known(1), known(2), known(3)], [true, false, false, true]);
    let many = |from: usize| {
        let leaves: Vec<_> = (from..from + PER_GENERATION).map(|n| leaf(n, ResultKind::Applied)).collect();
        done.note(leaves.iter());
    };
    many(10);
    assert!(known(0), "the generation before is kept");
    many(10 + PER_GENERATION);
    assert!(!known(0) && known(10 + 2 * PER_GENERATION - 1), "and no more than that");
}

fn waiting(others: usize) -> Repeated {
    Repeated { executed: 0, others }
}

// P9: a crowd that only repeats stands in one line; a connection that brought work repeats as much of it as it likes.
// Faults: K04, K11
#[test]
fn repeating_is_free_for_those_who_earned_it_and_a_crowd_stands_in_one_line() {
    let now = Instant::now();
    let line = Line::new(now);
    let (worker, idlers) = (Repeats::new(&line), [Repeats::new(&line), Repeats::new(&line)]);
    worker.earned().add(500);
    assert_eq!(
        idlers[0].charge(now, waiting(20_000)),
        None,
        "what a quiet second leaves may be repeated at once"
    );
    let waits: Vec<Duration> =
        idlers.iter().map(|idler| idler.charge(now, waiting(10_000)).unwrap()).collect();
    assert_eq!(waits, [Duration::from_millis(500), Duration::from_secs(1)], "the second behind the first");
    assert_eq!(worker.charge(now, waiting(500)), None);
    assert_eq!(
        worker.charge(now, waiting(100)),
        Some(Duration::from_millis(1_005)),
        "beyond it in the line, as others"
    );
}

// P9: what waits is repeated by honest users; what was executed brings nothing any more, and has a slower line of its own.
// Faults: K04
#[test]
fn repeating_what_was_executed_is_slower_and_keeps_nobody_waiting_whose_request_waits() {
    let now = Instant::now();
    let line = Line::new(now);
    let idler = Repeats::new(&line);
    let executed = |executed| Repeated { executed, others: 0 };
    idler.earned().add(100);
    assert_eq!(idler.charge(now, executed(100)), None, "what was earned is free, executed or not");
    assert_eq!(idler.charge(now, executed(20_000)), None, "a crowd that connects anew asks at once");
    assert_eq!(idler.charge(now, executed(4_000)), Some(Duration::from_secs(1)));
    assert_eq!(idler.charge(now, waiting(20_000)), None, "another line");
    idler.earned().add(4_000);
    // What was earned pays for what waits first.
    let both = Repeated { executed: 1_000, others: 4_000 };
    assert_eq!(idler.charge(now, both), Some(Duration::from_millis(1_250)));
}

// B3: whoever was charged much and hung up does not keep the others waiting for ever.
// Faults: K04
#[test]
fn nobody_waits_in_the_line_for_longer_than_its_bound() {
    let now = Instant::now();
    let line = Line::new(now);
    for _ in 0..1_000 {
        let _ = Repeats::new(&line).charge(now, Repeated { executed: 256, others: 256 });
    }
    let wait = Repeats::new(&line).charge(now, Repeated { executed: 1, others: 1 });
    assert_eq!(wait, Some(Duration::from_secs(10)));
}

// P8: a connection's own pace counts all that it brought, however slow it was set.
#[test]
fn what_a_connection_brought_itself_is_counted_whole() {
    let now = Instant::now();
    let mut pace = Pace::new(100, now);
    assert_eq!(pace.charge(now, 5_025), Some(Duration::from_secs(50)));
}

// B1: what is earned has a bound.
#[test]
fn what_is_earned_has_a_bound() {
    let now = Instant::now();
    let line = Line::new(now);
    let worker = Repeats::new(&line);
    (0..1_000).for_each(|_| worker.earned().add(256));
    assert_eq!(worker.charge(now, waiting(65_536)), None);
    assert_eq!(
        worker.charge(now, waiting(40_000)),
        Some(Duration::from_secs(1)),
        "the line takes 20,000 at once"
    );
}
