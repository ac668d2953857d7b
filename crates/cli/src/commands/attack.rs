//! `outvote attack`: what users lose while somebody attacks.

use crate::cluster_folder::ClusterFolder;
use crate::connection::wide_runtime;
use crate::failure::Failure;
use crate::output::{Output, line, note};
use crate::temporary_folder::TemporaryFolder;
use clap::Args;
use outvote_bench::BenchError;
use outvote_bench::attack::{self, AttackReport, Ground, Plan, Verdict, crowd, document, rows};
use outvote_types::Parameters;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Measures what users lose while somebody attacks: each attack and its baseline in one run, on real processes.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote attack --list\n\
    \x20        outvote attack --quick --only mute,flood,L03\n\
    \x20        outvote attack --write docs --record target/nightly/attack.json   (the whole table and its page)")]
pub(crate) struct Attack {
    /// Names the attacks, what they do and what must be kept; measures nothing.
    #[arg(long)]
    list: bool,
    /// Only these attacks, by name or by row of the catalogue.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How long each attack is; 6 unless told. Attacks whose detection counts take a minute unless this is given.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: Option<u64>,
    /// Baseline and attack so many times in turn; 2 unless told.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: Option<u64>,
    /// One short round of each: rough figures in some minutes.
    #[arg(long)]
    quick: bool,
    /// Operations a second that users ask for; half of what the cluster can do unless told.
    #[arg(long)]
    rate: Option<u32>,
    /// How many replicas.
    #[arg(long, default_value_t = 4)]
    replicas: usize,
    /// The first replica's page; the others' ports follow, and the links lie 100 above.
    #[arg(long, default_value_t = 25_000)]
    port: u16,
    /// Writes the page `attacks.md` and its drawings into this folder.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// Writes the result of each row into this file, as JSON.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Runs a crowd of liars that is told on standard input when to go and when to rest.
    #[arg(long, hide = true, requires = "committee")]
    crowd: Option<String>,
    /// Whom the crowd attacks.
    #[arg(long, hide = true)]
    committee: Option<PathBuf>,
}

impl Attack {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        if let (Some(name), Some(committee)) = (&self.crowd, &self.committee) {
            let file = outvote::load_committee(committee)?;
            return wide_runtime()?.block_on(crowd::serve(name, file)).map_err(Failure::from);
        }
        let plan = self.plan()?;
        if self.list {
            return list(&plan);
        }
        let report = self.measure(&plan)?;
        if let Some(folder) = &self.write {
            document::write(&report, folder)?;
        }
        if let Some(path) = &self.record {
            write_record(path, &report)?;
        }
        output.print(&report, AttackReport::in_words)?;
        let missed = report.rows.iter().filter(|row| row.verdict == Verdict::Failed).count();
        if missed > 0 {
            return Err(Failure::failed(format!("{missed} of {} attacks missed a goal", report.rows.len())));
        }
        Ok(())
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let rows = rows::chosen(&self.only).map_err(|name| {
            Failure::usage(format!("there is no attack `{name}`: `outvote attack --list` names them all"))
        })?;
        let (baseline, attack, long_attack, after) = if self.quick { (2, 3, 10, 2) } else { (5, 6, 60, 5) };
        let seconds = |given: Option<u64>, usual| Duration::from_secs(given.unwrap_or(usual));
        let rounds = self.rounds.unwrap_or(if self.quick { 1 } else { 2 });
        Ok(Plan {
            rows,
            rounds: usize::try_from(rounds).unwrap_or(1),
            baseline: Duration::from_secs(baseline).min(seconds(self.seconds, baseline)),
            attack: seconds(self.seconds, attack),
            long_attack: seconds(self.seconds, long_attack),
            after: Duration::from_secs(after),
            saturated: !self.quick,
            rate: self.rate.map(f64::from),
            quick: self.quick,
            command: command_line(),
        })
    }

    fn measure(&self, plan: &Plan) -> Result<AttackReport, Failure> {
        let folder = TemporaryFolder::of("attack");
        let mut number = 0;
        let mut fresh = || {
            // What the cluster before left is not needed any more.
            let _ = std::fs::remove_dir_all(folder.cluster(number));
            number += 1;
            let cluster = ClusterFolder::new(folder.cluster(number));
            let made = cluster.create(self.replicas, self.port, true, Parameters::default());
            let file = made.map_err(|failure| BenchError::Cluster(format!("cannot be made: {failure}")))?;
            Ok(Ground { file, committee: cluster.committee_path(), homes: cluster.homes() })
        };
        let program = std::env::current_exe().map_err(Failure::failed)?;
        let report = wide_runtime()?.block_on(attack::run(plan, &program, &mut fresh, &note))?;
        Ok(report)
    }
}

/// How this program was called, for those who want to call it again.
fn command_line() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("outvote {}", arguments.join(" "))
}

fn list(plan: &Plan) -> Result<(), Failure> {
    for row in &plan.rows {
        let goal = format!("{:.0} %", row.goal.kept * 100.0);
        line(&format!("{:<8} {:<16} {goal:>5}  {}", row.ids.join(" "), row.name, row.does))?;
    }
    Ok(())
}

fn write_record(path: &Path, report: &AttackReport) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Failure::failed)?;
    }
    let text = serde_json::to_string_pretty(&report.record()).map_err(Failure::failed)?;
    std::fs::write(path, text + "\n").map_err(Failure::failed)
}
