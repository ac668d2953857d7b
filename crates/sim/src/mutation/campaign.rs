//! Many games with mutators on several threads.

use super::play::{Game, Verdict, kit, play};
use crate::arena::Kit;
use crate::crew::in_order;
use outvote_adversary::mutator::{Mutation, Tally, all_mutations};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Games between two looks at the clock.
const CHUNK: u64 = 2_048;
/// Failing games that a report keeps.
const FAILURES_MAX: usize = 64;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Replicas; `None` lets each seed choose between 4 and 7.
    pub replicas: Option<usize>,
    /// The first seed.
    pub first_seed: u64,
    /// How many; `None` until the time is up.
    pub count: Option<u64>,
    /// When to stop, whatever is left.
    pub time: Option<Duration>,
    /// Threads; the outcome does not depend on how many.
    pub jobs: usize,
}

/// What came of it; the shape of `outvote mutate --output json`.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The first seed.
    pub first_seed: u64,
    /// Games played.
    pub runs: u64,
    /// Games with a broken rule.
    pub violations: u64,
    /// Games that stalled after everything was mended.
    pub stalls: u64,
    /// Games in which somebody was caught lying.
    pub with_accusations: u64,
    /// Blocks committed.
    pub blocks: u64,
    /// Frames delivered.
    pub frames: u64,
    /// The longest recovery, in the game, microseconds.
    pub recovery_max_us: u64,
    /// Real time, seconds.
    pub wall_seconds: f64,
    /// Games a second.
    pub runs_per_s: f64,
    /// How often each mutation was made.
    pub mutations: BTreeMap<Mutation, u64>,
    /// What was wrong: the game, the checker, and in words.
    pub failures: Vec<(Game, String, String)>,
}

impl Report {
    /// Whether nothing was wrong.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.violations + self.stalls == 0
    }

    /// Mutations made, of all kinds together.
    #[must_use]
    pub fn mutations_made(&self) -> u64 {
        self.mutations.values().sum()
    }

    /// Mutations that were never made.
    #[must_use]
    pub fn never_made(&self) -> Vec<Mutation> {
        all_mutations().into_iter().filter(|mutation| !self.mutations.contains_key(mutation)).collect()
    }

    fn count(&mut self, game: Game, verdict: Verdict) {
        self.runs += 1;
        self.with_accusations += u64::from(verdict.end.accusations > 0);
        self.blocks += verdict.blocks;
        self.frames += verdict.end.frames;
        self.recovery_max_us = self.recovery_max_us.max(verdict.end.recovery_us);
        if let Some((name, words)) = verdict.end.failure {
            *(if name == "stall" { &mut self.stalls } else { &mut self.violations }) += 1;
            if self.failures.len() < FAILURES_MAX {
                self.failures.push((game, name, words));
            }
        }
    }
}

/// Plays them, and tells of each chunk.
///
/// # Errors
/// With what is wrong with the options, in words.
pub fn campaign(options: &Options, mut progress: impl FnMut(&Report)) -> Result<Report, String> {
    if options.count.is_none() && options.time.is_none() {
        return Err(String::from("neither a count nor a time"));
    }
    let sizes = options.replicas.map_or_else(|| vec![4, 7], |one| vec![one]);
    let kinds = sizes.into_iter().flat_map(|size| [(size, true), (size, false)]);
    let kits = kinds.map(|kind| Ok((kind, kit(kind.0, kind.1)?)));
    let kits: BTreeMap<(usize, bool), Kit> = kits.collect::<Result<_, String>>()?;
    let started = Instant::now();
    let tally = Tally::default();
    let mut report = Report { first_seed: options.first_seed, ..Report::default() };
    let one = |seed: u64| {
        let game = Game::of(seed, options.replicas);
        let verdict =
            kits.get(&(game.replicas, game.has_checkpoints())).map(|kit| play(kit, &game, &tally, false));
        verdict.map(|verdict| (game, verdict))
    };
    let wanted = options.count.unwrap_or(u64::MAX);
    while report.runs < wanted && options.time.is_none_or(|time| started.elapsed() < time) {
        let first = options.first_seed.saturating_add(report.runs);
        let chunk = (wanted - report.runs).min(CHUNK);
        in_order(
            chunk,
            options.jobs,
            |number| one(first.saturating_add(number)),
            |_, played| {
                if let Some((game, verdict)) = played {
                    report.count(game, verdict);
                }
                true
            },
        );
        report.wall_seconds = started.elapsed().as_secs_f64();
        report.runs_per_s = report.runs as f64 / report.wall_seconds.max(1e-9);
        progress(&report);
    }
    report.mutations = tally.counts();
    Ok(report)
}
