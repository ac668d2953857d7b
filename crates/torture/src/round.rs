//! One nemesis, one cluster, one verdict.

use crate::chat::ChatLoad;
use crate::cluster::{Cluster, Plan, WHOLE_PATIENCE};
use crate::linearizability::anomalies;
use crate::load::{Load, LoadPlan};
use crate::record::{Kept, Record};
use crate::stage::{Nemesis, Stage};
use crate::trouble::Trouble;
use outvote_chaos::Random;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The load before and after the nemesis.
const CALM: Duration = Duration::from_secs(2);
/// Resident memory of one replica at most, MiB.
const MEMORY_MOST_MIB: f64 = 256.0;
/// Open files may have become so many more: connections that are being made, files of the log.
const FILES_MORE: usize = 24;
/// Clients, each with a key of its own.
const CLIENTS: u32 = 12;

/// How a round ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected; each reason.
    Failed(Vec<String>),
    /// This host cannot do it; why.
    Skipped(String),
}

/// A round and its figures.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which nemesis.
    pub name: &'static str,
    /// Its rows.
    pub rows: &'static [&'static str],
    /// Replicas.
    pub n: usize,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub verdict: Verdict,
    /// Figures in words.
    pub detail: String,
    /// Operations whose outcome is known.
    pub operations: usize,
    /// How long it took.
    pub took: Duration,
}

/// What was measured while it ran.
#[derive(Debug, Default)]
struct Figures {
    recovery: Duration,
    level: Duration,
    views: u64,
    memory_mib: f64,
    files_more: usize,
    note: String,
}

enum Running {
    Kv(Load),
    Chat(ChatLoad),
}

impl Running {
    fn record(&self) -> Arc<Record> {
        match self {
            Self::Kv(load) => Arc::clone(&load.record),
            Self::Chat(load) => load.record(),
        }
    }
}

/// Plays a nemesis in a folder that does not exist yet. It is removed when all went well, and kept for whoever wonders
/// otherwise.
pub async fn play(nemesis: &Nemesis, n: usize, seed: u64, program: &Path, folder: PathBuf) -> Outcome {
    let begun = Instant::now();
    let mut outcome = Outcome {
        name: nemesis.name,
        rows: nemesis.rows,
        n,
        seed,
        verdict: Verdict::Passed,
        detail: String::new(),
        operations: 0,
        took: Duration::ZERO,
    };
    let done = match nemesis.needs.iter().try_for_each(|need| need.check()) {
        Ok(()) => run(nemesis, n, seed, program, folder.clone(), &mut outcome).await,
        Err(trouble) => Err(trouble),
    };
    outcome.verdict = match done {
        Ok(problems) if problems.is_empty() => Verdict::Passed,
        Ok(problems) => Verdict::Failed(problems),
        Err(Trouble::Skipped(why)) => Verdict::Skipped(format!("host has no {why}")),
        Err(Trouble::Failed(why)) => Verdict::Failed(vec![why]),
    };
    outcome.took = begun.elapsed();
    unmount(&folder, n);
    match &mut outcome.verdict {
        Verdict::Failed(problems) => problems.push(format!("all that was left is in {}", folder.display())),
        // What cannot be removed lies in the system's folder for such files.
        _ => drop(std::fs::remove_dir_all(folder)),
    }
    outcome
}

/// Takes away the small file systems that a nemesis made.
fn unmount(folder: &Path, n: usize) {
    if crate::host::is_apart() {
        for id in 0..n {
            // Most have none.
            let _ =
                std::process::Command::new("umount").arg(folder.join(format!("replica-{id}/data"))).output();
        }
    }
}

