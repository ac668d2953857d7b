//! Deterministic jitter: the same seed gives the same pauses, so that a simulated run repeats byte for byte.

/// A SplitMix64 generator. Nothing secret hangs on it.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between `pause` and one and a half times as much.
    pub(crate) fn around(&mut self, pause: u64) -> u64 {
        let spread = (pause / 2).max(1);
        pause.saturating_add(self.next() % spread)
    }
}
