//! When each operation should have started, and when it ended: all that the figures are made of.

use crate::error::BenchError;
use crate::load::Record;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Samples of one row at most; later ones are only counted.
const SAMPLES_MAX: usize = 20_000_000;

/// One committed request of an honest client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it should have started, microseconds since the row began.
    pub intended_us: u64,
    /// When its checked answer was there.
    pub ended_us: u64,
    /// Whose it was.
    pub client: u32,
    /// How many operations it held.
    pub operations: u32,
}

/// A span of a row's time, microseconds since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from_us: u64,
    /// The first moment after it.
    pub until_us: u64,
}

impl Span {
    /// A span.
    #[must_use]
    pub const fn new(from_us: u64, until_us: u64) -> Self {
        Self { from_us, until_us }
    }

    /// Whether a moment lies in it.
    #[must_use]
    pub const fn holds(self, us: u64) -> bool {
        us >= self.from_us && us < self.until_us
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.until_us.saturating_sub(self.from_us) as f64 / 1e6
    }
}

/// What all honest clients of a row record into.
#[derive(Debug)]
pub(crate) struct Timeline {
    begun: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    samples: Vec<Sample>,
    refused: u64,
    first_refusal: Option<String>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Counters stay valid even if a holder panicked.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds from the row's begin to a moment.
    pub(crate) fn at(&self, moment: Instant) -> u64 {
        micros(moment.saturating_duration_since(self.begun))
    }

    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// All samples so far that ended at this moment or later.
    pub(crate) fn samples_since(&self, us: u64) -> Vec<Sample> {
        let inner = self.inner();
        // They are recorded in the order in which they end, but for the moments between a clock's look and the lock.
        let first = inner.samples.partition_point(|sample| sample.ended_us.saturating_add(10_000) < us);
        inner.samples[first..].iter().filter(|sample| sample.ended_us >= us).copied().collect()
    }

    /// Requests that were refused, and the first reason.
    pub(crate) fn refusals(&self) -> (u64, Option<String>) {
        let inner = self.inner();
        (inner.refused, inner.first_refusal.clone())
    }
}

impl Record for Timeline {
    fn committed(&self, client: u64, intended: Instant, now: Instant, operations: u64) {
        let sample = Sample {
            intended_us: self.at(intended),
            ended_us: self.at(now),
            client: u32::try_from(client).unwrap_or(u32::MAX),
            operations: u32::try_from(operations).unwrap_or(u32::MAX),
        };
        let mut inner = self.inner();
        if inner.samples.len() < SAMPLES_MAX {
            inner.samples.push(sample);
        }
    }

    fn rejected(&self, why: &str) -> Result<(), BenchError> {
        let mut inner = self.inner();
        inner.refused += 1;
        inner.first_refusal.get_or_insert_with(|| why.to_owned());
        Ok(())
    }

    fn pending(&self) {}
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