async fn run(
    nemesis: &Nemesis,
    n: usize,
    seed: u64,
    program: &Path,
    folder: PathBuf,
    outcome: &mut Outcome,
) -> Result<Vec<String>, Trouble> {
    let setting = nemesis.setting;
    let cluster = Cluster::start(Plan {
        program: program.to_owned(),
        folder,
        n,
        app: setting.app,
        is_meshed: setting.is_meshed,
        more: setting.more.iter().map(ToString::to_string).collect(),
        settings: setting.settings.iter().map(|(key, value)| (*key, value.to_string())).collect(),
        seed,
    })
    .await?;
    let plan = LoadPlan { rate: setting.rate, clients: CLIENTS, seed };
    let load = match setting.app {
        "chat" => Running::Chat(ChatLoad::begin(&cluster.seen_by_clients(), plan).await?),
        _ => Running::Kv(Load::begin(&cluster.seen_by_clients(), plan).await?),
    };
    let mut stage = Stage { cluster, record: load.record(), random: Random::new(seed) };
    let mut figures = Figures::default();
    let harmed = harm(nemesis, &mut stage, &mut figures).await;
    if let Some(mesh) = &stage.cluster.mesh {
        mesh.heal();
    }
    harmed?;
    let mut problems = Vec::new();
    let kept = match load {
        Running::Kv(load) => {
            let kept = load.end().await.keep();
            problems.extend(judged(&kept));
            kept
        }
        Running::Chat(load) => {
            let (kept, wrong) = load.end(&stage.cluster).await?;
            problems.extend(wrong);
            kept
        }
    };
    let last = stage.cluster.whole(WHOLE_PATIENCE).await?;
    figures.memory_mib =
        stage.cluster.processes().map(|own| own.peak_mib()).fold(figures.memory_mib, f64::max);
    problems.extend(limits(nemesis, &kept, &figures));
    outcome.operations = kept.spans.len();
    outcome.detail = in_words(&kept, &figures, last.first().map_or(0, |own| own.executed));
    Ok(problems)
}

/// The calm before, the nemesis, and the calm after.
async fn harm(nemesis: &Nemesis, stage: &mut Stage, figures: &mut Figures) -> Result<(), Trouble> {
    stage.serves(WHOLE_PATIENCE).await?;
    tokio::time::sleep(CALM).await;
    let view = stage.view().await;
    let files = most_files(stage);
    figures.note = (nemesis.play)(stage).await?;
    if let Some(mesh) = &stage.cluster.mesh {
        mesh.heal();
    }
    figures.recovery = stage.serves(WHOLE_PATIENCE).await?;
    figures.level = stage.level().await?;
    tokio::time::sleep(CALM).await;
    figures.views = stage.view().await.saturating_sub(view);
    figures.files_more = most_files(stage).saturating_sub(files);
    Ok(())
}

fn most_files(stage: &Stage) -> usize {
    stage.cluster.processes().map(|own| own.open_files()).max().unwrap_or_default()
}

/// What the clients of the key-value application saw.
fn judged(kept: &Kept) -> Vec<String> {
    let mut problems: Vec<String> = anomalies(&kept.history).iter().map(ToString::to_string).collect();
    problems.extend(kept.wrong_reads().iter().map(|read| format!("a certified read is wrong: {read:?}")));
    problems.extend(kept.troubles.iter().take(5).cloned());
    if kept.unknown() > 0 {
        problems
            .push(format!("{} operations have no outcome, long after all was well again", kept.unknown()));
    }
    problems
}

fn limits(nemesis: &Nemesis, kept: &Kept, figures: &Figures) -> Vec<String> {
    let mut problems = Vec::new();
    if figures.memory_mib > MEMORY_MOST_MIB {
        problems.push(format!("a replica took {:.0} MiB", figures.memory_mib));
    }
    if figures.files_more > FILES_MORE {
        problems.push(format!("a replica has {} more open files than before", figures.files_more));
    }
    let gap = kept.worst_gap();
    if let Some(most) = nemesis.gap_most.filter(|most| gap > *most) {
        problems.push(format!("nothing was served for {gap:.2?}, {most:?} at most"));
    }
    if kept.spans.is_empty() {
        problems.push("nothing was served at all".into());
    }
    problems
}

fn in_words(kept: &Kept, figures: &Figures, height: u64) -> String {
    format!(
        "{} operations in {height} blocks, {} certified reads; worst gap {:.2?}, recovery {:.2?}, level {:.2?}; p99 {:.1?}; \
         views +{}; {:.0} MiB at most; files +{}; {}",
        kept.spans.len(),
        kept.reads.len(),
        kept.worst_gap(),
        figures.recovery,
        figures.level,
        kept.latency(0.99, 0, u64::MAX),
        figures.views,
        figures.memory_mib,
        figures.files_more,
        figures.note
    )
}
