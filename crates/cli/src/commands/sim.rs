//! `outvote sim`: the protocol as shipped on a virtual network, clock and disk, seed after seed.

mod report;

use crate::failure::Failure;
use crate::output::{Output, note};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outvote_sim::campaign::{cores, replicas_of};
use outvote_sim::{Mode, Options, Reduction, Report, Run, campaign, shrink};
use outvote_types::ReplicaId;
use report::{failing, in_json, in_words, replay_in_json, seconds};
use std::path::PathBuf;
use std::time::Duration;

/// Failing seeds of a campaign that are shrunk at its end.
const SHRUNK_MAX: usize = 3;
/// Runs that shrinking one seed may take.
const TRIES_MAX: usize = 400;
/// Of forks by too many liars, so many of a thousand must name enough of them.
const NAMED_PER_MILLE: u64 = 990;

/// Runs whole clusters with faults and liars in a simulation; the same seed gives the same run, byte for byte.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote sim --seeds 1000\n         outvote sim --minutes 60 --require-coverage\n         outvote sim --seed 42   (replays one and writes its trace)"
)]
pub(crate) struct Sim {
    /// How many seeds.
    #[arg(long, default_value_t = 100, conflicts_with = "seed")]
    seeds: u64,
    /// Runs seeds for so long instead of so many.
    #[arg(long, conflicts_with_all = ["seed", "seeds"])]
    minutes: Option<f64>,
    /// The first one.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    first_seed: u64,
    /// Replicas; without it each seed chooses: 4 or 7, now and then 10 or 13.
    #[arg(long, value_parser = clap::value_parser!(u16).range(4..=64))]
    replicas: Option<u16>,
    /// Seeds that run at once; as many as this machine has cores unless told otherwise. The outcome is the same.
    #[arg(long, conflicts_with = "seed", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Lets disks lose more than the protocol can make good: replicas must repair it all the same, or stop and say what they lack.
    #[arg(long, conflicts_with = "liars_beyond")]
    beyond_bound: bool,
    /// Lets more members lie together than any protocol survives, until the honest ones fork: enough of the liars must be named.
    #[arg(long)]
    liars_beyond: bool,
    /// Fails if some message never met some state of a replica, or some fault.
    #[arg(long, conflicts_with = "seed")]
    require_coverage: bool,
    /// Replays this seed and writes what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// Takes away all that this seed can do without and still fail.
    #[arg(long, requires = "seed")]
    shrink: bool,
    /// Where the replay writes what happened; sim-SEED.trace unless told otherwise.
    #[arg(long, requires = "seed")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    rest: Rest,
}

/// What is left of a seed's plan, as shrinking prints it.
#[derive(Debug, Args)]
struct Rest {
    /// The faults of the seed that strike, by their places in its plan; `none` for none.
    #[arg(long, requires = "seed", value_parser = places)]
    keep: Option<Places>,
    /// The liars of the seed that lie; `none` for none.
    #[arg(long, requires = "seed", value_parser = places)]
    liars: Option<Places>,
    /// Clients at most.
    #[arg(long, requires = "seed")]
    clients: Option<usize>,
    /// Requests of each client.
    #[arg(long, requires = "seed")]
    requests: Option<u64>,
    /// When everything is mended, microseconds after the start.
    #[arg(long, requires = "seed", value_parser = clap::value_parser!(u64).range(..=86_400_000_000))]
    heal_us: Option<u64>,
    /// The network is calm from the start.
    #[arg(long, requires = "seed")]
    calm: bool,
}

/// A list of numbers.
#[derive(Clone, Debug)]
struct Places(Vec<u16>);

fn places(text: &str) -> Result<Places, String> {
    if text == "none" {
        return Ok(Places(Vec::new()));
    }
    let numbers: Result<Vec<u16>, _> = text.split(',').map(|word| word.trim().parse::<u16>()).collect();
    numbers.map(Places).map_err(|_| String::from("numbers with commas between them, or `none`"))
}

impl Rest {
    fn reduction(&self) -> Reduction {
        let numbers = |places: &Places| places.0.iter().map(|place| usize::from(*place)).collect();
        let liars = |places: &Places| places.0.iter().map(|id| ReplicaId(*id)).collect();
        Reduction {
            keep: self.keep.as_ref().map(numbers),
            liars: self.liars.as_ref().map(liars),
            clients: self.clients,
            requests: self.requests,
            heal_us: self.heal_us,
            calm: self.calm,
        }
    }
}

