//! What is kept of each series: one file of JSON. Fields are added freely, renamed or dropped never without a line in the changelog.

use super::plan::{Growth, Plan};
use crate::attack::report::today;
use crate::error::BenchError;
use crate::page::host;
use crate::report::ThroughputReport;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One simulated cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SimulatedRow {
    /// Replicas.
    pub replicas: usize,
    /// How many of them decide.
    pub quorum: usize,
    /// `weightless`, `near` or `regions`.
    pub network: String,
    /// Clients, with one request under way each.
    pub clients: usize,
    /// Blocks that were counted.
    pub blocks: u64,
    /// The simulated time that they took.
    pub seconds: f64,
    /// Operations that their clients saw answered, a second.
    pub ops_per_s: f64,
    /// From the proposal to the commit, the middle one of all replicas and blocks.
    pub commit_ms: f64,
    /// From the request to enough answers, the middle one.
    pub answer_p50_ms: f64,
    /// The same of the slowest hundredth.
    pub answer_p99_ms: f64,
    /// From the proposal to the commit in message delays, where all are alike.
    pub commit_hops: Option<f64>,
    /// From the request to enough answers in message delays.
    pub answer_hops: Option<f64>,
    /// Operations in a block.
    pub operations_per_block: f64,
    /// PROPOSE, PREPARE and COMMIT for a block, each copy, and by the formula.
    pub messages: (f64, u64),
    /// Other messages for a block.
    pub other_messages: f64,
    /// Bytes between replicas for a block.
    pub bytes: f64,
    /// Signatures that replicas made for a block, and by the formula.
    pub made: (f64, u64),
    /// Signatures of replicas that were checked for a block, and by the formula.
    pub checked: (f64, u64),
    /// Signatures of clients that a replica checked for an operation.
    pub client_checks_per_operation: f64,
    /// Processor microseconds of one replica for an operation.
    pub cpu_us_per_operation: f64,
    /// The leader's processor in use, of all its cores and of its own thread's.
    pub leader_busy: (f64, f64),
    /// Leaders replaced.
    pub view_changes: u64,
    /// How often a replica suspected a leader, by the letter of the reason.
    pub suspicions: Vec<(char, u64)>,
    /// Requests that found a replica busy.
    pub refused: u64,
}

/// One load on a fresh cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadRow {
    /// What the series varies.
    pub point: usize,
    /// Replicas.
    pub n: usize,
    /// Bytes of an operation.
    pub payload_bytes: usize,
    /// Requests in a batch at most; absent for the default.
    pub batch_max: Option<usize>,
    /// Requests in a block, on average.
    pub batch_mean: usize,
    /// Client keys.
    pub clients: usize,
    /// Requests of each under way.
    pub in_flight: usize,
    /// How long was measured.
    pub seconds: f64,
    /// Operations committed a second.
    pub ops_per_s: f64,
    /// Latency, half of them.
    pub p50_ms: f64,
    /// Latency of the slowest hundredth.
    pub p99_ms: f64,
    /// Latency of a single client on the same cluster size, if it was measured: half of them.
    pub alone_p50_ms: Option<f64>,
    /// Processor microseconds of all processes for an operation.
    pub cpu_us_per_op: f64,
    /// Resident memory of the largest replica.
    pub rss_mib_max: f64,
    /// Deadlines that passed.
    pub deadlines_passed: u64,
    /// Programs that wanted to run, before and after.
    pub load_average: (f64, f64),
    /// The command that measures this point alone.
    pub command: String,
}

impl LoadRow {
    /// Of what a load reported.
    #[must_use]
    pub fn new(point: usize, report: &ThroughputReport, command: String) -> Self {
        Self {
            point,
            n: report.n,
            payload_bytes: report.payload_bytes,
            batch_max: report.batch_is_fixed.then_some(report.batch_max),
            batch_mean: report.batch_mean,
            clients: report.clients,
            in_flight: report.in_flight,
            seconds: report.seconds,
            ops_per_s: report.ops_per_s,
            p50_ms: report.latency_ms.p50,
            p99_ms: report.latency_ms.p99,
            alone_p50_ms: None,
            cpu_us_per_op: report.cpu_us_per_op,
            rss_mib_max: report.rss_mib_max,
            deadlines_passed: report.deadlines_passed,
            load_average: report.load_average,
            command,
        }
    }
}

