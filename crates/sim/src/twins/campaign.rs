//! Many scenarios on several threads.

use super::orbits::{Alphabet, Orbits};
use super::play::{ROUNDS_MAX, Verdict, kit, play};
use super::sample::sample;
use super::scenario::Scenario;
use crate::arena::Kit;
use crate::crew::in_order;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Scenarios between two looks at the clock.
const CHUNK: u64 = 2_048;
/// Failing scenarios that a report keeps.
const FAILURES_MAX: usize = 64;

/// Which scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// All classes of scenarios of so many rounds.
    Complete {
        /// Over which letters.
        alphabet: Alphabet,
        /// How many rounds.
        rounds: u32,
    },
    /// Those of seeds.
    Sampled {
        /// Identities; `None` lets each seed choose between 4 and 7.
        replicas: Option<usize>,
        /// Rounds; `None` lets each seed choose.
        rounds: Option<u32>,
    },
}

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which scenarios.
    pub what: What,
    /// The number of the first one, or the first seed.
    pub from: u64,
    /// How many; `None` for all there are, or until the time is up.
    pub count: Option<u64>,
    /// When to stop, whatever is left.
    pub time: Option<Duration>,
    /// Threads; the outcome does not depend on how many.
    pub jobs: usize,
}

/// What came of it; the shape of `outvote twins --output json`.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The number of the first one.
    pub from: u64,
    /// Scenarios played; the next one to play is `from + scenarios`.
    pub scenarios: u64,
    /// Scenarios of the list in all; `None` for samples.
    pub total: Option<u64>,
    /// Scenarios of the list before the reduction.
    pub unreduced: Option<u64>,
    /// Scenarios with a broken rule.
    pub violations: u64,
    /// Scenarios that stalled after everything was mended.
    pub stalls: u64,
    /// Scenarios in which something was committed before everything was mended.
    pub with_commits: u64,
    /// Scenarios in which somebody was caught lying.
    pub with_accusations: u64,
    /// Blocks committed before everything was mended.
    pub blocks: u64,
    /// Frames delivered.
    pub frames: u64,
    /// The longest recovery, in the game, microseconds.
    pub recovery_max_us: u64,
    /// Real time, seconds.
    pub wall_seconds: f64,
    /// Scenarios a second.
    pub scenarios_per_s: f64,
    /// What was wrong: the scenario, the checker, and in words.
    pub failures: Vec<(Scenario, String, String)>,
}

impl Report {
    /// Whether nothing was wrong.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.violations + self.stalls == 0
    }

    fn count(&mut self, scenario: Scenario, verdict: Verdict) {
        self.scenarios += 1;
        self.with_commits += u64::from(verdict.committed > 0);
        self.with_accusations += u64::from(verdict.end.accusations > 0);
        self.blocks += verdict.committed;
        self.frames += verdict.end.frames;
        self.recovery_max_us = self.recovery_max_us.max(verdict.end.recovery_us);
        if let Some((name, words)) = verdict.end.failure {
            *(if name == "stall" { &mut self.stalls } else { &mut self.violations }) += 1;
            if self.failures.len() < FAILURES_MAX {
                self.failures.push((scenario, name, words));
            }
        }
    }
}

/// The scenarios, and keys for all sizes that they may have.
struct Source {
    what: What,
    orbits: Option<Orbits>,
    kits: BTreeMap<(usize, usize), Kit>,
}

impl Source {
    fn new(what: What) -> Result<Self, String> {
        let sizes: Vec<usize> = match what {
            What::Complete { alphabet, .. } => vec![alphabet.replicas],
            What::Sampled { replicas, .. } => replicas.map_or_else(|| vec![4, 7], |one| vec![one]),
        };
        let mut kits = BTreeMap::new();
        for replicas in sizes {
            for twins in 1..=(replicas.saturating_sub(1)) / 3 {
                kits.insert((replicas, replicas + twins), kit(replicas, replicas + twins)?);
            }
        }
        let orbits = match what {
            What::Complete { alphabet, .. } => Some(Orbits::new(alphabet)),
            What::Sampled { .. } => None,
        };
        Ok(Self { what, orbits, kits })
    }

    fn scenario(&self, number: u64) -> Option<Scenario> {
        match (self.what, &self.orbits) {
            (What::Complete { rounds, .. }, Some(orbits)) => {
                orbits.word(rounds, number).map(|word| orbits.scenario(&word))
            }
            (What::Sampled { replicas, rounds }, _) => Some(sample(number, replicas, rounds)),
            (What::Complete { .. }, None) => None,
        }
    }

    fn play(&self, number: u64) -> Option<(Scenario, Verdict)> {
        let scenario = self.scenario(number)?;
        let kit = self.kits.get(&(scenario.replicas, scenario.seats()))?;
        let verdict = play(kit, &scenario, false);
        Some((scenario, verdict))
    }
}

/// Plays them, and tells of each chunk.
///
/// # Errors
/// With what is wrong with the options, in words.
pub fn campaign(options: &Options, mut progress: impl FnMut(&Report)) -> Result<Report, String> {
    let started = Instant::now();
    let mut report = Report { from: options.from, ..Report::default() };
    let mut source = Source::new(options.what)?;
    if let (What::Complete { rounds, alphabet }, Some(orbits)) = (options.what, &mut source.orbits) {
        if rounds as usize > ROUNDS_MAX || alphabet.twins == 0 || alphabet.twins > (alphabet.replicas - 1) / 3
        {
            return Err(String::from("too many rounds, or not one to f twins"));
        }
        report.total = Some(orbits.count(rounds));
        report.unreduced = Some(orbits.words(rounds));
    }
    let left = report.total.map_or(u64::MAX, |total| total.saturating_sub(options.from));
    let wanted = options.count.unwrap_or(u64::MAX).min(left);
    if wanted == u64::MAX && options.time.is_none() {
        return Err(String::from("neither a count nor a time"));
    }
    progress(&report);
    while report.scenarios < wanted && options.time.is_none_or(|time| started.elapsed() < time) {
        let first = options.from + report.scenarios;
        let chunk = (wanted - report.scenarios).min(CHUNK);
        in_order(
            chunk,
            options.jobs,
            |number| source.play(first + number),
            |_, played| {
                if let Some((scenario, verdict)) = played {
                    report.count(scenario, verdict);
                }
                true
            },
        );
        report.wall_seconds = started.elapsed().as_secs_f64();
        report.scenarios_per_s = report.scenarios as f64 / report.wall_seconds.max(1e-9);
        progress(&report);
    }
    Ok(report)
}
