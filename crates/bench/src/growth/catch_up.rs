//! A replica that lost its disk comes back under load: how much faster than the load it gets through what it missed.

use super::campaign::{Field, Measured};
use super::record::{CatchUpRow, Rows, Skipped};
use super::state::executed;
use crate::attack::{Load, Timeline};
use crate::error::BenchError;
use crate::replicas::Replicas;
use outvote_client::CommitteeFile;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Replicas.
const MEMBERS: usize = 4;
/// Who loses its disk: never the first leader.
const WIPED: usize = 3;
/// The load's share of the most that there is: five times as much and the load itself must fit onto this one machine.
const SHARE: f64 = 0.125;
/// How long the most that there is is looked for.
const SATURATED: Duration = Duration::from_secs(4);
/// Between two looks.
const STEP: Duration = Duration::from_millis(100);
/// How many times as long as it was gone it may take to come back.
const PATIENCE: u32 = 4;
/// Bytes of an operation of that load.
const PAYLOAD_BYTES: usize = 256;

/// Measures.
pub(super) async fn run(field: &mut Field<'_>) -> Measured {
    match measure(field).await {
        Ok(row) => {
            (field.progress)(&format!(
                "catch-up: {} blocks in {:.1} s, {:.1} times the load",
                row.blocks, row.caught_up_s, row.times_the_load
            ));
            (Rows::CatchUp(vec![row]), Vec::new())
        }
        Err(error) => {
            (field.progress)(&format!("catch-up: {error}"));
            let skipped = Skipped { point: "catch-up".into(), reason: error.to_string() };
            (Rows::CatchUp(Vec::new()), vec![skipped])
        }
    }
}

/// Operations a second that four replicas commit at most.
async fn saturation(field: &mut Field<'_>) -> Result<f64, BenchError> {
    let ground = field.fresh(MEMBERS)?;
    let replicas = Replicas::start(field.program, ground.homes, None)?;
    let timeline = Arc::new(Timeline::new());
    let mut load = Load::closed(&ground.file, &timeline).await?;
    load.go_on(SATURATED / 2).await?;
    let from = timeline.now();
    load.go_on(SATURATED).await?;
    let operations: u64 =
        timeline.samples_since(from).iter().map(|sample| u64::from(sample.operations)).sum();
    drop(load);
    replicas.stop();
    Ok(operations as f64 / SATURATED.as_secs_f64())
}

async fn measure(field: &mut Field<'_>) -> Result<CatchUpRow, BenchError> {
    let rate = match field.plan.rate {
        Some(rate) => f64::from(rate),
        None => (saturation(field).await? * SHARE).max(1.0).round(),
    };
    let ground = field.fresh(MEMBERS)?;
    let mut replicas = Replicas::start(field.program, ground.homes.clone(), None)?;
    let timeline = Arc::new(Timeline::new());
    let mut load = Load::open(&ground.file, rate, &timeline).await?;
    let missed = field.plan.missed;
    (field.progress)(&format!("catch-up: {rate:.0} operations a second for {} s", missed.as_secs()));
    load.go_on(missed.min(Duration::from_secs(2))).await?;
    replicas.kill(WIPED)?;
    load.go_on(missed.saturating_sub(Duration::from_secs(2))).await?;
    wipe(&ground.homes[WIPED])?;
    let row = come_back(&ground.file, &mut replicas, &mut load, missed).await?;
    replicas.stop();
    Ok(CatchUpRow { rate, payload_bytes: PAYLOAD_BYTES, missed_s: missed.as_secs_f64(), ..row })
}

/// Takes all that a replica wrote; its keys stay.
fn wipe(home: &Path) -> Result<(), BenchError> {
    let path = home.join("data");
    std::fs::remove_dir_all(&path).map_err(|source| BenchError::File { path, source })
}

/// Starts the wiped replica and looks at it until it is where the others are.
async fn come_back(
    file: &CommitteeFile,
    replicas: &mut Replicas,
    load: &mut Load,
    missed: Duration,
) -> Result<CatchUpRow, BenchError> {
    let missed_blocks = executed(file, 0).await.unwrap_or_default();
    let begun = Instant::now();
    replicas.start_one(WIPED)?;
    let mut samples: Vec<(f64, u64, u64)> = Vec::new();
    loop {
        load.go_on(STEP).await?;
        replicas.check()?;
        // The others are asked first: who has what they had then has caught up.
        let theirs = executed(file, 0).await.unwrap_or_default();
        let own = executed(file, WIPED).await.unwrap_or_default();
        let seconds = begun.elapsed().as_secs_f64();
        samples.push((seconds, own, theirs));
        if own >= theirs && theirs > 0 {
            let load_blocks_per_s = theirs.saturating_sub(missed_blocks) as f64 / seconds;
            let blocks_per_s = own as f64 / seconds;
            return Ok(CatchUpRow {
                missed_blocks,
                caught_up_s: seconds,
                blocks: own,
                load_blocks_per_s,
                blocks_per_s,
                times_the_load: blocks_per_s / load_blocks_per_s.max(f64::MIN_POSITIVE),
                samples,
                ..CatchUpRow::default()
            });
        }
        if begun.elapsed() > missed * PATIENCE {
            return Err(BenchError::Cluster(format!(
                "has a wiped replica that is at block {own} of {theirs} after {seconds:.0} s"
            )));
        }
    }
}
