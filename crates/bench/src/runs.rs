//! Whole measurements, on replicas that run already.

use crate::error::BenchError;
use crate::host::HostRates;
use crate::kinds::{Sampler, kinds_of};
use crate::load::{connect, dispatch, workers};
use crate::model::Work;
use crate::options::Options;
use crate::payloads::Payloads;
use crate::recorder::Recorder;
use crate::replicas::Replicas;
use crate::report::{CpuSeconds, FailoverReport, FirstCommitReport, IdleReport, ThroughputReport};
use crate::usage::Usage;
use outvote_client::{Client, CommitteeFile};
use outvote_types::ReplicaId;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The requests that make a batch in the replicas' default configuration.
const DEFAULT_BATCH: usize = 50;
/// How long a cluster may take to be whole again after a replica was restarted.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(60);
/// How long the load's last requests may take.
const LAST_REQUESTS: Duration = Duration::from_secs(60);
/// Steady load before each kill, so that views and clocks have settled.
const BEFORE_KILL: Duration = Duration::from_millis(1500);
/// How long before the load's end the leader is looked for, so that the kill comes under load.
const LEADER_ASKED: Duration = Duration::from_millis(300);
/// How long replicas settle before their idleness is measured.
const BEFORE_IDLE: Duration = Duration::from_secs(5);

/// Takes a line about how far a long measurement is.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Programs that want to run, averaged over the last minute.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Measures throughput and latency.
///
/// # Errors
/// When the cluster does not serve, or a replica ends.
pub async fn throughput(
    file: &CommitteeFile,
    replicas: &mut Replicas,
    options: &Options,
    folder: &Path,
    progress: Progress<'_>,
) -> Result<ThroughputReport, BenchError> {
    options.check()?;
    let load_before = load_average();
    let payloads = Payloads::new(options)?;
    progress("connecting the clients");
    let workers = workers(file, options, &payloads, true).await?;
    let from = Instant::now() + options.warm_up;
    let until = from + options.measured;
    let recorder = Arc::new(Recorder::new(from, until));
    let mut tasks = JoinSet::new();
    match options.rate {
        None => {
            for worker in workers {
                tasks.spawn(worker.closed(options.in_flight, until, recorder.clone()));
            }
        }
        Some(rate) => {
            let starts = rate as f64 / options.signatures.operations() as f64;
            for (worker, starts) in
                workers.into_iter().zip(dispatch(options.clients, starts, move |intended| intended >= until)?)
            {
                tasks.spawn(worker.open(starts, recorder.clone()));
            }
        }
    }
    watch(from, &mut tasks, replicas, &|| progress("warming up")).await?;
    let watcher = connect(file, 99).await?;
    let blocks_before = blocks(&watcher).await;
    let (replicas_before, clients_before) = (replicas.usage(), Usage::of_this_process());
    let breakdown_before = replicas.breakdown();
    let sampler = options.kinds.then(|| Sampler::start(replicas.pids(), options.measured, folder));
    let told = || progress(&format!("{} operations committed", recorder.count()));
    watch(until, &mut tasks, replicas, &told).await?;
    let (replicas_used, clients_used) =
        (replicas.usage() - replicas_before, Usage::of_this_process() - clients_before);
    let breakdown = replicas.breakdown();
    let blocks = blocks(&watcher).await.saturating_sub(blocks_before);
    let samples = sampler.map(|sampler| sampler.and_then(Sampler::finish));
    finish(&mut tasks).await?;
    replicas.check()?;
    if let (1.., Some(why)) = recorder.refusals() {
        progress(&format!("{} requests were refused, first: {why}", recorder.refusals().0));
    }
    let batch = mean_batch(&recorder, options, blocks);
    progress("measuring this machine's signatures and hashes");
    let rates = HostRates::measure(batch, folder);
    let used = (replicas_used, clients_used);
    let report = report(file, options, &payloads, &rates, &recorder, batch, used, load_before);
    let kinds = match samples {
        Some(Ok(samples)) => kinds_of(&samples, report.cpu_us_per_op),
        Some(Err(why)) => {
            progress(&format!("no table of the kinds of work: {why}"));
            Vec::new()
        }
        None => Vec::new(),
    };
    let costs = breakdown.costs_since(&breakdown_before, report.committed_ops);
    Ok(ThroughputReport { costs, kinds, ..report })
}

/// Blocks that the first replica has executed.
async fn blocks(client: &Client) -> u64 {
    let told = client.inspect(ReplicaId(0), "status").await.unwrap_or_default();
    let status: Value = serde_json::from_str(&told).unwrap_or_default();
    status["replicas"][0]["executed"].as_u64().unwrap_or_default()
}

