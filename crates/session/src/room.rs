//! How many requests of one session are under way at once: fewer when replicas are full, more again as outcomes come (P5).
//!
//! Whoever is refused and sends the same again at once gains nothing and keeps others out. So sessions share what replicas can do as
//! connections share a network: halved when it is too much, one more for each round that went well.

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
    shrinks_from: Instant,
}

/// All that a session may have in flight.
const MOST: usize = NONCE_WINDOW as usize;

impl Default for Room {
    fn default() -> Self {
        Self { requests: MOST, outcomes: 0, shrinks_from: Instant(0) }
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
        (self.outcomes, self.shrinks_from) = (0, now.plus(SHRINKS_EVERY_US));
    }

    pub(crate) const fn grow(&mut self) {
        self.outcomes += 1;
        if self.outcomes >= self.requests && self.requests < MOST {
            (self.requests, self.outcomes) = (self.requests + 1, 0);
        }
    }
}
