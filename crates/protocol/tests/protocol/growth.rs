//! The leader's measure of itself, alone (N2).

#[path = "../../src/growth.rs"]
#[allow(unreachable_pub, reason = "a part of the crate, looked at from outside")]
mod measure;

use measure::Growth;
use outvote_types::Instant;

const HALF: u64 = 250_000;

#[test]
fn batches_shrink_while_commits_are_slow_and_grow_back() {
    let mut growth = Growth::new();
    assert_eq!(growth.times(16), 16);
    growth.on_commit(3_000, HALF, 16, Instant(0));
    growth.on_commit(300_000, HALF, 16, Instant(1_000_000));
    assert_eq!(growth.times(16), 8);
    growth.on_commit(400_000, HALF, 16, Instant(1_000_001));
    assert_eq!(growth.times(16), 8, "what was in flight before the cut says nothing about it");
    for step in 2..20 {
        growth.on_commit(300_000, HALF, 16, Instant(step * 1_000_000));
    }
    assert_eq!(growth.times(16), 1);
    for step in 20..60 {
        growth.on_commit(20_000, HALF, 16, Instant(step * 1_000_000));
    }
    assert_eq!(growth.times(16), 16);
}

#[test]
fn far_replicas_are_not_taken_for_slow_ones() {
    let mut growth = Growth::new();
    for step in 1..1_000 {
        growth.on_commit(400_000 + step % 7 * 20_000, HALF, 16, Instant(step * 100_000));
    }
    assert_eq!(growth.times(16), 16);
}
