//! What all clients of a load record into.

use crate::history::{Back, Entry};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A question outside of the agreed order about a key that one client alone writes, counting up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertifiedRead {
    /// Who asked.
    pub client: u32,
    /// The count that it knew to be stored when it asked.
    pub least: u64,
    /// The count that it had asked to store when the answer came.
    pub most: u64,
    /// The answer.
    pub found: u64,
}

/// When something was meant to start, did start, and ended: nanoseconds since the load's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// On the schedule, whatever waited for what.
    pub intended: u64,
    /// In fact.
    pub invoked: u64,
    /// The outcome.
    pub ended: u64,
}

#[derive(Debug, Default)]
struct Inner {
    history: Vec<Entry>,
    spans: Vec<Span>,
    reads: Vec<CertifiedRead>,
    refusals: u64,
    troubles: Vec<String>,
}

/// Shared by all clients.
#[derive(Debug)]
pub struct Record {
    begun: Instant,
    inner: Mutex<Inner>,
}

/// What a load left behind.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Every operation, those of unknown outcome too.
    pub history: Vec<Entry>,
    /// Of operations that ended.
    pub spans: Vec<Span>,
    /// The certified reads.
    pub reads: Vec<CertifiedRead>,
    /// Operations that the cluster refused alike: they changed nothing.
    pub refusals: u64,
    /// What clients met that they must not meet.
    pub troubles: Vec<String>,
}

impl Record {
    /// Begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { begun: Instant::now(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it began.
    #[must_use]
    pub const fn begun(&self) -> Instant {
        self.begun
    }

    /// Nanoseconds since then.
    #[must_use]
    pub fn now(&self) -> u64 {
        nanoseconds(self.begun.elapsed())
    }

    /// An operation is asked for; its number.
    pub fn invoked(&self, mut entry: Entry) -> usize {
        let mut inner = self.inner();
        entry.invoked = self.now();
        inner.history.push(entry);
        inner.history.len() - 1
    }

    /// It came back.
    pub fn returned(&self, number: usize, intended: u64, back: Back) {
        let mut inner = self.inner();
        let ended = self.now();
        let Some(entry) = inner.history.get_mut(number) else { return };
        entry.returned = Some((ended, back));
        let invoked = entry.invoked;
        inner.spans.push(Span { intended, invoked, ended });
    }

    /// The cluster refused it: it changed nothing, and is taken out at the end.
    pub fn refused(&self, number: usize, why: &str) {
        let mut inner = self.inner();
        inner.refusals += 1;
        inner.troubles.push(format!("operation {number} was refused: {why}"));
    }

    /// A certified read was answered.
    pub fn read(&self, read: CertifiedRead) {
        self.inner().reads.push(read);
    }

    /// Something that must not be.
    pub fn trouble(&self, what: String) {
        self.inner().troubles.push(what);
    }

    /// Operations that ended so far.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.inner().spans.len() as u64
    }

    /// Whether an operation that was asked for after this moment has ended.
    #[must_use]
    pub fn serves_since(&self, moment: u64) -> bool {
        self.inner().spans.iter().rev().any(|span| span.invoked >= moment)
    }

    /// Everything.
    #[must_use]
    pub fn keep(&self) -> Kept {
        let inner = self.inner();
        Kept {
            history: inner.history.clone(),
            spans: inner.spans.clone(),
            reads: inner.reads.clone(),
            refusals: inner.refusals,
            troubles: inner.troubles.clone(),
        }
    }
}

impl Kept {
    /// Operations of unknown outcome.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.history.iter().filter(|entry| entry.returned.is_none()).count()
    }

    /// The longest time in which nothing ended, between the first and the last end.
    #[must_use]
    pub fn worst_gap(&self) -> Duration {
        let mut ends: Vec<u64> = self.spans.iter().map(|span| span.ended).collect();
        ends.sort_unstable();
        let gaps = ends.iter().zip(ends.iter().skip(1)).map(|(one, next)| next - one);
        Duration::from_nanos(gaps.max().unwrap_or_default())
    }

    /// A quantile of the latencies from the intended starts, so that waiting for one's turn counts.
    #[must_use]
    pub fn latency(&self, quantile: f64, from: u64, until: u64) -> Duration {
        let within = self.spans.iter().filter(|span| span.intended >= from && span.intended < until);
        let mut all: Vec<u64> = within.map(|span| span.ended.saturating_sub(span.intended)).collect();
        all.sort_unstable();
        let at = (all.len() as f64 * quantile) as usize;
        Duration::from_nanos(all.get(at.min(all.len().saturating_sub(1))).copied().unwrap_or_default())
    }

    /// Operations a second that ended in this span of time.
    #[must_use]
    pub fn throughput(&self, from: u64, until: u64) -> f64 {
        let count = self.spans.iter().filter(|span| span.ended >= from && span.ended < until).count();
        count as f64 / (until.saturating_sub(from).max(1) as f64 / 1e9)
    }

    /// Certified reads that are older than what the client knew, or newer than what it asked for.
    #[must_use]
    pub fn wrong_reads(&self) -> Vec<CertifiedRead> {
        let is_wrong = |read: &&CertifiedRead| !(read.least..=read.most).contains(&read.found);
        self.reads.iter().filter(is_wrong).copied().collect()
    }
}

/// Saturating: five hundred years are enough.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
