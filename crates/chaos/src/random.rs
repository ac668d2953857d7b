//! Decisions that a seed repeats.

use crate::weather::Delay;
use std::time::Duration;

/// SplitMix64: for decisions of tests, not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    #[allow(clippy::should_implement_trait, reason = "it never ends, and nobody loops over it")]
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0 and up to 1.
    pub fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// How late one piece is.
    pub fn delay(&mut self, delay: Delay) -> Duration {
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

    /// Something below `end`, which must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Bytes up to the next flipped bit, 1 at least: on average as many as asked for.
    pub fn gap(&mut self, mean: u64) -> u64 {
        1 + self.next() % mean.max(1).saturating_mul(2).saturating_sub(1)
    }
}
