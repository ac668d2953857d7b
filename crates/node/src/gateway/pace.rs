//! A token bucket for one connection's work: a flood waits at its own door (P8).

use std::time::{Duration, Instant};

/// What a connection that was quiet may bring at once.
const BURST: Duration = Duration::from_millis(250);

/// How fast one connection may go on.
pub(crate) struct Pace {
    per_second: u32,
    /// When all that came so far would have come at the even pace.
    due: Instant,
}

impl Pace {
    /// Lets so much in a second; 0 stands for 1.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second: per_second.max(1), due: now }
    }

    /// Counts what just came, and says how long to wait before more is read, if at all: a sleep of no length would cost a tick
    /// of the clock.
    pub(crate) fn charge(&mut self, now: Instant, count: usize) -> Option<Duration> {
        let cost = Duration::from_secs(1) * u32::try_from(count).unwrap_or(u32::MAX) / self.per_second;
        self.due = self.due.max(now) + cost;
        let wait = self.due.saturating_duration_since(now).saturating_sub(BURST);
        (!wait.is_zero()).then_some(wait)
    }
}
