//! `outvote twins`: two instances behind one key, among which partitions divide the world; all short scenarios, or drawn ones.

use crate::failure::Failure;
use crate::output::{Output, note};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outvote_sim::campaign::cores;
use outvote_sim::twins::{Alphabet, Options, Report, Scenario, What, campaign, kit, play};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Replicas unless told otherwise.
const REPLICAS: u16 = 4;
/// Rounds of the complete list unless told otherwise.
const ROUNDS: u32 = 4;

/// Plays all short games of two instances behind one key, or drawn longer ones.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote twins --rounds 3\n         outvote twins --from 1000000 --count 500000   (a part of the list of four rounds)\n         outvote twins --sample --minutes 10\n         outvote twins --scenario 4:0:0.00110-1.01100c   (plays one and writes what happens)"
)]
pub(crate) struct Twins {
    /// Replicas; 4 for the complete list, and for samples what each seed chooses, unless told otherwise.
    #[arg(long, value_parser = clap::value_parser!(u16).range(4..=10))]
    replicas: Option<u16>,
    /// Rounds; 4 for the complete list, and for samples what each seed chooses, unless told otherwise.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=12))]
    rounds: Option<u32>,
    /// Sets that the world falls into at most, in the complete list.
    #[arg(long, default_value_t = 2, conflicts_with = "sample", value_parser = clap::value_parser!(u8).range(1..=5))]
    sets: u8,
    /// Plays each division also with its COMMITs lost, in the complete list.
    #[arg(long, conflicts_with = "sample")]
    losses: bool,
    /// Draws scenarios by seeds: longer, wider, with all kinds of losses.
    #[arg(long)]
    sample: bool,
    /// The number of the first scenario, or the first seed.
    #[arg(long, visible_alias = "first-seed", default_value_t = 0)]
    from: u64,
    /// How many; unless told otherwise all there are, or until the time is up.
    #[arg(long)]
    count: Option<u64>,
    /// Stops after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Threads; as many as this machine has cores unless told otherwise. The outcome is the same.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Plays this scenario and writes what happens.
    #[arg(long, conflicts_with_all = ["sample", "count", "minutes", "from", "losses", "rounds", "replicas"])]
    scenario: Option<String>,
    /// Where that is written; twins.trace unless told otherwise.
    #[arg(long, requires = "scenario")]
    trace: Option<PathBuf>,
}

impl Twins {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        match &self.scenario {
            Some(text) => self.replay(text, output),
            None => self.campaign(output),
        }
    }

    fn what(&self) -> What {
        let replicas = self.replicas.map(usize::from);
        if self.sample {
            return What::Sampled { replicas, rounds: self.rounds };
        }
        let replicas = replicas.unwrap_or_else(|| usize::from(REPLICAS));
        let alphabet = Alphabet { replicas, twins: 1, sets_max: self.sets, losses: self.losses };
        What::Complete { alphabet, rounds: self.rounds.unwrap_or(ROUNDS) }
    }

    fn campaign(&self, output: Output) -> Result<(), Failure> {
        let options = Options {
            what: self.what(),
            from: self.from,
            count: self.count,
            time: self.minutes.map(|minutes| Duration::from_secs(60 * minutes)),
            jobs: self.jobs.map_or_else(cores, usize::from),
        };
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} scenarios, {msg}") {
            bar.set_style(style);
        }
        let mut told = 0;
        let report = campaign(&options, |report| {
            if let (0, Some(total), Some(words)) = (report.scenarios, report.total, report.unreduced) {
                bar.suspend(|| {
                    note(&format!(
                        "{total} scenarios, one for each class of {words} that differ only in names"
                    ))
                });
            }
            let left = report.total.map_or(u64::MAX, |total| total.saturating_sub(self.from));
            bar.set_length(self.count.unwrap_or(u64::MAX).min(left));
            bar.set_position(report.scenarios);
            let bad = report.violations + report.stalls;
            bar.set_message(format!("{:.0} a second, {bad} failed", report.scenarios_per_s));
            for (scenario, name, words) in report.failures.iter().skip(told) {
                bar.suspend(|| note(&failing(scenario, name, words)));
            }
            told = report.failures.len();
        })
        .map_err(Failure::failed)?;
        bar.finish_and_clear();
        output.print(&in_json(&report), |_| in_words(&report))?;
        let bad = report.violations + report.stalls;
        if report.is_good() {
            Ok(())
        } else {
            Err(Failure::failed(format!("{bad} of {} scenarios failed", report.scenarios)))
        }
    }

    fn replay(&self, text: &str, output: Output) -> Result<(), Failure> {
        let scenario: Scenario = text.parse().map_err(Failure::failed)?;
        let keys = kit(scenario.replicas, scenario.seats()).map_err(Failure::failed)?;
        let verdict = play(&keys, &scenario, true);
        let path = self.trace.clone().unwrap_or_else(|| "twins.trace".into());
        std::fs::write(&path, verdict.end.text.as_deref().unwrap_or_default())
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
        let failure = verdict.end.failure.as_ref().map(|(name, words)| format!("{name}: {words}"));
        let result = json!({
            "scenario": scenario.to_string(), "failure": failure, "blocks": verdict.committed,
            "accusations": verdict.end.accusations, "frames": verdict.end.frames, "recovery_us": verdict.end.recovery_us,
            "trace": path,
        });
        output.print(&result, |_| {
            format!(
                "{scenario}: {} blocks committed before the end, {} accusations, {} frames; what happened is in {}",
                verdict.committed,
                verdict.end.accusations,
                verdict.end.frames,
                path.display()
            )
        })?;
        match verdict.end.failure {
            Some((name, words)) => Err(Failure::failed(failing(&scenario, &name, &words))),
            None => Ok(()),
        }
    }
}

/// What is wrong with a scenario, and the one command that replays it.
fn failing(scenario: &Scenario, name: &str, words: &str) -> String {
    format!("{name}: {words}\nreplay it with: outvote twins --scenario {scenario}")
}

fn in_json(report: &Report) -> Value {
    let failing: Vec<String> =
        report.failures.iter().map(|(scenario, ..)| format!("outvote twins --scenario {scenario}")).collect();
    json!({
        "from": report.from, "scenarios": report.scenarios, "next": report.from + report.scenarios,
        "total": report.total, "unreduced": report.unreduced, "violations": report.violations,
        "stalls": report.stalls, "with_commits": report.with_commits,
        "with_accusations": report.with_accusations, "blocks": report.blocks, "frames": report.frames,
        "recovery_max_us": report.recovery_max_us, "wall_seconds": report.wall_seconds,
        "scenarios_per_s": report.scenarios_per_s, "failing": failing,
    })
}

fn in_words(report: &Report) -> String {
    let list = match (report.total, report.unreduced) {
        (Some(total), Some(words)) => format!(" of {total}, which stand for {words}"),
        _ => String::from(", drawn"),
    };
    format!(
        "{} scenarios from {}{list}: {} violations, {} stalls\n{} with commits and {} with a proof of a lie before the end, {} frames, {:.1} s in the game to recover at most\n{:.1} s ({:.0} scenarios a second); go on with --from {}",
        report.scenarios,
        report.from,
        report.violations,
        report.stalls,
        report.with_commits,
        report.with_accusations,
        report.frames,
        Duration::from_micros(report.recovery_max_us).as_secs_f64(),
        report.wall_seconds,
        report.scenarios_per_s,
        report.from + report.scenarios
    )
}
