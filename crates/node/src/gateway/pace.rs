//! Token buckets for clients' work: a flood waits at its own door (P8).

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::tasks::{OwnedSemaphorePermit, Semaphore};
use crate::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a connection that was quiet may bring at once.
const BURST: Duration = Duration::from_millis(250);
/// Repetitions of requests that wait which all connections together may bring in a second without having earned them. Each costs
/// some microseconds.
const REPEATS_PER_SECOND: u32 = 20_000;
/// What may be repeated so at once after a quiet time.
const REPEATS_BURST: Duration = Duration::from_secs(1);
/// The same for requests that were executed lately: they bring nothing about any more. At once as many may come as of the others:
/// users who connect anew, and first sendings that others were faster than.
const EXECUTED_PER_SECOND: u32 = 4_000;
/// What may be repeated so at once.
const EXECUTED_BURST: Duration = Duration::from_secs(5);
/// So far ahead the line is counted at most: who was charged and hung up does not keep others waiting for longer.
const AHEAD_MAX: Duration = Duration::from_secs(10);
/// Answers to those who stand in the line that are being looked up, at most.
const ANSWERS_AT_ONCE: usize = 256;
/// Repetitions earned in advance at most: what some thousand users behind one connection had under way when a leader failed.
const REPEATS_EARNED_MAX: usize = 65_536;

/// How fast one connection may go on.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: u32,
    burst: Duration,
    /// When all that came so far would have come at the even pace.
    due: Instant,
}

impl Pace {
    /// Lets so much in a second; 0 stands for 1.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second: per_second.max(1), burst: BURST, due: now }
    }

    /// Counts what just came, and says how long to wait before more is read, if at all: a sleep of no length would cost a tick
    /// of the clock.
    pub(crate) fn charge(&mut self, now: Instant, count: usize) -> Option<Duration> {
        self.count(now, count);
        self.wait(now)
    }

    fn count(&mut self, now: Instant, count: usize) {
        let cost = Duration::from_secs(1) * u32::try_from(count).unwrap_or(u32::MAX) / self.per_second;
        self.due = self.due.max(now) + cost;
    }

    fn wait(&self, now: Instant) -> Option<Duration> {
        let wait = self.due.saturating_duration_since(now).saturating_sub(self.burst);
        (!wait.is_zero()).then_some(wait)
    }

    /// The same for a pace that many connections share: whatever the others were charged, nobody waits for longer than the bound.
    fn charge_in_line(&mut self, now: Instant, count: usize) -> Option<Duration> {
        if count == 0 {
            return None;
        }
        self.count(now, count);
        self.due = self.due.min(now + self.burst + AHEAD_MAX);
        self.wait(now)
    }
}

/// The line in which those connections stand that repeat more than they earned: a crowd of them takes no more of this replica than
/// one would, and each has its turn. Those whose requests wait never stand behind those who repeat what was executed.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Of requests that were executed, and of others.
    paces: Arc<Mutex<[Pace; 2]>>,
    answers: Arc<Semaphore>,
}

/// What a message repeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated {
    /// Requests that were executed lately.
    pub(crate) executed: usize,
    /// Requests that are known and wait, and questions what became of one.
    pub(crate) others: usize,
}

impl Line {
    pub(crate) fn new(now: Instant) -> Self {
        let executed = Pace { burst: EXECUTED_BURST, ..Pace::new(EXECUTED_PER_SECOND, now) };
        let others = Pace { burst: REPEATS_BURST, ..Pace::new(REPEATS_PER_SECOND, now) };
        let paces = Arc::new(Mutex::new([executed, others]));
        Self { paces, answers: Arc::new(Semaphore::new(ANSWERS_AT_ONCE)) }
    }

    fn charge(&self, now: Instant, count: Repeated) -> Option<Duration> {
        // Dates and numbers: whole whatever a holder did.
        let [executed, others] = &mut *self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        executed.charge_in_line(now, count.executed).max(others.charge_in_line(now, count.others))
    }
}

/// How fast one connection may repeat what it or others said: as much as it brought that was new and well signed at once, and more when
/// its turn comes. Repeating costs its sender nothing, so those who only repeat must wait, and users who bring work must not (P9).
#[derive(Debug)]
pub(crate) struct Repeats {
    earned: Earned,
    line: Line,
}

/// Repetitions that a connection has earned, for whoever sees its signatures judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Earned(Arc<AtomicUsize>);

impl Earned {
    /// So many new requests were good.
    pub(crate) fn add(&self, count: usize) {
        // Two at once may lift it a little above the bound, and no more: the next one sees that.
        if self.0.load(Ordering::Relaxed) < REPEATS_EARNED_MAX {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Takes up to `count`; the number that was there.
    fn take(&self, count: usize) -> usize {
        let rest = |earned: usize| Some(earned.saturating_sub(count));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).unwrap_or_default().min(count)
    }
}

impl Repeats {
    /// A place for an answer to somebody in the line; without one it is not answered.
    pub(crate) fn answer(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.line.answers).try_acquire_owned().ok()
    }

    /// Of a connection that has brought nothing yet.
    pub(crate) fn new(line: &Line) -> Self {
        Self { earned: Earned::default(), line: line.clone() }
    }

    pub(crate) fn earned(&self) -> &Earned {
        &self.earned
    }

    /// Counts repetitions, and says how long to wait before more is read, if at all. What was earned pays for those that wait first.
    pub(crate) fn charge(&self, now: Instant, count: Repeated) -> Option<Duration> {
        let earned = self.earned.take(count.executed + count.others);
        let others = count.others.saturating_sub(earned);
        let executed = count.executed - earned.saturating_sub(count.others);
        self.line.charge(now, Repeated { executed, others })
    }
}
