//! `outvote mutate`: liars that follow the protocol, but for a field of a message now and then, correctly signed.

use crate::failure::Failure;
use crate::output::{Output, note};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outvote_sim::campaign::cores;
use outvote_sim::mutation::{Game, Mutation, Options, Report, Tally, campaign, kit, play};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// From so many runs on each mutation must have been made.
const RUNS_FOR_ALL: u64 = 50_000;

/// Plays games with liars that change a field of what they say now and then.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote mutate --count 10000\n         outvote mutate --minutes 30 --first-seed 500000\n         outvote mutate --seed 42   (plays one and writes what happens)"
)]
pub(crate) struct Mutate {
    /// Replicas; without it each seed chooses between 4 and 7.
    #[arg(long, value_parser = clap::value_parser!(u16).range(4..=16))]
    replicas: Option<u16>,
    /// The first seed.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    first_seed: u64,
    /// How many; 1000, or until the time is up, unless told otherwise.
    #[arg(long, conflicts_with = "seed")]
    count: Option<u64>,
    /// Stops after so many minutes.
    #[arg(long, conflicts_with = "seed")]
    minutes: Option<u64>,
    /// Threads; as many as this machine has cores unless told otherwise. The outcome is the same.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Plays this seed and writes what happens.
    #[arg(long)]
    seed: Option<u64>,
    /// Where that is written; mutate-SEED.trace unless told otherwise.
    #[arg(long, requires = "seed")]
    trace: Option<PathBuf>,
}

impl Mutate {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        match self.seed {
            Some(seed) => self.replay(seed, output),
            None => self.campaign(output),
        }
    }

    fn campaign(&self, output: Output) -> Result<(), Failure> {
        let count = self.count.or_else(|| self.minutes.is_none().then_some(1_000));
        let options = Options {
            replicas: self.replicas.map(usize::from),
            first_seed: self.first_seed,
            count,
            time: self.minutes.map(|minutes| Duration::from_secs(60 * minutes)),
            jobs: self.jobs.map_or_else(cores, usize::from),
        };
        let bar = ProgressBar::new(count.unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {msg}") {
            bar.set_style(style);
        }
        let mut told = 0;
        let report = campaign(&options, |report| {
            bar.set_position(report.runs);
            let bad = report.violations + report.stalls;
            bar.set_message(format!("{:.0} a second, {bad} failed", report.runs_per_s));
            for (game, name, words) in report.failures.iter().skip(told) {
                bar.suspend(|| note(&failing(game, name, words)));
            }
            told = report.failures.len();
        })
        .map_err(Failure::failed)?;
        bar.finish_and_clear();
        output.print(&in_json(&report), |_| in_words(&report))?;
        let bad = report.violations + report.stalls;
        if !report.is_good() {
            return Err(Failure::failed(format!("{bad} of {} runs failed", report.runs)));
        }
        let never = report.never_made();
        if report.runs >= RUNS_FOR_ALL && !never.is_empty() {
            let names: Vec<String> = never.iter().map(name).collect();
            return Err(Failure::failed(format!("never tried: {}", names.join(", "))));
        }
        Ok(())
    }

    fn replay(&self, seed: u64, output: Output) -> Result<(), Failure> {
        let game = Game::of(seed, self.replicas.map(usize::from));
        let keys = kit(game.replicas, game.has_checkpoints()).map_err(Failure::failed)?;
        let tally = Tally::default();
        let verdict = play(&keys, &game, &tally, true);
        let path = self.trace.clone().unwrap_or_else(|| format!("mutate-{seed}.trace").into());
        std::fs::write(&path, verdict.end.text.as_deref().unwrap_or_default())
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
        let liars: Vec<u16> = game.liars.iter().map(|liar| liar.0).collect();
        let made: Vec<String> =
            tally.counts().iter().map(|(mutation, count)| format!("{count} {}", name(mutation))).collect();
        let failure = verdict.end.failure.as_ref().map(|(name, words)| format!("{name}: {words}"));
        let result = json!({
            "seed": seed, "replicas": game.replicas, "liars": liars, "mutations": made, "failure": failure,
            "blocks": verdict.blocks, "accusations": verdict.end.accusations, "frames": verdict.end.frames,
            "recovery_us": verdict.end.recovery_us, "trace": path,
        });
        output.print(&result, |_| {
            format!(
                "seed {seed}, {} replicas, {liars:?} lie: {} blocks committed, {} frames; what happened is in {}\n{}",
                game.replicas,
                verdict.blocks,
                verdict.end.frames,
                path.display(),
                made.join(", ")
            )
        })?;
        match verdict.end.failure {
            Some((name, words)) => Err(Failure::failed(failing(&game, &name, &words))),
            None => Ok(()),
        }
    }
}

/// A mutation in words.
fn name(mutation: &Mutation) -> String {
    let (kind, field, deed) = mutation;
    let dot = if field.is_empty() { "" } else { "." };
    format!("{}{dot}{field} {}", kind.name(), deed.name())
}

/// What is wrong with a game, and the one command that replays it.
fn failing(game: &Game, name: &str, words: &str) -> String {
    format!("{name}: {words}\nreplay it with: {}", game.command())
}

fn in_json(report: &Report) -> Value {
    let mutations: serde_json::Map<String, Value> =
        report.mutations.iter().map(|(mutation, count)| (name(mutation), (*count).into())).collect();
    json!({
        "first_seed": report.first_seed, "runs": report.runs, "violations": report.violations,
        "stalls": report.stalls, "with_accusations": report.with_accusations, "blocks": report.blocks,
        "frames": report.frames, "recovery_max_us": report.recovery_max_us,
        "wall_seconds": report.wall_seconds, "runs_per_s": report.runs_per_s,
        "mutations_made": report.mutations_made(), "mutations": mutations,
        "never_made": report.never_made().iter().map(name).collect::<Vec<_>>(),
        "failing": report.failures.iter().map(|(game, ..)| game.command()).collect::<Vec<_>>(),
    })
}

fn in_words(report: &Report) -> String {
    format!(
        "{} runs from seed {}: {} violations, {} stalls\n{} mutations of {} kinds, {} kinds never; {} runs with a proof of a lie\n{} blocks committed, {} frames, {:.1} s in the game to recover at most; {:.1} s ({:.0} runs a second)",
        report.runs,
        report.first_seed,
        report.violations,
        report.stalls,
        report.mutations_made(),
        report.mutations.len(),
        report.never_made().len(),
        report.with_accusations,
        report.blocks,
        report.frames,
        Duration::from_micros(report.recovery_max_us).as_secs_f64(),
        report.wall_seconds,
        report.runs_per_s
    )
}
