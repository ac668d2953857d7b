//! A machine's processor: so many cores, and threads that take turns on them.

use std::collections::VecDeque;

/// A thread that has run for so long lets others run, nanoseconds.
const SLICE_NS: u64 = 1_000_000;

/// Work of a thread beside the replica's own.
pub(super) struct Job<T> {
    left_ns: u64,
    done: T,
}

/// What a core does next.
pub(super) enum Turn<T> {
    /// The replica's own thread has something to do and may begin.
    Core,
    /// This work goes on for so long; it ends then if `ended` is there.
    Slice {
        /// How long.
        takes_ns: u64,
        /// What it was for, or what is left of it.
        then: Result<T, Job<T>>,
    },
}

/// The cores and who waits for them. The replica's thread goes first: it must never wait for bulk work.
pub(super) struct Cores<T> {
    free: usize,
    jobs: VecDeque<Job<T>>,
    /// Whether the replica's thread waits for a core.
    pub(super) core_waits: bool,
    /// Whether it runs.
    core_runs: bool,
    /// Nanoseconds that were worked.
    pub(super) worked_ns: u64,
    /// Of these, the replica's thread.
    pub(super) core_ns: u64,
}

impl<T> Cores<T> {
    pub(super) const fn new(cores: usize) -> Self {
        Self {
            free: cores,
            jobs: VecDeque::new(),
            core_waits: false,
            core_runs: false,
            worked_ns: 0,
            core_ns: 0,
        }
    }

    /// Another thread has work.
    pub(super) fn add(&mut self, takes_ns: u64, done: T) {
        self.jobs.push_back(Job { left_ns: takes_ns, done });
    }

    /// What is left of a slice goes to the end of the line.
    pub(super) fn put_back(&mut self, job: Job<T>) {
        self.jobs.push_back(job);
    }

    /// Gives a free core to who is next; `None` if there is nobody or no core.
    pub(super) fn next(&mut self) -> Option<Turn<T>> {
        if self.free == 0 {
            return None;
        }
        if self.core_waits && !self.core_runs {
            self.free -= 1;
            (self.core_waits, self.core_runs) = (false, true);
            return Some(Turn::Core);
        }
        let mut job = self.jobs.pop_front()?;
        self.free -= 1;
        let takes_ns = job.left_ns.min(SLICE_NS);
        job.left_ns -= takes_ns;
        self.worked_ns += takes_ns;
        let then = if job.left_ns == 0 { Ok(job.done) } else { Err(job) };
        Some(Turn::Slice { takes_ns, then })
    }

    /// The replica's thread has worked for so long in this turn.
    pub(super) const fn core_worked(&mut self, ns: u64) {
        self.worked_ns += ns;
        self.core_ns += ns;
    }

    /// The replica's thread gives its core back.
    pub(super) const fn end_core(&mut self) {
        self.core_runs = false;
        self.free += 1;
    }

    /// Another thread gives its core back.
    pub(super) const fn end_slice(&mut self) {
        self.free += 1;
    }
}
