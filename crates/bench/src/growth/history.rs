//! A long history: memory and disk while it grows, and the restart of a replica at its end.

use super::campaign::{Field, Measured};
use super::record::{HistoryRow, HistorySample, Rows, Skipped};
use super::state::{disk_mib, executed};
use crate::error::BenchError;
use crate::load::workers;
use crate::options::{Options, Signatures};
use crate::payloads::Payloads;
use crate::recorder::Recorder;
use crate::replicas::{Configuration, Replicas};
use crate::runs::{Tasks, watch};
use outvote_client::CommitteeFile;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Replicas.
const MEMBERS: usize = 4;
/// Client keys, each with one envelope under way: what commits the most operations a second.
const CLIENTS: usize = 256;
/// Operations under one signature.
const ENVELOPE_OPS: usize = 50;
/// Blocks that replicas keep: what peers may need in any case (C2), and no more.
const RETAIN_BLOCKS: u64 = 2_048;
/// Looks at the cluster over the whole history.
const SAMPLES: u64 = 50;
/// Between two looks at how many operations there are.
const STEP: Duration = Duration::from_millis(500);
/// Longer than any history takes.
const FOR_EVER: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a replica may take to restart.
const RESTART_PATIENCE: Duration = Duration::from_secs(120);
/// How long a replica is gone before it is started again.
const GONE: Duration = Duration::from_millis(200);
/// How long the others settle before that.
const SETTLED: Duration = Duration::from_secs(2);

/// Measures; what there is when something fails is kept.
pub(super) async fn run(field: &mut Field<'_>) -> Measured {
    let mut row = HistoryRow::default();
    let done = measure(field, &mut row).await;
    let rows = if row.samples.is_empty() { Vec::new() } else { vec![row] };
    let skipped = match done {
        Ok(()) => Vec::new(),
        Err(error) => vec![Skipped { point: "history".into(), reason: error.to_string() }],
    };
    (Rows::History(rows), skipped)
}

async fn measure(field: &mut Field<'_>, row: &mut HistoryRow) -> Result<(), BenchError> {
    let ground = field.fresh(MEMBERS)?;
    let configuration = Configuration { retain_blocks: Some(RETAIN_BLOCKS), ..Configuration::default() };
    let mut replicas = Replicas::start(field.program, ground.homes.clone(), Some(configuration))?;
    let options = Options {
        clients: CLIENTS,
        connections: 2,
        signatures: Signatures::Envelope(ENVELOPE_OPS),
        ..Options::default()
    };
    (row.payload_bytes, row.envelope_ops) = (options.payload_bytes, ENVELOPE_OPS);
    row.retain_blocks = RETAIN_BLOCKS;
    grow(field, &ground.file, &ground.homes, &mut replicas, &options, row).await?;
    tokio::time::sleep(SETTLED).await;
    for _ in 0..field.plan.restarts {
        let took_s = restart(&ground.file, &mut replicas).await?;
        (field.progress)(&format!("history: restarted within {took_s:.2} s"));
        row.restarts_s.push(took_s);
    }
    replicas.stop();
    Ok(())
}

/// Lets the history grow to its length.
async fn grow(
    field: &Field<'_>,
    file: &CommitteeFile,
    homes: &[PathBuf],
    replicas: &mut Replicas,
    options: &Options,
    row: &mut HistoryRow,
) -> Result<(), BenchError> {
    let crowd = workers(file, options, &Payloads::new(options)?, true).await?;
    let begun = Instant::now();
    let recorder = Arc::new(Recorder::new(begun, begun + FOR_EVER));
    let mut tasks = Tasks::new();
    for worker in crowd {
        tasks.spawn(worker.closed(1, begun + FOR_EVER, recorder.clone()));
    }
    let every = (field.plan.operations / SAMPLES).max(1);
    let mut next = 0;
    loop {
        watch(Instant::now() + STEP, &mut tasks, replicas, &|| {}).await?;
        let operations = recorder.count();
        (row.operations, row.seconds) = (operations, begun.elapsed().as_secs_f64());
        if operations < next {
            continue;
        }
        next = (operations / every + 1) * every;
        let sizes: Vec<(f64, f64)> = homes.iter().map(|home| disk_mib(home)).collect();
        let sample = HistorySample {
            operations,
            blocks: executed(file, 0).await.unwrap_or_default(),
            seconds: row.seconds,
            rss_mib: replicas.usage().rss_mib,
            log_mib: sizes.iter().map(|(log, _)| *log).fold(0.0, f64::max),
            database_mib: sizes.iter().map(|(_, database)| *database).fold(0.0, f64::max),
        };
        (field.progress)(&format!(
            "history: {operations} operations in {:.0} s, memory {:.0} MiB, log {:.0} MiB, database {:.0} MiB",
            sample.seconds, sample.rss_mib, sample.log_mib, sample.database_mib
        ));
        row.samples.push(sample);
        if operations >= field.plan.operations {
            return Ok(());
        }
    }
}

/// Kills the last replica, and starts it: the time until it has executed what the others had.
async fn restart(file: &CommitteeFile, replicas: &mut Replicas) -> Result<f64, BenchError> {
    let (last, failed) = (MEMBERS - 1, |what: &str| BenchError::Cluster(what.into()));
    replicas.kill(last)?;
    tokio::time::sleep(GONE).await;
    let theirs = executed(file, 0).await.ok_or_else(|| failed("does not say how far it is"))?;
    let begun = Instant::now();
    replicas.start_one(last)?;
    while executed(file, last).await.is_none_or(|own| own < theirs) {
        if begun.elapsed() > RESTART_PATIENCE {
            return Err(failed("has a replica that is not back two minutes after its restart"));
        }
        replicas.check()?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(begun.elapsed().as_secs_f64())
}