impl Sim {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let replicas = self.replicas.map(usize::from);
        match self.seed {
            Some(seed) => self.replay(seed, replicas_of(seed, replicas), output),
            None => self.campaign(replicas, output),
        }
    }

    const fn mode(&self) -> Mode {
        match (self.beyond_bound, self.liars_beyond) {
            (true, _) => Mode::BeyondBound,
            (_, true) => Mode::LiarsBeyond,
            (false, false) => Mode::WithinBound,
        }
    }

    fn time(&self) -> Result<Option<Duration>, Failure> {
        let seconds = self.minutes.map(|minutes| Duration::try_from_secs_f64(minutes * 60.0)).transpose();
        seconds.map_err(|_| Failure::usage("--minutes takes a number of minutes above 0"))
    }

    fn campaign(&self, replicas: Option<usize>, output: Output) -> Result<(), Failure> {
        let jobs = self.jobs.map_or_else(cores, usize::from);
        let (time, mode) = (self.time()?, self.mode());
        let options = Options { seeds: self.seeds, time, mode, first_seed: self.first_seed, replicas, jobs };
        let bar = progress(&options);
        let report = campaign(&options, |report, outcome| {
            let bad = report.violations + report.stalls;
            bar.set_message(format!("{:.0} a second, {bad} failed", report.seeds_per_s));
            bar.set_position(time.map_or(report.seeds, |_| report.wall_seconds as u64));
            if !outcome.is_good() {
                bar.suspend(|| note(&failing(outcome)));
            }
        });
        bar.finish_and_clear();
        output.print(&in_json(&report), |_| in_words(&report))?;
        for outcome in report.failures.iter().take(SHRUNK_MAX).filter(|_| mode != Mode::LiarsBeyond) {
            note(&smallest(&outcome.run()));
        }
        self.judge(&report)
    }

    fn judge(&self, report: &Report) -> Result<(), Failure> {
        let bad = report.violations + report.stalls;
        if self.liars_beyond {
            return judge_forks(report);
        }
        if bad > 0 {
            return Err(Failure::failed(format!("{bad} of {} seeds failed", report.seeds)));
        }
        let never = report.coverage.pairs().never;
        if self.require_coverage && !never.is_empty() {
            return Err(Failure::failed(format!("{} pairs never met: {}", never.len(), never.join(", "))));
        }
        Ok(())
    }

    fn replay(&self, seed: u64, replicas: usize, output: Output) -> Result<(), Failure> {
        let run = Run { seed, replicas, mode: self.mode(), reduction: self.rest.reduction() };
        if self.shrink {
            note(&smallest(&run));
        }
        let outcome = run.play(true);
        let path = self.trace.clone().unwrap_or_else(|| format!("sim-{seed}.trace").into());
        std::fs::write(&path, outcome.trace.as_deref().unwrap_or_default())
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
        output.print(&replay_in_json(&outcome, &path), |_| {
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

fn progress(options: &Options) -> ProgressBar {
    let (length, template) = match options.time {
        Some(time) => (time.as_secs(), "{bar:40} {pos}/{len} seconds, {msg}"),
        None => (options.seeds, "{bar:40} {pos}/{len} seeds, {eta} left, {msg}"),
    };
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Too many liars may fork a cluster, and a few forks may leave too little; nobody honest is ever named.
fn judge_forks(report: &Report) -> Result<(), Failure> {
    let count = |word: &str| report.faults.get(word).copied().unwrap_or_default();
    let (forks, named) = (count("fork"), count("fork_with_enough_named"));
    let mistakes = report.failures.iter().find(|outcome| outcome.failure() != Some("unaccountable"));
    if let Some(outcome) = mistakes {
        return Err(Failure::failed(failing(outcome)));
    }
    if forks == 0 {
        return Err(Failure::failed("nothing forked, so nothing was tried: run more seeds"));
    }
    if named * 1_000 < forks * NAMED_PER_MILLE {
        return Err(Failure::failed(format!("only {named} of {forks} forks name enough of the liars")));
    }
    Ok(())
}

/// The smallest run that fails like this one, and how to play it.
fn smallest(run: &Run) -> String {
    match shrink(run, TRIES_MAX) {
        Some(shrunk) => format!(
            "seed {} fails with {} faults ({} after {} runs): {}\nreplay it with: {}",
            run.seed,
            shrunk.faults,
            shrunk.outcome.failure().unwrap_or_default(),
            shrunk.tried,
            report::what(&shrunk.outcome),
            shrunk.run.command()
        ),
        None => format!("seed {} does not fail", run.seed),
    }
}
