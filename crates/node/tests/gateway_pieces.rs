//! What a replica remembers of clients' requests: which were executed, and what a connection repeats.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

// Both are no part of the crate's face, and know nothing of the rest of it.
#[path = "../src/gateway/done.rs"]
mod done;
#[path = "../src/gateway/repeats.rs"]
mod repeats;

use done::Done;
use outvote_types::{Digest, ResultKind, ResultLeaf};
use repeats::Repeats;

/// As the constants of the two files say.
const PER_GENERATION: usize = 65_536;
const REMEMBERED: usize = 256;
const FORGIVEN: usize = 64;

fn request(number: usize) -> Digest {
    Digest::of(&number.to_le_bytes())
}

fn leaf(number: usize, kind: ResultKind) -> ResultLeaf {
    ResultLeaf { request: request(number), index: 0, kind, answer: Digest::ZERO }
}

// P8
// Faults: K04
#[test]
fn repetitions_are_free_as_often_as_something_new_came() {
    let mut repeats = Repeats::default();
    assert!((0..REMEMBERED).all(|number| repeats.cost(&request(number), false) == 1));
    let free =
        (0..10 * REMEMBERED).take_while(|number| repeats.cost(&request(number % REMEMBERED), true) == 1);
    assert_eq!(free.count(), REMEMBERED + FORGIVEN);
    assert!(repeats.cost(&request(0), true) > 50, "the next one is dear");
    assert_eq!(repeats.cost(&request(usize::MAX), false), 1, "something new is always taken");
}

// P8
#[test]
fn what_was_executed_before_is_nothing_new() {
    let mut repeats = Repeats::default();
    let free = (0..1000).take_while(|number| repeats.cost(&request(*number), true) == 1).count();
    assert_eq!(free, FORGIVEN);
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
