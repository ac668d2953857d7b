//! `outvote sim`: the protocol as shipped on a virtual network, clock and disk, seed after seed.

use crate::failure::Failure;
use crate::output::{Output, note};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outvote_sim::campaign::cores;
use outvote_sim::{Options, Outcome, Report, campaign, replay};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Runs whole clusters with faults and liars in a simulation; the same seed gives the same run, byte for byte.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote sim --seeds 1000\n         outvote sim --seed 42   (replays one and writes its trace)"
)]
pub(crate) struct Sim {
    /// How many seeds.
    #[arg(long, default_value_t = 100, conflicts_with = "seed")]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    first_seed: u64,
    /// Replicas; without it each seed chooses between 4 and 7.
    #[arg(long, value_parser = clap::value_parser!(u16).range(4..=64))]
    replicas: Option<u16>,
    /// Seeds that run at once; as many as this machine has cores unless told otherwise. The outcome is the same.
    #[arg(long, conflicts_with = "seed", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Replays this seed and writes what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the replay writes what happened; sim-SEED.trace unless told otherwise.
    #[arg(long, requires = "seed")]
    trace: Option<PathBuf>,
}

impl Sim {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let replicas = self.replicas.map(usize::from);
        match self.seed {
            Some(seed) => self.replay(seed, replicas, output),
            None => self.campaign(replicas, output),
        }
    }

    fn campaign(&self, replicas: Option<usize>, output: Output) -> Result<(), Failure> {
        let jobs = self.jobs.map_or_else(cores, usize::from);
        let options = Options { seeds: self.seeds, first_seed: self.first_seed, replicas, jobs };
        let bar = ProgressBar::new(self.seeds);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {eta} left, {msg}") {
            bar.set_style(style);
        }
        let report = campaign(&options, |report, outcome| {
            let bad = report.violations + report.stalls;
            bar.set_message(format!("{:.0} a second, {bad} failed", report.seeds_per_s));
            bar.set_position(report.seeds);
            if !outcome.is_good() {
                bar.suspend(|| note(&failing(outcome)));
            }
        });
        bar.finish_and_clear();
        output.print(&in_json(&report), |_| in_words(&report))?;
        let bad = report.violations + report.stalls;
        if bad == 0 {
            Ok(())
        } else {
            Err(Failure::failed(format!("{bad} of {} seeds failed", report.seeds)))
        }
    }

    fn replay(&self, seed: u64, replicas: Option<usize>, output: Output) -> Result<(), Failure> {
        let outcome = replay(seed, replicas);
        let path = self.trace.clone().unwrap_or_else(|| format!("sim-{seed}.trace").into());
        std::fs::write(&path, outcome.trace.as_deref().unwrap_or_default())
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
        let violations: Vec<Value> =
            outcome.violations.iter().map(|found| format!("{found:?}").into()).collect();
        let result = json!({
            "seed": seed, "replicas": outcome.replicas, "violations": violations, "stall": outcome.stall,
            "committed_ops": outcome.committed_ops, "view_changes": outcome.view_changes,
            "simulated_seconds": seconds(outcome.simulated_us), "faults": outcome.faults,
            "trace_hash": outcome.trace_hash.to_hex(), "trace": path,
        });
        output.print(&result, |_| {
            format!(
                "seed {seed}, {} replicas: {} operations committed in {:.1} simulated seconds; the trace is in {}",
                outcome.replicas,
                outcome.committed_ops,
                seconds(outcome.simulated_us),
                path.display()
            )
        })?;
        if outcome.is_good() { Ok(()) } else { Err(Failure::failed(failing(&outcome))) }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a duration for people")]
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

/// What is wrong with a seed, and the one command that replays it.
fn failing(outcome: &Outcome) -> String {
    let what = match (outcome.violations.first(), &outcome.stall) {
        (Some(violation), _) => format!("{violation:?}"),
        (None, Some(stall)) => format!("stall: {stall}"),
        (None, None) => String::new(),
    };
    format!("seed {} failed: {what}\nreplay it with: {}", outcome.seed, outcome.command())
}

fn in_json(report: &Report) -> Value {
    json!({
        "seeds": report.seeds, "first_seed": report.first_seed, "violations": report.violations, "stalls": report.stalls,
        "committed_ops": report.committed_ops, "blocks": report.blocks, "view_changes": report.view_changes,
        "simulated_seconds": report.simulated_seconds, "wall_seconds": report.wall_seconds,
        "seeds_per_s": report.seeds_per_s, "faults": report.faults, "trace_hash": report.trace_hash.to_hex(),
        "failing": report.failures.iter().map(Outcome::command).collect::<Vec<_>>(),
    })
}

fn in_words(report: &Report) -> String {
    let faults: Vec<String> = report.faults.iter().map(|(word, count)| format!("{count} {word}")).collect();
    format!(
        "{} seeds from {}: {} violations, {} stalls\n{} operations committed, {} views entered, {:.0} simulated seconds in {:.1} s ({:.1} seeds a second)\nfaults: {}\ntrace hash {}",
        report.seeds,
        report.first_seed,
        report.violations,
        report.stalls,
        report.committed_ops,
        report.view_changes,
        report.simulated_seconds,
        report.wall_seconds,
        report.seeds_per_s,
        faults.join(", "),
        report.trace_hash.to_hex()
    )
}
