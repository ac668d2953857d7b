//! Counts what committed inside the measured time, and how long it took.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    rejected: u64,
    pending: u64,
    first_trouble: Option<String>,
}

impl Recorder {
    /// Records for this span of time.
    #[must_use]
    pub fn new(from: Instant, until: Instant) -> Self {
        let Ok(histogram) = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3) else {
            unreachable!("the bounds are constants that a histogram takes");
        };
        let inner = Inner { histogram, committed: 0, rejected: 0, pending: 0, first_trouble: None };
        Self { from, until, inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Counters stay valid even if a holder panicked.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `operations` that should have started at `intended` committed at `now`. Throughput counts what ends in the span,
    /// latency what should start in it, so that a stall is charged with everything that waited for it.
    pub fn committed(&self, intended: Instant, now: Instant, operations: u64) {
        let mut inner = self.inner();
        if now >= self.from && now < self.until {
            inner.committed += operations;
        }
        if intended >= self.from && intended < self.until {
            let us = micros(now.saturating_duration_since(intended));
            // The bound lies beyond every client's deadline; saturating keeps the sample.
            inner.histogram.saturating_record_n(us.max(1), operations);
        }
    }

    /// The cluster refused a request.
    pub fn rejected(&self, why: &str) {
        let mut inner = self.inner();
        inner.rejected += 1;
        inner.first_trouble.get_or_insert_with(|| why.to_owned());
    }

    /// A deadline passed, and the request was asked for again.
    pub fn pending(&self) {
        self.inner().pending += 1;
    }

    /// Operations that committed in the span so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner().committed
    }

    /// Requests that were refused, and the first reason.
    #[must_use]
    pub fn refusals(&self) -> (u64, Option<String>) {
        let inner = self.inner();
        (inner.rejected, inner.first_trouble.clone())
    }

    /// How often a deadline passed.
    #[must_use]
    pub fn deadlines_passed(&self) -> u64 {
        self.inner().pending
    }

    /// The latencies.
    #[must_use]
    pub fn latency(&self) -> Latency {
        let inner = self.inner();
        let at = |quantile: f64| milliseconds(inner.histogram.value_at_quantile(quantile));
        Latency { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: milliseconds(inner.histogram.max()) }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}