/// A look at a cluster in the middle of its history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistorySample {
    /// Operations that committed so far.
    pub operations: u64,
    /// Blocks that the first replica has executed.
    pub blocks: u64,
    /// Seconds since the begin.
    pub seconds: f64,
    /// Resident memory of the largest replica now, MiB.
    pub rss_mib: f64,
    /// The log of the largest replica, MiB.
    pub log_mib: f64,
    /// The database of the largest replica, MiB.
    pub database_mib: f64,
}

/// A long history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Operations that committed.
    pub operations: u64,
    /// How long that took.
    pub seconds: f64,
    /// Bytes of an operation.
    pub payload_bytes: usize,
    /// Operations under one signature.
    pub envelope_ops: usize,
    /// Blocks that replicas keep.
    pub retain_blocks: u64,
    /// Looks in between, in order.
    pub samples: Vec<HistorySample>,
    /// From the start of a process that was killed until it has executed what the others had: seconds, each.
    pub restarts_s: Vec<f64>,
}

/// A replica that lost its disk, under load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CatchUpRow {
    /// Operations a second of the load.
    pub rate: f64,
    /// Bytes of an operation.
    pub payload_bytes: usize,
    /// How long the load had run when the wiped replica was started, seconds.
    pub missed_s: f64,
    /// Blocks that it lacked at its start.
    pub missed_blocks: u64,
    /// From its start until it had executed what the others had, seconds.
    pub caught_up_s: f64,
    /// Blocks that it got through meanwhile.
    pub blocks: u64,
    /// Blocks a second that the load makes.
    pub load_blocks_per_s: f64,
    /// Blocks a second that it got through.
    pub blocks_per_s: f64,
    /// The second by the first: the goal is five.
    pub times_the_load: f64,
    /// How far it was, each tenth of a second: seconds since its start, its blocks, theirs.
    pub samples: Vec<(f64, u64, u64)>,
}

/// A point that this machine could not do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which.
    pub point: String,
    /// Why.
    pub reason: String,
}

/// The rows of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// Simulated clusters.
    Simulated(Vec<SimulatedRow>),
    /// Loads.
    Loads(Vec<LoadRow>),
    /// A history.
    History(Vec<HistoryRow>),
    /// A catch-up.
    CatchUp(Vec<CatchUpRow>),
}

/// One series as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The command.
    pub command: String,
    /// The day.
    pub date: String,
    /// The machine.
    pub host: String,
    /// Whether it was a short run.
    pub quick: bool,
    /// How long each point was measured, seconds; of simulated ones each row says so itself.
    pub seconds: f64,
    /// What came of it.
    pub rows: Rows,
    /// What could not be measured here.
    pub skipped: Vec<Skipped>,
}

impl Record {
    /// Of what was measured just now.
    #[must_use]
    pub fn new(plan: &Plan, series: Growth, rows: Rows, skipped: Vec<Skipped>) -> Self {
        Self {
            command: format!("{} --only {}", plan.command, series.name()),
            date: today(),
            host: host(),
            quick: plan.is_quick,
            seconds: plan.measured.as_secs_f64(),
            rows,
            skipped,
        }
    }
}

/// All series that were ever measured here.
pub type Records = BTreeMap<Growth, Record>;

/// A short run has a file of its own: it never takes the place of a whole one.
fn path(folder: &Path, series: Growth, is_quick: bool) -> PathBuf {
    folder.join(format!("{}{}.json", series.name(), if is_quick { "-quick" } else { "" }))
}

impl Record {
    /// Keeps it in this folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, folder: &Path, series: Growth) -> Result<(), BenchError> {
        let path = path(folder, series, self.quick);
        let failed = |source| BenchError::File { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| BenchError::Record { path: path.clone(), why: error.to_string() })?;
        std::fs::write(&path, text + "\n").map_err(failed)
    }

    /// All that is kept in this folder: of each series the whole run, or else the short one.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn all(folder: &Path) -> Result<Records, BenchError> {
        let mut records = Records::new();
        for (series, is_quick) in Growth::ALL.into_iter().flat_map(|series| [(series, true), (series, false)])
        {
            let path = path(folder, series, is_quick);
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let record = serde_json::from_str(&text)
                .map_err(|error| BenchError::Record { path: path.clone(), why: error.to_string() })?;
            records.insert(series, record);
        }
        Ok(records)
    }
}
