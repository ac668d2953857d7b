//! How many requests of one session are under way at once: fewer when replicas are full, more again as outcomes come (P5).
//!
//! Whoever is refused and sends the same again at once gains nothing and keeps others out. So sessions share what replicas can do as
//! connections share a network: a few at first and one more with each outcome, until that was too much; then half as many, and one
//! more for each round that went well.

use outvote_types::Instant;
use outvote_types::limits::NONCE_WINDOW;

/// Replicas that are full refuse many requests at the same time: that counts once in so long, microseconds.
const SHRINKS_EVERY_US: u64 = 100_000;

/// What replicas seem to have room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    requests: usize,
    /// Outcomes since it changed.
    outcomes: usize,
    /// Whether it was never too much yet.
    is_starting: bool,
    shrinks_from: Instant,
}

/// What a new session begins with: a thousand of them at once must not bring a thousand windows full.
const FIRST: usize = 8;
/// All that a session may have in flight.
const MOST: usize = NONCE_WINDOW as usize;

impl Default for Room {
    fn default() -> Self {
        Self { requests: FIRST, outcomes: 0, is_starting: true, shrinks_from: Instant(0) }
    }
}

impl Room {
    pub(crate) const fn get(&self) -> usize {
        self.requests
    }

    /// With so many under way, some were refused.
    pub(crate) fn shrink(&mut self, now: Instant, under_way: usize) {
        if now < self.shrinks_from {
            return;
        }
        self.requests = (self.requests.min(under_way) / 2).max(1);
        (self.outcomes, self.is_starting) = (0, false);
        self.shrinks_from = now.plus(SHRINKS_EVERY_US);
    }

    pub(crate) const fn grow(&mut self) {
        self.outcomes += 1;
        let is_round = self.is_starting || self.outcomes >= self.requests;
        if is_round && self.requests < MOST {
            (self.requests, self.outcomes) = (self.requests + 1, 0);
        }
    }
}