/// Requests in a block, on average over what was measured.
fn mean_batch(recorder: &Recorder, options: &Options, blocks: u64) -> usize {
    let requests = recorder.count() / (options.signatures.operations() as u64).max(1);
    let mean = requests as f64 / blocks.max(1) as f64;
    (mean.round() as usize).max(1)
}

#[allow(clippy::too_many_arguments, reason = "all that one report is made of, put together in one place")]
fn report(
    file: &CommitteeFile,
    options: &Options,
    payloads: &Payloads,
    rates: &HostRates,
    recorder: &Recorder,
    batch: usize,
    (replicas, clients): (Usage, Usage),
    load_before: f64,
) -> ThroughputReport {
    let n = file.committee.members.len();
    let per_signature = options.signatures.operations();
    let work = Work {
        n,
        f: (n - 1) / 3,
        cores: cores(),
        payload_bytes: payloads.mean_bytes(),
        operations_per_signature: per_signature,
        batch,
    };
    let limit = work.limit(rates);
    let (committed, seconds) = (recorder.count(), options.measured.as_secs_f64());
    let ops_per_s = committed as f64 / seconds;
    ThroughputReport {
        n,
        mode: "byzantine",
        payload_bytes: payloads.mean_bytes(),
        batch_max: options.batch_max.unwrap_or(DEFAULT_BATCH),
        batch_is_fixed: options.batch_max.is_some(),
        batch_mean: batch,
        signatures: options.signatures.in_words(),
        envelope_ops: per_signature,
        fsync: true,
        tls: true,
        clients: options.clients,
        in_flight: options.in_flight,
        connections: options.connections.min(options.clients),
        rate: options.rate,
        seconds,
        committed_ops: committed,
        ops_per_s,
        latency_ms: recorder.latency(),
        cpu_seconds: CpuSeconds { replicas: replicas.cpu_seconds, clients: clients.cpu_seconds },
        cpu_us_per_op: (replicas.cpu_seconds + clients.cpu_seconds) * 1e6 / committed.max(1) as f64,
        rss_mib_max: replicas.rss_peak_mib,
        limit_ops_per_s: limit.ops_per_s,
        fraction_of_limit: ops_per_s / limit.ops_per_s,
        limit_model: limit.model,
        cores: work.cores,
        load_average: (load_before, load_average()),
        deadlines_passed: recorder.deadlines_passed(),
        costs: Vec::new(),
        kinds: Vec::new(),
    }
}

pub(crate) type Tasks = JoinSet<Result<(), BenchError>>;

/// Waits until then, says each second how far it is, and ends early when a client or a replica fails.
pub(crate) async fn watch(
    until: Instant,
    tasks: &mut Tasks,
    replicas: &mut Replicas,
    tell: &(dyn Fn() + Sync),
) -> Result<(), BenchError> {
    while Instant::now() < until {
        let pause = until.saturating_duration_since(Instant::now()).min(Duration::from_secs(1));
        let failed = async {
            loop {
                match tasks.join_next().await {
                    Some(ended) => joined(ended)?,
                    None => std::future::pending::<()>().await,
                }
            }
        };
        tokio::select! {
            outcome = failed => return outcome,
            () = tokio::time::sleep(pause) => {}
        }
        replicas.check()?;
        tell();
    }
    Ok(())
}

fn joined(ended: Result<Result<(), BenchError>, tokio::task::JoinError>) -> Result<(), BenchError> {
    ended.unwrap_or_else(|error| Err(BenchError::Cluster(format!("lost a client of this program: {error}"))))
}

async fn finish(tasks: &mut Tasks) -> Result<(), BenchError> {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            joined(ended)?;
        }
        Ok(())
    };
    let late = || Err(BenchError::Cluster("does not finish the last requests within a minute".into()));
    tokio::time::timeout(LAST_REQUESTS, all).await.unwrap_or_else(|_| late())
}

/// The time from `begun` to the first commit. The replicas were started in between.
///
/// # Errors
/// When the cluster does not serve.
pub async fn first_commit(file: &CommitteeFile, begun: Instant) -> Result<FirstCommitReport, BenchError> {
    let options = Options { clients: 1, ..Options::default() };
    let mut workers = workers(file, &options, &Payloads::new(&options)?, false).await?;
    for worker in &mut workers {
        worker.submit_one().await?;
    }
    let first_commit_s = begun.elapsed().as_secs_f64();
    Ok(FirstCommitReport { n: file.committee.members.len(), first_commit_s, load_average: load_average() })
}

