//! Wall-clock time: when a header counts as timely (W rules).

use crate::limits::TOLERANCE_STEPS_MAX;
use crate::replica::Replica;
use outvote_types::WallTime;
use outvote_types::planted::{self, Bug};

impl Replica {
    /// Whether a header with this time, after a parent with that time, was timely when it was first received.
    pub(crate) fn is_timely(&self, time: WallTime, parent: WallTime, received: WallTime) -> bool {
        // W1: later than the parent.
        if time < parent || (time == parent && !planted::is_on(Bug::TimeStandsStill)) {
            return false;
        }
        if planted::is_on(Bug::TimestampUnchecked) {
            return true;
        }
        // W3: one microsecond after a parent that lies ahead of the own clock, so that the log outlives clocks that
        // step back together.
        if parent > received && time == parent.next() {
            return true;
        }
        // W2: neither too old nor too new at first receipt.
        let ahead = self.config.tunables.time_ahead_us;
        let behind = self.time_behind_us().saturating_add(ahead);
        time <= received.plus(ahead) && time.0.saturating_add(behind) >= received.0
    }

    /// W4: the tolerance into the past, a tenth wider with each view that failed since the last commit.
    fn time_behind_us(&self) -> u64 {
        let steps = if planted::is_on(Bug::ToleranceNeverWidens) {
            0
        } else {
            self.timers.failed_views.min(TOLERANCE_STEPS_MAX)
        };
        (0..steps).fold(self.config.tunables.time_behind_us, |us, _| us.saturating_add(us / 10))
    }

    /// N3: the time of the next header.
    pub(crate) fn next_time(&self, parent: WallTime) -> WallTime {
        if planted::is_on(Bug::ProposesOwnClock) { self.wall } else { parent.next().max(self.wall) }
    }
}
