//! Seeds that a campaign failed on once. What they draw may change with the generators; they are cheap, and stay.

use outvote_sim::{Mode, Reduction, Run, run};
use outvote_types::ReplicaId;

/// Seed and replicas.
const ONCE_FAILED: [(u64, usize); 19] = [
    (2_339, 4),
    (20_624, 4),
    (60_116, 4),
    (100_202, 4),
    (300_215, 4),
    (301_419, 4),
    (302_885, 4),
    (1_014_305, 4),
    (1_031_657, 4),
    (1_605_226, 4),
    (1_607_012, 4),
    (1_702_407, 4),
    (1_712_430, 4),
    (1_754_553, 4),
    (1_800_800, 4),
    (1_806_307, 4),
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

/// Two of three correct replicas installed a later state before a client had heard of its two last outcomes, which the third alone
/// can tell; the liar's answers fit nothing. That is said (protocol, section 10), and is no stall.
#[test]
fn outcomes_that_too_few_can_tell_stay_pending() {
    let reduction = Reduction {
        keep: Some(vec![0, 4]),
        liars: Some(vec![ReplicaId(3)]),
        clients: Some(2),
        requests: Some(12),
        heal_us: Some(2_023_829),
        ..Reduction::default()
    };
    let run = Run { seed: 1_006_144, replicas: 4, mode: Mode::WithinBound, reduction };
    let outcome = run.play(false);
    assert!(outcome.is_good(), "{}: {:?} {:?}", outcome.command(), outcome.violations, outcome.stall);
    assert_eq!(outcome.faults.get("outcomes_untold"), Some(&2));
}
