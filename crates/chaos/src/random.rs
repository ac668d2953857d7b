//! Decisions that a seed repeats.

use crate::weather::Delay;
use std::time::Duration;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0 and up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn delay(&mut self, delay: Delay) -> Duration {
        match delay {
            Delay::None => Duration::ZERO,
            Delay::Fixed(time) => time,
            Delay::Uniform(least, most) => least + most.saturating_sub(least).mul_f64(self.unit()),
            Delay::HeavyTail { least, shape, most } => {
                let factor = self.unit().powf(-1.0 / shape.max(0.1));
                Duration::try_from_secs_f64(least.as_secs_f64() * factor).unwrap_or(most).min(most)
            }
        }
    }

    /// Bytes up to the next flipped bit, 1 at least: on average as many as asked for.
    pub(crate) fn gap(&mut self, mean: u64) -> u64 {
        1 + self.next() % mean.max(1).saturating_mul(2).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
