//! Seeds that a campaign failed on once. What they draw may change with the generators; they are cheap, and stay.

use outvote_sim::run;

/// Seed and replicas.
const ONCE_FAILED: [(u64, usize); 10] = [
    (2_339, 4),
    (20_624, 4),
    (60_116, 4),
    (100_202, 4),
    (300_215, 4),
    (301_419, 4),
    (302_885, 4),
    (1_011, 7),
    (1_127, 7),
    (200_547, 7),
];

#[test]
fn seeds_that_failed_once_fail_no_more() {
    for (seed, replicas) in ONCE_FAILED {
        let outcome = run(seed, replicas, false);
        assert!(outcome.is_good(), "{}: {:?} {:?}", outcome.command(), outcome.violations, outcome.stall);
    }
}
