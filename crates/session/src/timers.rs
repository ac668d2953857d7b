//! When to look at what again.

use outvote_types::{Instant, PublicKey, ReplicaId};
use std::collections::BTreeSet;

/// What waits for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A request: deadline, retransmission, or the step from `f + 1` replicas to all.
    Request(PublicKey, u64),
    /// A request that this replica was too busy for.
    Busy(PublicKey, u64, ReplicaId),
    /// The question where a session stands.
    Standing(PublicKey),
    /// A query.
    Query(u64),
    /// A wish for a receipt.
    Receipt(u64),
}

/// All moments that something waits for, earliest first. At most a few per request in flight.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, at: Instant, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}

/// `now` and so many milliseconds.
pub(crate) const fn after_ms(now: Instant, milliseconds: u64) -> Instant {
    now.plus(milliseconds.saturating_mul(1000))
}
