//! How much is ordered in half a window, which is how much may wait (P5).

use crate::limits::WAITING_MIN;
use crate::replica::Replica;
use outvote_types::planted::{self, Bug};
use outvote_types::{Block, Instant};

/// What the cluster has ordered lately, counted from committed blocks.
#[derive(Debug, Default)]
pub(crate) struct Turnover {
    /// When counting began.
    since: Instant,
    /// Requests committed since then.
    count: usize,
    /// Requests of half a window, of the best stretch lately.
    per_half_window: usize,
}

impl Turnover {
    /// Ends a stretch of half a window, if it is over.
    fn roll(&mut self, now: Instant, half_window_us: u64) {
        let us = now.since(self.since);
        if us < half_window_us {
            return;
        }
        let count = u64::try_from(self.count).unwrap_or(u64::MAX).saturating_mul(half_window_us) / us.max(1);
        // A pause of work or of the network says nothing about what could be ordered, so what is known fades slowly.
        let faded = self.per_half_window.saturating_sub(self.per_half_window / 4);
        self.per_half_window = usize::try_from(count).unwrap_or(usize::MAX).max(faded);
        (self.since, self.count) = (now, 0);
    }
}

impl Replica {
    /// P5: how many requests may wait here for a proposal. Whoever suspects a leader for what it leaves waiting (V2, P10)
    /// does so after a window at the earliest, so what waits must be less than what is ordered in one.
    pub(crate) fn waiting_max(&mut self) -> usize {
        if planted::is_on(Bug::AnythingMayWait) {
            return usize::MAX;
        }
        let half_window_us = self.half_window_us();
        self.turnover.roll(self.now, half_window_us);
        self.turnover.per_half_window.max(WAITING_MIN)
    }

    pub(crate) fn count_turnover(&mut self, block: &Block) {
        let half_window_us = self.half_window_us();
        self.turnover.roll(self.now, half_window_us);
        let requests: usize = block.batches.iter().map(|batch| batch.requests.len()).sum();
        self.turnover.count = self.turnover.count.saturating_add(requests);
    }

    /// Of the base: a window that has grown says that the cluster is slow, and must not let more wait.
    pub(crate) fn half_window_us(&self) -> u64 {
        (self.config.tunables.timeout_base_us / 2).max(1)
    }
}
