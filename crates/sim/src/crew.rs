//! Seeds on several threads at once, told of in their order all the same.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How far the seeds of one thread may run ahead of the one that everybody waits for; what is done waits until then.
const AHEAD_MAX_PER_JOB: u64 = 64;

/// Which number is to be handed out next, and how many were told of.
struct Line {
    next: u64,
    told: u64,
    end: u64,
}

struct Crew<F> {
    line: Mutex<Line>,
    moved: Condvar,
    ahead_max: u64,
    work: F,
}

impl<T, F: Fn(u64) -> T + Sync> Crew<F> {
    fn line(&self) -> MutexGuard<'_, Line> {
        // Two numbers have no invariant that a panic elsewhere could have broken half-way.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<u64> {
        let mut line = self.line();
        while line.next < line.end && line.next >= line.told + self.ahead_max {
            line = self.moved.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        let number = line.next;
        if number >= line.end {
            return None;
        }
        line.next += 1;
        Some(number)
    }

    fn run(&self, done: &Sender<(u64, T)>) {
        while let Some(number) = self.take() {
            if done.send((number, (self.work)(number))).is_err() {
                return;
            }
        }
    }

    fn tell(&self, goes_on: bool) {
        let mut line = self.line();
        line.told += 1;
        if !goes_on {
            // What was handed out is finished and told of; nothing more is.
            line.end = line.next;
        }
        drop(line);
        self.moved.notify_all();
    }
}

/// Works on the numbers from 0 to `count` on so many threads, and hands over the results in the order of the numbers. When
/// `tell` answers no, nothing new is begun.
pub(crate) fn in_order<T: Send>(
    count: u64,
    jobs: usize,
    work: impl Fn(u64) -> T + Sync,
    mut tell: impl FnMut(u64, T) -> bool,
) {
    let jobs = jobs.max(1);
    let crew = Crew {
        line: Mutex::new(Line { next: 0, told: 0, end: count }),
        moved: Condvar::new(),
        ahead_max: AHEAD_MAX_PER_JOB * jobs as u64,
        work,
    };
    std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        for _ in 0..jobs {
            let (sender, crew) = (sender.clone(), &crew);
            scope.spawn(move || crew.run(&sender));
        }
        drop(sender);
        // Bounded by how far the threads may run ahead.
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (number, result) in receiver {
            early.insert(number, result);
            while let Some(result) = early.remove(&next) {
                let goes_on = tell(next, result);
                crew.tell(goes_on);
                next += 1;
            }
        }
    });
}
