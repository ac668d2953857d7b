//! The arithmetic: medians over rounds, and ratios of medians.

use crate::error::PeerError;
use serde::Serialize;
use serde_json::Value;

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Milliseconds {
    /// Half of the operations were at least this fast.
    pub p50: f64,
    /// Ninety-nine of a hundred.
    pub p99: f64,
}

/// What one load measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Measure {
    /// Operations that committed, a second.
    pub ops_per_s: f64,
    /// From the intended start to the answer.
    pub latency_ms: Milliseconds,
}

impl Measure {
    /// From what a load prints: ours and `outvote bench` agree in these fields.
    ///
    /// # Errors
    /// When a field is missing.
    pub fn read(value: &Value) -> Result<Self, PeerError> {
        let number = |value: &Value| value.as_f64();
        let read = || {
            let latency = &value["latency_ms"];
            let latency_ms = Milliseconds { p50: number(&latency["p50"])?, p99: number(&latency["p99"])? };
            Some(Self { ops_per_s: number(&value["ops_per_s"])?, latency_ms })
        };
        read().ok_or_else(|| PeerError::Program { program: "load".into(), why: format!("says {value}") })
    }
}

/// What one round measured of one system.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Round {
    /// As many clients as do it best, each waiting for its answer.
    pub saturated: Measure,
    /// One client.
    pub one_in_flight: Measure,
    /// An even rate, 70 % of what was saturated.
    pub steady: Measure,
    /// From each SIGKILL of the leader to the next commit.
    pub failovers_ms: Vec<f64>,
    /// What went wrong when a leader was killed.
    pub remark: Option<String>,
}

/// The middle one; the mean of the middle two of an even number. `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

/// One by the other, where both are there and there is something to divide by.
#[must_use]
pub fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    let (ours, theirs) = (ours?, theirs?);
    (theirs > 0.0).then(|| ours / theirs)
}

/// Medians over rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Medians {
    /// Operations a second when saturated.
    pub ops_per_s: Option<f64>,
    /// Latency when saturated.
    pub latency_ms: Milliseconds,
    /// Latency of a single client.
    pub one_in_flight_ms: Milliseconds,
    /// Latency at 70 %.
    pub steady_ms: Milliseconds,
    /// The rate of that.
    pub steady_ops_per_s: Option<f64>,
    /// All kills of all rounds.
    pub failover_ms: Option<f64>,
}

/// Medians over these rounds.
#[must_use]
pub fn medians(rounds: &[Round]) -> Medians {
    let over = |pick: fn(&Round) -> f64| {
        median(&rounds.iter().map(pick).filter(|value| *value > 0.0).collect::<Vec<_>>())
    };
    let latency = |p50: fn(&Round) -> f64, p99: fn(&Round) -> f64| Milliseconds {
        p50: over(p50).unwrap_or_default(),
        p99: over(p99).unwrap_or_default(),
    };
    let kills: Vec<f64> = rounds.iter().flat_map(|round| round.failovers_ms.iter().copied()).collect();
    Medians {
        ops_per_s: over(|round| round.saturated.ops_per_s),
        latency_ms: latency(|round| round.saturated.latency_ms.p50, |round| round.saturated.latency_ms.p99),
        one_in_flight_ms: latency(
            |round| round.one_in_flight.latency_ms.p50,
            |round| round.one_in_flight.latency_ms.p99,
        ),
        steady_ms: latency(|round| round.steady.latency_ms.p50, |round| round.steady.latency_ms.p99),
        steady_ops_per_s: over(|round| round.steady.ops_per_s),
        failover_ms: median(&kills),
    }
}
