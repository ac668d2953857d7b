//! How large batches may grow under load (N2): as large as commits stay quick.

use outvote_types::Instant;

/// While commits take less than this part of their target, batches may grow.
const EASE: u64 = 2;
/// The quickest commit seen is forgotten slowly, by this part with each commit: links change.
const LEAST_FADES: u64 = 128;
/// A commit may take so many times as long as the quickest, however far apart the replicas are.
const LEAST_TIMES: u64 = 3;

/// The leader's measure of itself.
#[derive(Debug)]
pub(crate) struct Growth {
    /// How many times the usual batch one may hold now.
    times: usize,
    /// About the quickest commit, microseconds; 0 while there was none.
    least_us: u64,
    /// No second cut before the first one can show.
    cut_at: Instant,
}

impl Growth {
    /// As much as allowed, until commits say otherwise.
    pub(crate) const fn new() -> Self {
        Self { times: usize::MAX, least_us: 0, cut_at: Instant(0) }
    }

    /// How many times the usual batch one may hold now.
    pub(crate) fn times(&self, most: usize) -> usize {
        self.times.min(most).max(1)
    }

    /// A block of ours was committed so long after it was proposed. Work in flight is what slots wait for, so a leader that fills
    /// its pipeline with more than a window's work would soon suspect itself (V3) and be bypassed in its followers' eyes (V2).
    pub(crate) fn on_commit(&mut self, us: u64, half_window_us: u64, most: usize, now: Instant) {
        self.least_us = match self.least_us {
            0 => us,
            least => us.min(least.saturating_add(least / LEAST_FADES).saturating_add(1)),
        };
        let target = half_window_us.max(self.least_us.saturating_mul(LEAST_TIMES));
        if us > target && now >= self.cut_at {
            self.times = (self.times(most) / 2).max(1);
            self.cut_at = now.plus(us.max(target));
        } else if us < target / EASE {
            self.times = self.times(most).saturating_add(1).min(most.max(1));
        }
    }
}
