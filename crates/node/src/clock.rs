//! The two clocks of a process: one for timers, one for what people call time.

use outvote_types::{Instant, WallTime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads both clocks. Copies share one origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// Monotonic microseconds since the start.
    pub(crate) fn now(&self) -> Instant {
        Instant(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Wall-clock microseconds since the Unix epoch; 0 for a clock set before it.
    pub(crate) fn wall() -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        WallTime(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// How long until `at`; zero if it is past.
    pub(crate) fn until(&self, at: Instant) -> Duration {
        Duration::from_micros(at.since(self.now()))
    }
}
