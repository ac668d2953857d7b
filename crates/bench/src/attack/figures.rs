//! From samples to figures: kept share, latency, recovery and hangover. Pure arithmetic.

use crate::attack::timeline::{Sample, Span};
use std::collections::BTreeMap;

/// Throughput is looked at over so long, microseconds.
const WINDOW_US: u64 = 1_000_000;
/// Recovery must last so long.
const SUSTAINED_US: u64 = 2_000_000;
/// How finely recovery and hangover are told.
const STEP_US: u64 = 100_000;
/// The part of the rate that counts as recovered.
const RECOVERED: f64 = 0.9;
/// Latency is looked at over so long after an attack: long enough that one hiccup of the machine does not decide.
const CALM_WINDOW_US: u64 = 500_000;
/// Latency counts as calm up to so many times the baseline's ...
const CALM_FACTOR: f64 = 1.1;
/// ... and this much more, milliseconds: below it lies what the machine's own scheduler does.
const CALM_SLACK_MS: f64 = 0.5;

/// Operations a second that ended in the span.
#[must_use]
pub fn goodput(samples: &[Sample], span: Span) -> f64 {
    let ended = samples.iter().filter(|sample| span.holds(sample.ended_us));
    let operations: u64 = ended.map(|sample| u64::from(sample.operations)).sum();
    if span.seconds() > 0.0 { operations as f64 / span.seconds() } else { 0.0 }
}

/// The share of the baseline's goodput that the attack left.
#[must_use]
pub fn kept_share(baseline: f64, attack: f64) -> f64 {
    if baseline > 0.0 { attack / baseline } else { 0.0 }
}

/// A quantile of the latency of what should have started in the span, milliseconds; `None` if nothing did.
#[must_use]
pub fn latency_ms(samples: &[Sample], span: Span, quantile: f64) -> Option<f64> {
    let started = samples.iter().filter(|sample| span.holds(sample.intended_us));
    let mut us: Vec<u64> = started.map(|sample| sample.ended_us.saturating_sub(sample.intended_us)).collect();
    us.sort_unstable();
    let place = (us.len() as f64 * quantile) as usize;
    us.get(place.min(us.len().saturating_sub(1))).map(|us| *us as f64 / 1000.0)
}

/// Seconds from the attack's start until goodput is at least nine tenths of the rate for two seconds (or until the attack
/// ends); `None` if that never comes.
#[must_use]
pub fn recovery_s(samples: &[Sample], attack: Span, rate: f64) -> Option<f64> {
    // An attack shorter than a window is one window.
    let window_us = WINDOW_US.min(attack.until_us.saturating_sub(attack.from_us));
    let last = attack.until_us.saturating_sub(window_us);
    let starts: Vec<u64> = (attack.from_us..=last).step_by(STEP_US as usize).collect();
    // One hundredth below is what counting whole operations in a window costs.
    let is_good =
        |from: u64| goodput(samples, Span::new(from, from.saturating_add(window_us))) >= rate * RECOVERED;
    let good: Vec<bool> = starts.iter().map(|from| is_good(*from)).collect();
    let steps = (SUSTAINED_US / STEP_US) as usize;
    let found = (0..good.len()).find(|at| good[*at..good.len().min(at + steps)].iter().all(|good| *good))?;
    Some(found as f64 * STEP_US as f64 / 1e6)
}

/// Seconds from the attack's end until half of what starts within half a second is again as fast as 1.1 times the baseline's half;
/// `None` if that does not come in the span that was looked at.
#[must_use]
pub fn hangover_s(samples: &[Sample], after: Span, baseline_p50_ms: f64) -> Option<f64> {
    let last = after.until_us.checked_sub(CALM_WINDOW_US)?;
    let is_calm = |from: &u64| {
        let window = Span::new(*from, from.saturating_add(CALM_WINDOW_US));
        latency_ms(samples, window, 0.5)
            .is_some_and(|p50| p50 <= baseline_p50_ms * CALM_FACTOR + CALM_SLACK_MS)
    };
    let found = (after.from_us..=last).step_by(STEP_US as usize).find(is_calm)?;
    Some((found - after.from_us) as f64 / 1e6)
}

/// The share that the worst-served client keeps, each compared with its own baseline.
#[must_use]
pub fn worst_client_share(samples: &[Sample], baseline: Span, attack: Span) -> Option<f64> {
    let count = |span: Span| {
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| span.holds(sample.ended_us)) {
            *counts.entry(sample.client).or_default() += f64::from(sample.operations);
        }
        counts
    };
    let (before, during) = (count(baseline), count(attack));
    let share = |(client, operations): (&u32, &f64)| {
        let then = during.get(client).copied().unwrap_or_default() / attack.seconds().max(f64::MIN_POSITIVE);
        then / (operations / baseline.seconds().max(f64::MIN_POSITIVE))
    };
    before.iter().map(share).min_by(f64::total_cmp)
}

/// Operations a second in each step of the span.
#[must_use]
pub fn series(samples: &[Sample], span: Span, step_us: u64) -> Vec<f64> {
    let step_us = step_us.max(1);
    let steps = span.until_us.saturating_sub(span.from_us) / step_us;
    let mut counts = vec![0u64; usize::try_from(steps).unwrap_or_default()];
    for sample in samples.iter().filter(|sample| sample.ended_us >= span.from_us) {
        let place = usize::try_from((sample.ended_us - span.from_us) / step_us).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(place) {
            *count += u64::from(sample.operations);
        }
    }
    counts.into_iter().map(|count| count as f64 * 1e6 / step_us as f64).collect()
}
