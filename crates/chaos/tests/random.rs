//! What is drawn from a seed.

use outvote_chaos::{Delay, Random};
use std::time::Duration;

// Faults: N03
#[test]
fn a_heavy_tail_stays_between_its_bounds_and_is_mostly_near_the_lower_one() {
    let (least, most) = (Duration::from_millis(1), Duration::from_millis(100));
    let mut random = Random::new(7);
    let mut all: Vec<Duration> =
        (0..10_000).map(|_| random.delay(Delay::HeavyTail { least, shape: 1.2, most })).collect();
    all.sort_unstable();
    assert!(all[0] >= least && all[9_999] == most);
    assert!(all[5_000] < Duration::from_millis(3), "{:?}", all[5_000]);
    assert!(all[9_900] > Duration::from_millis(20), "{:?}", all[9_900]);
}

#[test]
fn gaps_have_the_mean_that_was_asked_for() {
    let mut random = Random::new(1);
    let sum: u64 = (0..10_000).map(|_| random.gap(50)).sum();
    assert!((480_000..520_000).contains(&sum), "{sum}");
    assert_eq!(random.gap(1), 1);
}
