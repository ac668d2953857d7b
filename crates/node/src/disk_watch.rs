//! Whether the disk still finishes what it is given.
//!
//! A disk that fails says so and stops the node (D20). One that hangs says nothing: the thread that writes waits inside the
//! kernel, for a minute or for ever, and only somebody else can notice (D28).

use crate::clock::Clock;
use outvote_types::Instant;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A write or flush that takes longer counts as stuck. Disks that are merely slow or busy answer within a second or two, and a
/// replica that hangs is to be noticed within ten.
const STUCK: Duration = Duration::from_secs(4);

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// The log.
    Log = 0,
    /// The state database.
    State = 1,
}

impl Writer {
    const ALL: [Self; 2] = [Self::Log, Self::State];

    /// What it writes, as people know it.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Log => "data/log",
            Self::State => "data/state.redb",
        }
    }
}

/// Since when each writer waits for the disk.
#[derive(Debug)]
pub(crate) struct DiskWatch {
    clock: Clock,
    /// The clock's microseconds plus one; 0 while it does not wait.
    since: [AtomicU64; 2],
}

impl DiskWatch {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, since: Default::default() }
    }

    /// Does something that may wait for the disk.
    pub(crate) fn during<T>(&self, writer: Writer, work: impl FnOnce() -> T) -> T {
        let since = &self.since[writer as usize];
        since.store(self.clock.now().0.saturating_add(1), Ordering::Release);
        let done = work();
        since.store(0, Ordering::Release);
        done
    }

    /// Whose write has been waiting for too long by now, and for how long.
    pub(crate) fn stuck(&self) -> Option<(Writer, Duration)> {
        let now = self.clock.now();
        Writer::ALL.into_iter().find_map(|writer| {
            let since = self.since[writer as usize].load(Ordering::Acquire).checked_sub(1)?;
            let waits = Duration::from_micros(now.since(Instant(since)));
            (waits >= STUCK).then_some((writer, waits))
        })
    }
}
