//! What a replica remembers of clients' requests: which were executed.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

// No part of the crate's face, and it knows nothing of the rest of it.
#[path = "../src/gateway/done.rs"]
mod done;

use done::Done;
use outvote_types::{Digest, ResultKind, ResultLeaf};

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