/// The processor time of replicas that nobody asks for anything.
///
/// # Errors
/// When the cluster does not serve.
pub async fn idle(
    file: &CommitteeFile,
    replicas: &mut Replicas,
    measured: Duration,
    progress: Progress<'_>,
) -> Result<IdleReport, BenchError> {
    first_commit(file, Instant::now()).await?;
    progress("letting the replicas settle");
    tokio::time::sleep(BEFORE_IDLE).await;
    let (before, begun) = (replicas.usage(), Instant::now());
    progress(&format!("measuring for {} s", measured.as_secs()));
    tokio::time::sleep(measured).await;
    let (used, seconds) = (replicas.usage() - before, begun.elapsed().as_secs_f64());
    replicas.check()?;
    Ok(IdleReport {
        n: file.committee.members.len(),
        seconds,
        cpu_percent_of_one_core: used.cpu_seconds / seconds * 100.0,
        rss_mib_max: used.rss_mib,
        load_average: load_average(),
    })
}

/// How a leader is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fall {
    /// SIGKILL: its connections close.
    Killed,
    /// SIGSTOP: its connections stay, and it says nothing more.
    Frozen,
}

/// Loses the leader in this way, again and again, under a light load.
///
/// # Errors
/// When the cluster does not recover.
pub async fn failover(
    file: &CommitteeFile,
    replicas: &mut Replicas,
    kills: usize,
    fall: Fall,
    progress: Progress<'_>,
) -> Result<FailoverReport, BenchError> {
    let options = Options { clients: 9, ..Options::default() };
    let payloads = Payloads::new(&options)?;
    let watcher = connect(file, 99).await?;
    let mut each_ms = Vec::with_capacity(kills);
    for number in 0..kills {
        healthy_leader(&watcher, file.committee.members.len()).await?;
        let mut crowd = workers(file, &options, &payloads, true).await?;
        let Some(mut probe) = crowd.pop() else { return Ok(FailoverReport::default()) };
        probe.submit_one().await?;
        let until = Instant::now() + BEFORE_KILL;
        let recorder = Arc::new(Recorder::new(until, until));
        let mut tasks = JoinSet::new();
        for worker in crowd {
            tasks.spawn(worker.closed(1, until, recorder.clone()));
        }
        tokio::time::sleep_until((until - LEADER_ASKED).into()).await;
        // Asked right before: the view may have changed since the replicas were whole.
        let leader = healthy_leader(&watcher, file.committee.members.len()).await?;
        let killed = match fall {
            Fall::Killed => replicas.kill(leader)?,
            Fall::Frozen => replicas.freeze(leader)?,
        };
        probe.submit_one().await?;
        let took_ms = killed.elapsed().as_secs_f64() * 1000.0;
        each_ms.push(took_ms);
        progress(&format!(
            "leader {} of {kills}: it was {leader}, next commit after {took_ms:.0} ms",
            number + 1
        ));
        finish(&mut tasks).await?;
        match fall {
            Fall::Killed => replicas.start_one(leader)?,
            Fall::Frozen => replicas.thaw(leader)?,
        }
    }
    let failover_ms = median(&each_ms);
    Ok(FailoverReport {
        n: file.committee.members.len(),
        fall: match fall {
            Fall::Killed => "killed",
            Fall::Frozen => "frozen",
        },
        kills,
        failover_ms,
        each_ms,
        load_average: load_average(),
    })
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The leader of a cluster in which everybody is in the same view.
pub(crate) async fn healthy_leader(client: &Client, n: usize) -> Result<usize, BenchError> {
    let until = Instant::now() + RECOVERY_PATIENCE;
    loop {
        let mut own = Vec::with_capacity(n);
        for id in (0..n).filter_map(|id| u16::try_from(id).ok()) {
            let told = client.inspect(ReplicaId(id), "status").await.ok();
            let report = told.and_then(|told| serde_json::from_str::<Value>(&told).ok()).unwrap_or_default();
            own.push(report["replicas"][usize::from(id)].clone());
        }
        let view = &own[0]["view"];
        // One that sits out this view after its restart (D rules) votes in the next: it counts as whole.
        let is_healthy = own.iter().all(|entry| entry["view"] == *view && entry["view"].is_u64());
        let leader = own.iter().position(|entry| entry["leader"] == true);
        match leader {
            Some(leader) if is_healthy => return Ok(leader),
            _ if Instant::now() > until => {
                let own = serde_json::json!(own);
                return Err(BenchError::Cluster(format!(
                    "is not whole again a minute after a restart: {own}"
                )));
            }
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
