//! Many seeds, one verdict each.

use crate::coverage::Coverage;
use crate::crew::in_order;
use crate::outcome::{Mode, Outcome, Run};
use crate::shrink::Reduction;
use outvote_types::Digest;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many seeds, unless there is an end in time.
    pub seeds: u64,
    /// No new seed begins after so long.
    pub time: Option<Duration>,
    /// What kind of trouble the seeds are in for.
    pub mode: Mode,
    /// The first one.
    pub first_seed: u64,
    /// Replicas; `None` lets each seed choose: 4 or 7, now and then 10 or 13.
    pub replicas: Option<usize>,
    /// Threads; the outcome does not depend on how many.
    pub jobs: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seeds: 100, time: None, mode: Mode::default(), first_seed: 0, replicas: None, jobs: cores() }
    }
}

/// Threads that this machine can run at once.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What came of a campaign; the shape of `outvote sim --output json`.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seeds run.
    pub seeds: u64,
    /// The first one.
    pub first_seed: u64,
    /// Seeds with a broken rule.
    pub violations: u64,
    /// Seeds that stalled.
    pub stalls: u64,
    /// Operations executed.
    pub committed_ops: u64,
    /// Blocks executed.
    pub blocks: u64,
    /// Views entered.
    pub view_changes: u64,
    /// Simulated time.
    pub simulated_seconds: f64,
    /// Real time.
    pub wall_seconds: f64,
    /// Seeds a second.
    pub seeds_per_s: f64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What met what.
    pub coverage: Coverage,
    /// Hash over all traces.
    pub trace_hash: Digest,
    /// What was wrong, and with which seed.
    pub failures: Vec<Outcome>,
}

/// Failing seeds that a report keeps in full.
const MAX_FAILURES: usize = 64;

/// Runs many seeds, and tells of each in their order.
pub fn campaign(options: &Options, mut progress: impl FnMut(&Report, &Outcome)) -> Report {
    let started = Instant::now();
    let mut report = Report { first_seed: options.first_seed, ..Report::default() };
    let one = |number| {
        let seed = options.first_seed.saturating_add(number);
        let replicas = replicas_of(seed, options.replicas);
        Run { seed, replicas, mode: options.mode, reduction: Reduction::default() }.play(false)
    };
    let seeds = if options.time.is_some() { u64::MAX } else { options.seeds };
    in_order(seeds, options.jobs, one, |_, outcome| {
        report.count(&outcome);
        report.wall_seconds = started.elapsed().as_secs_f64();
        report.seeds_per_s = report.seeds as f64 / report.wall_seconds.max(1e-9);
        progress(&report, &outcome);
        if !outcome.is_good() && report.failures.len() < MAX_FAILURES {
            report.failures.push(outcome);
        }
        options.time.is_none_or(|time| started.elapsed() < time)
    });
    report
}

impl Report {
    fn count(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.violations += u64::from(!outcome.violations.is_empty());
        self.stalls += u64::from(outcome.stall.is_some());
        self.committed_ops += outcome.committed_ops;
        self.blocks += outcome.blocks;
        self.view_changes += outcome.view_changes;
        self.simulated_seconds += outcome.simulated_us as f64 / 1e6;
        self.trace_hash = Digest::of_parts(&[&self.trace_hash.0, &outcome.trace_hash.0]);
        self.coverage.merge(&outcome.coverage);
        for (word, count) in &outcome.faults {
            *self.faults.entry(word).or_default() += count;
        }
    }
}

/// The size of the cluster that a seed runs with.
#[must_use]
pub const fn replicas_of(seed: u64, wanted: Option<usize>) -> usize {
    match wanted {
        Some(replicas) => replicas,
        None if seed % 128 == 21 => 10,
        None if seed % 128 == 85 => 13,
        None if seed % 4 == 3 => 7,
        None => 4,
    }
}
