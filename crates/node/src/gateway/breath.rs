//! Rests of a thread whose work can wait while the replica has other work to do.

use crate::shared::Shared;
use std::thread;
use std::time::{Duration, Instant};

/// Work between two rests, about: short, so that nobody waits long for the processor.
const WORK: Duration = Duration::from_millis(1);
/// How many times as long it rests then: the thread takes at most a quarter of a processor.
const RESTS: u32 = 3;

/// Counts the work since the last rest.
pub(super) struct Breath {
    since: Instant,
}

impl Breath {
    pub(super) fn new() -> Self {
        Self { since: Instant::now() }
    }

    /// Work begins after a wait, which counts as a rest.
    pub(super) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// Rests if it is time to, and blocks are being executed: without them the processor is free. A low priority alone does not
    /// help the others enough: they would wait for this thread's turn to end whenever they wake.
    pub(super) fn take(&mut self, shared: &Shared) {
        let worked = self.since.elapsed();
        if worked < WORK {
            return;
        }
        if shared.is_at_work() {
            thread::sleep(worked * RESTS);
        }
        self.begin();
    }
}
