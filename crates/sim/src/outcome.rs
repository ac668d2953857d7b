//! One seed: its plan, the faults, the healing, the wait for all work to be done, and what came of it.

use crate::campaign::replicas_of;
use crate::checkers::Violation;
use crate::colluders;
use crate::coverage::Coverage;
use crate::panics::caught;
use crate::plan::{Plan, START_US};
use crate::shrink::Reduction;
use crate::world::World;
use outvote_replica::Note;
use outvote_types::Digest;
use std::collections::BTreeMap;

/// After everything was mended, all work must be done within this time; more is a stall.
pub const PATIENCE_US: u64 = 60_000_000;
/// Then all correct replicas must have caught up within this time.
const CATCH_UP_US: u64 = 15_000_000;
/// Frames for each committed block and simulated second, times n squared, at most.
const FRAMES_PER_UNIT: u64 = 60;
/// Where damage is beyond repair, a halt is waited for no longer.
const HALT_US: u64 = 30_000_000;

/// What kind of trouble a seed is in for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// No more than the protocol promises to survive.
    #[default]
    WithinBound,
    /// Disks lose more than that: everything is repaired all the same, or replicas stop and say what they lack.
    BeyondBound,
    /// `f + 1` to `2f` members lie together and split the honest ones: enough of them must be named.
    LiarsBeyond,
}

/// One seed to be played.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// Replicas.
    pub replicas: usize,
    /// What kind of trouble it is in for.
    pub mode: Mode,
    /// What is left of its plan.
    pub reduction: Reduction,
}

impl Run {
    /// What the seed says, as far as it is left.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let plan = match self.mode {
            Mode::BeyondBound => Plan::beyond_bound(self.seed, self.replicas),
            _ => Plan::of(self.seed, self.replicas),
        };
        self.reduction.apply(plan)
    }

    /// Plays it.
    #[must_use]
    pub fn play(&self, keep_text: bool) -> Outcome {
        let mut outcome = match self.mode {
            Mode::LiarsBeyond => colluders::play(self.seed, self.replicas, keep_text),
            _ => run_plan(self.plan(), keep_text),
        };
        (outcome.mode, outcome.reduction) = (self.mode, self.reduction.clone());
        outcome
    }

    /// The one command that plays it again.
    #[must_use]
    pub fn command(&self) -> String {
        let mode = match self.mode {
            Mode::WithinBound => "",
            Mode::BeyondBound => " --beyond-bound",
            Mode::LiarsBeyond => " --liars-beyond",
        };
        let rest = self.reduction.arguments();
        format!("outvote sim --seed {} --replicas {}{mode}{rest}", self.seed, self.replicas)
    }
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
    /// What kind of trouble it was in for.
    pub mode: Mode,
    /// What was left of its plan.
    pub reduction: Reduction,
    /// What met what.
    pub coverage: Coverage,
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

    /// What was played.
    #[must_use]
    pub fn run(&self) -> Run {
        let (seed, replicas, mode) = (self.seed, self.replicas, self.mode);
        Run { seed, replicas, mode, reduction: self.reduction.clone() }
    }

    /// The one command that replays this seed.
    #[must_use]
    pub fn command(&self) -> String {
        self.run().command()
    }

    /// A word for what went wrong first, so that two failures can be told apart.
    #[must_use]
    pub fn failure(&self) -> Option<&'static str> {
        let violation = self.violations.first().map(|violation| violation.name);
        violation.or_else(|| self.stall.as_ref().map(|_| "stall"))
    }

    /// Of a seed that nothing is known of yet.
    pub(crate) fn blank(seed: u64, replicas: usize) -> Self {
        Self {
            seed,
            replicas,
            violations: Vec::new(),
            stall: None,
            committed_ops: 0,
            blocks: 0,
            view_changes: 0,
            simulated_us: 0,
            faults: BTreeMap::new(),
            mode: Mode::default(),
            reduction: Reduction::default(),
            coverage: Coverage::default(),
            trace_hash: Digest::ZERO,
            trace: None,
        }
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
    Run { seed, replicas, mode: Mode::default(), reduction: Reduction::default() }.play(keep_text)
}

/// Runs one plan: the faults, the healing, and the wait for all work to be done.
#[must_use]
pub fn run_plan(plan: Plan, keep_text: bool) -> Outcome {
    let (seed, replicas) = (plan.seed, plan.replicas);
    let mut world = None;
    let result = caught(|| {
        let world = world.insert(World::new(plan));
        if keep_text {
            world.trace.keep_text();
        }
        live(world)
    });
    let mut outcome = Outcome::blank(seed, replicas);
    let mut at_us = 0;
    if let Some(mut world) = world {
        at_us = world.now_us;
        outcome.violations = world.checkers.found().to_vec();
        outcome.committed_ops = world.checkers.committed_operations();
        outcome.blocks = world.checkers.height();
        outcome.simulated_us = world.now_us - START_US;
        outcome.view_changes = world.faults.remove("view_changes").unwrap_or(0);
        outcome.faults = std::mem::take(&mut world.faults);
        outcome.coverage = std::mem::take(&mut world.coverage);
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
        Err(detail) => outcome.violations.push(Violation { at_us, name: "panic", detail }),
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
    if world.plan.beyond_bound {
        return halt_or_repair(world);
    }
    let done =
        world.run_until(PATIENCE_US, |world| !world.checkers.found().is_empty() || world.all_is_done());
    if !world.checkers.found().is_empty() {
        return None;
    }
    if !done {
        let untold = world.untold_outcomes();
        if untold < world.requests_waiting() {
            return Some(describe(world, "clients wait"));
        }
        *world.faults.entry("outcomes_untold").or_default() += untold as u64;
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

/// Beyond the bound all work is done after all, or it halts and somebody names what is lacking. Never is anything else wrong.
fn halt_or_repair(world: &mut World) -> Option<String> {
    let done = world.run_until(HALT_US, |world| !world.checkers.found().is_empty() || world.all_is_done());
    let names = |note: &Note| matches!(note, Note::BlockMissing { .. } | Note::Observer { .. });
    // Whoever starts with lost promises is told so by its disk, and tells people (D14, D17).
    let observes = world.correct().any(|index| world.status(index).is_some_and(|status| status.observer));
    let is_named = observes || world.notes.iter().any(|(_, _, note)| names(note));
    let word = match (done, is_named) {
        (true, _) => "repaired",
        (false, true) => "halted_and_named",
        (false, false) => return Some(describe(world, "a halt that nobody explains")),
    };
    *world.faults.entry(word).or_default() += 1;
    None
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
