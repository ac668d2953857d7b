//! `outvote bench`: measures a cluster of real processes in a temporary folder.

use crate::cluster_folder::ClusterFolder;
use crate::connection::wide_runtime;
use crate::failure::Failure;
use crate::output::{Output, note};
use crate::temporary_folder::TemporaryFolder;
use clap::{Args, ValueEnum};
use outvote_bench::{BenchError, Configuration, Fall, Options, Replicas, Signatures};
use outvote_types::Parameters;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Measures throughput and latency of real processes: TLS, fsync, every answer checked.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote bench --clients 256 --payload 256 --seconds 10 --output json\n\
    \x20        outvote bench --kill-leader 5       (SIGKILL of the leader to the next commit)\n\
    \x20        outvote bench --idle 30             (what a cluster costs that nobody asks)")]
pub(crate) struct Bench {
    /// Bytes of an operation.
    #[arg(long, default_value_t = 256)]
    payload: usize,
    /// Clients, each with a signing key of its own.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Requests of each client in flight (closed loop).
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    /// How long is measured.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How long the load runs before, in seconds.
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Requests in a batch at most, under load too; the replicas' default (50, more under load) unless told.
    #[arg(long)]
    batch_max: Option<usize>,
    /// Whether each operation is signed, or an envelope of several.
    #[arg(long, value_enum, default_value_t = Signed::Each)]
    signatures: Signed,
    /// Operations in an envelope.
    #[arg(long, default_value_t = 50)]
    envelope_ops: usize,
    /// An open loop of so many operations a second; latency runs from the intended start.
    #[arg(long)]
    rate: Option<u64>,
    /// Sets of links to the replicas that the clients share; one for every 128 clients unless told otherwise.
    #[arg(long)]
    connections: Option<usize>,
    /// A file whose lines are the operations' contents.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Also samples what the processors do, by Linux's `perf`: verify, sign, hash, encode, copy, and so on.
    #[arg(long)]
    kinds: bool,
    /// How many replicas.
    #[arg(long, default_value_t = 4)]
    replicas: usize,
    /// The first replica's page; the others' ports follow, and the links lie 100 above.
    #[arg(long, default_value_t = 24_000)]
    port: u16,
    /// The kind of trust among the replicas.
    #[arg(long, value_enum, default_value_t = Mode::Byzantine)]
    mode: Mode,
    /// Kills the leader with SIGKILL so many times instead, and measures the time to the next commit.
    #[arg(long, value_name = "TIMES", num_args = 0..=1, default_missing_value = "5", conflicts_with_all = ["freeze_leader", "first_commit", "idle"])]
    kill_leader: Option<usize>,
    /// The same with a leader that freezes (SIGSTOP): its connections stay open, and it says nothing more.
    #[arg(long, value_name = "TIMES", num_args = 0..=1, default_missing_value = "5", conflicts_with_all = ["first_commit", "idle"])]
    freeze_leader: Option<usize>,
    /// Measures the time from an empty folder to the first commit instead.
    #[arg(long, conflicts_with = "idle")]
    first_commit: bool,
    /// Measures what an idle cluster costs instead, for so many seconds.
    #[arg(long, value_name = "SECONDS")]
    idle: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Signed {
    Each,
    Envelope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Byzantine,
    Federated,
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Option { .. } => Self::usage(error),
            other => Self::failed(other),
        }
    }
}

impl Bench {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        if self.mode == Mode::Federated {
            return Err(outvote::NodeError::Federated.into());
        }
        let options = self.options();
        options.check()?;
        let folder = TemporaryFolder::of("bench");
        let done = self.measure(&options, folder.path(), output);
        if done.is_err() {
            note(&format!("what the replicas said is kept in {}", folder.path().display()));
            std::mem::forget(folder);
        }
        done
    }

    fn falls(&self) -> Option<(usize, Fall)> {
        let frozen = self.freeze_leader.map(|times| (times, Fall::Frozen));
        self.kill_leader.map(|times| (times, Fall::Killed)).or(frozen)
    }

    fn options(&self) -> Options {
        let signatures = match self.signatures {
            Signed::Each => Signatures::Each,
            Signed::Envelope => Signatures::Envelope(self.envelope_ops),
        };
        Options {
            payload_bytes: self.payload,
            clients: self.clients,
            in_flight: self.in_flight,
            connections: self.connections.unwrap_or_else(|| Options::connections_for(self.clients)),
            measured: Duration::from_secs(self.seconds),
            warm_up: Duration::from_secs(self.warm_up),
            batch_max: self.batch_max,
            signatures,
            rate: self.rate,
            data: self.data.clone(),
            kinds: self.kinds,
        }
    }

    fn measure(&self, options: &Options, root: &std::path::Path, output: Output) -> Result<(), Failure> {
        let begun = Instant::now();
        let folder = ClusterFolder::new(root);
        let file = folder.create(self.replicas, self.port, false, Parameters::default())?;
        // What is measured with default settings keeps them.
        let is_default = self.kill_leader.is_some()
            || self.freeze_leader.is_some()
            || self.first_commit
            || self.idle.is_some();
        let batch_max = self.batch_max.filter(|_| !is_default);
        let configuration = batch_max
            .map(|batch_max| Configuration { batch_max: Some(batch_max), ..Configuration::default() });
        let program = std::env::current_exe().map_err(Failure::failed)?;
        let mut replicas = Replicas::start(&program, folder.homes(), configuration)?;
        let runtime = wide_runtime()?;
        let progress: &(dyn Fn(&str) + Sync) = &note;
        runtime.block_on(async {
            if self.first_commit {
                let report = outvote_bench::first_commit(&file, begun).await?;
                output.print(&report, |report| report.in_words())?;
            } else if let Some(seconds) = self.idle {
                let seconds = Duration::from_secs(seconds);
                let report = outvote_bench::idle(&file, &mut replicas, seconds, progress).await?;
                output.print(&report, |report| report.in_words())?;
            } else if let Some((times, fall)) = self.falls() {
                let report = outvote_bench::failover(&file, &mut replicas, times, fall, progress).await?;
                output.print(&report, |report| report.in_words())?;
            } else {
                let report = outvote_bench::throughput(&file, &mut replicas, options, root, progress).await?;
                output.print(&report, |report| report.in_words())?;
            }
            Ok::<(), Failure>(())
        })?;
        replicas.stop();
        Ok(())
    }
}
