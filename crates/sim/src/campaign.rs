//! Many seeds, one verdict each.

use crate::checkers::Violation;
use crate::crew::in_order;
use crate::plan::{Plan, START_US};
use crate::world::World;
use outvote_types::Digest;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// After everything was mended, all work must be done within this time; more is a stall.
pub const PATIENCE_US: u64 = 60_000_000;
/// Then all correct replicas must have caught up within this time.
const CATCH_UP_US: u64 = 15_000_000;
/// Frames for each committed block and simulated second, times n squared, at most.
const FRAMES_PER_UNIT: u64 = 60;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many seeds.
    pub seeds: u64,
    /// The first one.
    pub first_seed: u64,
    /// Replicas; `None` lets each seed choose between 4 and 7.
    pub replicas: Option<usize>,
    /// Threads; the outcome does not depend on how many.
    pub jobs: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seeds: 100, first_seed: 0, replicas: None, jobs: cores() }
    }
}

/// Threads that this machine can run at once.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What came of one seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Replicas.
    pub replicas: usize,
    /// Broken rules; a stall is not among them.
    pub violations: Vec<Violation>,
    /// Work that was not done in time, in words.
    pub stall: Option<String>,
    /// Operations executed.
    pub committed_ops: u64,
    /// Blocks executed.
    pub blocks: u64,
    /// Views entered, by all replicas together.
    pub view_changes: u64,
    /// How long it took in the simulation.
    pub simulated_us: u64,
    /// Faults that struck, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// The hash over everything that happened.
    pub trace_hash: Digest,
    /// The text of it, if asked for.
    pub trace: Option<String>,
}

impl Outcome {
    /// Whether nothing was wrong.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.violations.is_empty() && self.stall.is_none()
    }

    /// The one command that replays this seed.
    #[must_use]
    pub fn command(&self) -> String {
        format!("outvote sim --seed {} --replicas {}", self.seed, self.replicas)
    }
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
        run(seed, replicas_of(seed, options.replicas), false)
    };
    in_order(options.seeds, options.jobs, one, |_, outcome| {
        report.count(&outcome);
        report.wall_seconds = started.elapsed().as_secs_f64();
        report.seeds_per_s = report.seeds as f64 / report.wall_seconds.max(1e-9);
        progress(&report, &outcome);
        if !outcome.is_good() && report.failures.len() < MAX_FAILURES {
            report.failures.push(outcome);
        }
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
        None if seed % 4 == 3 => 7,
        None => 4,
    }
}

/// Runs one seed again and keeps the text of what happened.
#[must_use]
pub fn replay(seed: u64, replicas: Option<usize>) -> Outcome {
    run(seed, replicas_of(seed, replicas), true)
}

/// Runs one seed.
#[must_use]
pub fn run(seed: u64, replicas: usize, keep_text: bool) -> Outcome {
    run_plan(Plan::of(seed, replicas), keep_text)
}

/// Runs one plan: the faults, the healing, and the wait for all work to be done.
#[must_use]
pub fn run_plan(plan: Plan, keep_text: bool) -> Outcome {
    let (seed, replicas) = (plan.seed, plan.replicas);
    let mut world = None;
    // A panic of a replica is a finding like any other.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let world = world.insert(World::new(plan));
        if keep_text {
            world.trace.keep_text();
        }
        live(world)
    }));
    let mut outcome = Outcome {
        seed,
        replicas,
        violations: Vec::new(),
        stall: None,
        committed_ops: 0,
        blocks: 0,
        view_changes: 0,
        simulated_us: 0,
        faults: BTreeMap::new(),
        trace_hash: Digest::ZERO,
        trace: None,
    };
    let mut at_us = 0;
    if let Some(mut world) = world {
        at_us = world.now_us;
        outcome.violations = world.checkers.found().to_vec();
        outcome.committed_ops = world.checkers.committed_operations();
        outcome.blocks = world.checkers.height();
        outcome.simulated_us = world.now_us - START_US;
        outcome.view_changes = world.faults.remove("view_changes").unwrap_or(0);
        outcome.faults = std::mem::take(&mut world.faults);
        for session in &world.sessions {
            *outcome.faults.entry("asked_again").or_default() += session.asked_again;
        }
        // These are there by name even where nothing of the kind happened.
        for word in ["crash", "equivocation"] {
            outcome.faults.entry(word).or_default();
        }
        outcome.faults.insert("loss", world.links.lost);
        outcome.faults.insert("duplication", world.links.doubled);
        (outcome.trace_hash, outcome.trace) = std::mem::take(&mut world.trace).finish();
    }
    match result {
        Ok(stall) => outcome.stall = stall,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let detail = words.unwrap_or_else(|| String::from("a panic without words"));
            outcome.violations.push(Violation { at_us, name: "panic", detail });
        }
    }
    outcome
}

/// The safety phase, the healing, the liveness phase. What stalled, if anything.
fn live(world: &mut World) -> Option<String> {
    while world.now_us < world.plan.heal_us && world.checkers.found().is_empty() {
        let next = (world.plan.heal_us - world.now_us).min(100_000);
        world.run_for(next);
    }
    world.heal();
    let done =
        world.run_until(PATIENCE_US, |world| !world.checkers.found().is_empty() || world.all_is_done());
    if !world.checkers.found().is_empty() {
        return None;
    }
    if !done {
        return Some(describe(world, "clients wait"));
    }
    let height = world.checkers.height();
    let caught_up = world.run_until(CATCH_UP_US, |world| {
        !world.checkers.found().is_empty()
            || world
                .correct()
                .all(|index| world.status(index).is_some_and(|status| status.executed.0 >= height))
    });
    for machine in &world.machines {
        if let Some(replica) = &machine.replica {
            replica.assert_invariants();
        }
    }
    world.checkers.on_end();
    let n = world.plan.replicas as u64;
    let seconds = (world.now_us - START_US) / 1_000_000 + 1;
    let budget = n * n * FRAMES_PER_UNIT * (world.checkers.height() + seconds);
    if world.frames > budget {
        let frames = world.frames;
        world.checkers.report("message-budget", format!("{frames} frames, {budget} allowed"));
    }
    (!caught_up).then(|| describe(world, "a replica lags"))
}

fn describe(world: &World, what: &str) -> String {
    let waiting = world.requests_waiting();
    let statuses: Vec<String> = (0..world.machines.len())
        .map(|index| {
            let lies = if world.plan.lies(outvote_types::ReplicaId(index as u16)) { " (liar)" } else { "" };
            format!("{index}{lies}: {}{:?}", world.machines[index].state_in_words(), world.status(index))
        })
        .collect();
    format!("{what}: {waiting} requests open; {}", statuses.join("; "))
}
