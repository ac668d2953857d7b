//! How much is executed in half a window, which is how much may wait (P5, E10).

use crate::limits::WAITING_MIN;
use crate::replica::Replica;
use alloc::collections::VecDeque;
use outvote_types::planted::{self, Bug};
use outvote_types::{Instant, Sequence};

/// After so many quiet stretches hardly anything is left of what was known.
const FADES_MAX: u64 = 32;

/// What was executed lately, and what waits for it.
#[derive(Debug, Default)]
pub(crate) struct Turnover {
    /// When counting began.
    since: Instant,
    /// Requests executed since then.
    count: usize,
    /// Requests of half a window, of the best stretch lately.
    per_half_window: usize,
    /// Committed blocks that wait for execution, each with its requests; as many as are handed to it (E10).
    waiting: VecDeque<(Sequence, usize)>,
    /// All their requests.
    unexecuted: usize,
}

impl Turnover {
    /// Ends a stretch of half a window, if it is over.
    fn roll(&mut self, now: Instant, half_window_us: u64) {
        let us = now.since(self.since);
        if us < half_window_us {
            return;
        }
        let count = u64::try_from(self.count).unwrap_or(u64::MAX).saturating_mul(half_window_us) / us.max(1);
        // A pause of work or of the network says nothing about what could be done, so what is known fades slowly.
        let stretches = (us / half_window_us.max(1)).min(FADES_MAX);
        let faded = (0..stretches).fold(self.per_half_window, |known, _| known.saturating_sub(known / 4));
        self.per_half_window = usize::try_from(count).unwrap_or(usize::MAX).max(faded);
        (self.since, self.count) = (now, 0);
    }

    /// How many requests may wait in one place: whoever suspects a leader for what it leaves waiting (V2, V3, P10) does so after a
    /// window at the earliest, so what waits must be less than what is done in one.
    fn allowance(&self) -> usize {
        if planted::is_on(Bug::AnythingMayWait) {
            return usize::MAX;
        }
        self.per_half_window.max(WAITING_MIN)
    }

    /// E10: more waits for execution than that.
    pub(crate) fn is_behind(&self) -> bool {
        self.unexecuted > self.allowance()
    }

    /// Another state is in place: what waits is handed out anew.
    pub(crate) fn begin_anew(&mut self) {
        self.waiting.clear();
        self.unexecuted = 0;
    }

    /// Blocks up to this one are executed.
    fn on_executed(&mut self, upto: Sequence) {
        while let Some((_, requests)) = self.waiting.pop_front_if(|(sequence, _)| *sequence <= upto) {
            self.count = self.count.saturating_add(requests);
            self.unexecuted = self.unexecuted.saturating_sub(requests);
        }
    }
}

impl Replica {
    /// P5: how many requests may wait here for a proposal.
    pub(crate) fn waiting_max(&mut self) -> usize {
        self.turnover.roll(self.now, self.half_window_us());
        self.turnover.allowance()
    }

    /// A block waits for execution, with so many requests that were not ordered before: repeated ones cost hardly anything, and
    /// would let a leader look busy (P11).
    pub(crate) fn count_turnover(&mut self, sequence: Sequence, requests: usize) {
        self.turnover.waiting.push_back((sequence, requests));
        self.turnover.unexecuted = self.turnover.unexecuted.saturating_add(requests);
    }

    /// Blocks up to this one are executed.
    pub(crate) fn turn_over(&mut self, upto: Sequence) {
        self.turnover.on_executed(upto);
        self.turnover.roll(self.now, self.half_window_us());
    }

    /// Of the base: a window that has grown says that the cluster is slow, and must not let more wait.
    pub(crate) fn half_window_us(&self) -> u64 {
        (self.config.tunables.timeout_base_us / 2).max(1)
    }
}
