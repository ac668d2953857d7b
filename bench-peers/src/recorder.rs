//! Counts what committed inside the measured time, and how long it took. As `outvote bench` does: throughput counts what ends in
//! the span, latency what should start in it.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The longest latency that is told apart, microseconds: ten minutes.
const LATENCY_MAX_US: u64 = 600_000_000;

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the operations were at least this fast.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// Ninety-nine of a hundred.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// What all clients record into.
#[derive(Debug)]
pub struct Recorder {
    from: Instant,
    until: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    histogram: Histogram<u64>,
    committed: u64,
    failed: u64,
    first_failure: Option<String>,
}

impl Recorder {
    /// Records for this span of time.
    #[must_use]
    pub fn new(from: Instant, until: Instant) -> Self {
        let Ok(histogram) = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3) else {
            unreachable!("the bounds are constants that a histogram takes");
        };
        Self {
            from,
            until,
            inner: Mutex::new(Inner { histogram, committed: 0, failed: 0, first_failure: None }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Counters stay valid even if a holder panicked.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation that should have started at `intended` committed at `now`.
    pub fn committed(&self, intended: Instant, now: Instant) {
        let mut inner = self.inner();
        if now >= self.from && now < self.until {
            inner.committed += 1;
        }
        if intended >= self.from && intended < self.until {
            let us = u64::try_from(now.saturating_duration_since(intended).as_micros()).unwrap_or(u64::MAX);
            inner.histogram.saturating_record(us.max(1));
        }
    }

    /// An operation was refused, or its connection broke. What fails while a cluster warms up is no matter.
    pub fn failed(&self, why: String) {
        let mut inner = self.inner();
        if Instant::now() < self.from {
            return;
        }
        inner.failed += 1;
        inner.first_failure.get_or_insert(why);
    }

    /// What was counted: committed, failed, and the first failure's reason.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, Option<String>) {
        let inner = self.inner();
        (inner.committed, inner.failed, inner.first_failure.clone())
    }

    /// The latencies.
    #[must_use]
    pub fn latency(&self) -> Latency {
        let inner = self.inner();
        let at = |quantile: f64| inner.histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Latency { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: inner.histogram.max() as f64 / 1000.0 }
    }
}
