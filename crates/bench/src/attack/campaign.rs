//! All attacks, one after the other, each on fresh replicas of the same build.

use super::cap::{Means, sweep};
use super::figures::goodput;
use super::load::Load;
use super::report::{AttackReport, RowReport, Verdict, today};
use super::row;
use super::rows::Row;
use super::timeline::{Span, Timeline};
use crate::error::BenchError;
use crate::replicas::Replicas;
use crate::runs::{Progress, cores, load_average};
use outvote_client::CommitteeFile;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Load before anything is measured, so that caches and batches have settled.
const SATURATION_WARM_UP: Duration = Duration::from_secs(2);
/// How long the most that there is is measured.
const SATURATION_MEASURED: Duration = Duration::from_secs(5);

/// What is run, and how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The attacks.
    pub rows: Vec<Row>,
    /// Baseline and attack so many times in turn; long rows once.
    pub rounds: usize,
    /// How long each baseline is.
    pub baseline: Duration,
    /// How long each attack is.
    pub attack: Duration,
    /// How long the attack of a long row is.
    pub long_attack: Duration,
    /// How long an attack's hangover is looked at.
    pub after: Duration,
    /// Whether the saturated share is measured, too.
    pub saturated: bool,
    /// Operations a second; half of the measured saturation unless given.
    pub rate: Option<f64>,
    /// Whether it is the quick form.
    pub quick: bool,
    /// How it was asked for.
    pub command: String,
}

/// A fresh cluster's files. Its genesis must say demo, so that replicas can be told to lie.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Members and addresses.
    pub file: CommitteeFile,
    /// The same as a file, for crowds.
    pub committee: PathBuf,
    /// The replicas' homes.
    pub homes: Vec<PathBuf>,
}

/// What every row needs.
pub(crate) struct Setting<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) program: &'a Path,
    pub(crate) means: Means,
    /// Cores that an attacker may use.
    pub(crate) share: f64,
    /// The most that there is, operations a second.
    pub(crate) saturation: f64,
    pub(crate) rate: f64,
    pub(crate) progress: Progress<'a>,
}

/// Runs all attacks of the plan with this program, each on a cluster that `fresh` makes.
///
/// # Errors
/// When no cluster can be made, or it does not serve even without an attack. What goes wrong in a row is that row's result.
pub async fn run(
    plan: &Plan,
    program: &Path,
    fresh: &mut dyn FnMut() -> Result<Ground, BenchError>,
    progress: Progress<'_>,
) -> Result<AttackReport, BenchError> {
    let load_before = load_average();
    let ground = fresh()?;
    let n = ground.file.committee.members.len();
    progress("measuring the most that there is");
    let saturation = saturation(program, &ground).await?;
    let rate = plan.rate.unwrap_or(saturation / 2.0).max(1.0);
    let share = cores() as f64 / (n + 1) as f64;
    let means = Means::find();
    let cap = means.in_words(share);
    progress(&format!("{saturation:.0} ops/s at most; users ask for {rate:.0} ops/s; {cap}"));
    let setting = Setting { plan, program, means, share, saturation, rate, progress };
    let mut rows = Vec::with_capacity(plan.rows.len());
    for (number, row) in plan.rows.iter().enumerate() {
        progress(&format!("{} of {}: {} ({})", number + 1, plan.rows.len(), row.name, row.ids.join(", ")));
        let report = one(row, fresh, &setting).await;
        progress(&report.in_words());
        rows.push(report);
    }
    if let Means::Group(root, _) = &setting.means {
        sweep(root);
    }
    Ok(AttackReport {
        n,
        cores: cores(),
        cap,
        saturation_ops_per_s: saturation,
        load_average: (load_before, load_average()),
        command: plan.command.clone(),
        date: today(),
        quick: plan.quick,
        rows,
    })
}

async fn one(row: &Row, fresh: row::Fresh<'_>, setting: &Setting<'_>) -> RowReport {
    let mut report = RowReport::of(row, setting.rate);
    match row::run(row, fresh, setting, &mut report).await {
        Ok(()) => report.judge(&row.goal),
        Err(error) => {
            report.verdict = Verdict::Failed;
            report.remarks.push(error.to_string());
        }
    }
    report
}

async fn saturation(program: &Path, ground: &Ground) -> Result<f64, BenchError> {
    let replicas = Replicas::start(program, ground.homes.clone(), None)?;
    let timeline = Arc::new(Timeline::new());
    let mut load = Load::closed(&ground.file, &timeline).await?;
    load.go_on(SATURATION_WARM_UP).await?;
    let from = timeline.now();
    load.go_on(SATURATION_MEASURED).await?;
    let span = Span::new(from, timeline.now());
    drop(load);
    replicas.stop();
    Ok(goodput(&timeline.samples_since(from), span))
}
