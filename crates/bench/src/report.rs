//! The printed shapes. Fields are added freely, renamed or dropped never without a line in the changelog.

use crate::breakdown::Cost;
use crate::kinds::Kind;
use crate::recorder::Latency;
use serde::Serialize;

/// Processor seconds inside the measured time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CpuSeconds {
    /// All replicas together.
    pub replicas: f64,
    /// The load generator.
    pub clients: f64,
}

/// `bench --output json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ThroughputReport {
    /// Replicas.
    pub n: usize,
    /// `byzantine`.
    pub mode: &'static str,
    /// Bytes of an operation.
    pub payload_bytes: usize,
    /// Requests that make a batch.
    pub batch_max: usize,
    /// Whether no batch held more, or more under load.
    pub batch_is_fixed: bool,
    /// Requests in a block, on average over what was measured.
    pub batch_mean: usize,
    /// `each` or `envelope`.
    pub signatures: &'static str,
    /// Operations under one signature.
    pub envelope_ops: usize,
    /// Whether the log is synced before anything depends on it; always.
    pub fsync: bool,
    /// Whether links are encrypted; always.
    pub tls: bool,
    /// Client keys.
    pub clients: usize,
    /// Requests of a client in flight.
    pub in_flight: usize,
    /// Sets of links that the clients share.
    pub connections: usize,
    /// The open loop's operations a second; absent for a closed loop.
    pub rate: Option<u64>,
    /// How long was measured.
    pub seconds: f64,
    /// Operations that committed in that time, each answer checked against `f + 1` signed replies.
    pub committed_ops: u64,
    /// The same a second.
    pub ops_per_s: f64,
    /// From the intended start to the checked answer.
    pub latency_ms: Latency,
    /// Processor time.
    pub cpu_seconds: CpuSeconds,
    /// Processor microseconds of all processes for an operation.
    pub cpu_us_per_op: f64,
    /// The same by kind of work, the dearest first.
    pub costs: Vec<Cost>,
    /// The same by kind of instructions, from samples; empty unless asked for.
    pub kinds: Vec<Kind>,
    /// The highest resident memory of a replica.
    pub rss_mib_max: f64,
    /// What this machine could commit at best.
    pub limit_ops_per_s: f64,
    /// How much of it was reached.
    pub fraction_of_limit: f64,
    /// How the limit is reckoned.
    pub limit_model: String,
    /// Cores of this machine.
    pub cores: usize,
    /// Programs that wanted to run at the start and at the end: anything well above the cores means a busy machine.
    pub load_average: (f64, f64),
    /// Deadlines that passed; such requests were asked for again.
    pub deadlines_passed: u64,
}

impl ThroughputReport {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let kind = match self.rate {
            Some(rate) => format!("open loop at {rate} ops/s"),
            None => format!("closed loop, {} in flight each", self.in_flight),
        };
        format!(
            "{} replicas, {} clients ({kind}), {} bytes, signatures: {} ({} ops), batches of {} on average, fsync, TLS, every answer checked\n\
             committed   {} operations in {:.1} s: {:.0} ops/s\n\
             latency     p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms\n\
             processor   replicas {:.2} s, clients {:.2} s: {:.1} us an operation (load average {:.1} -> {:.1} on {} cores)\n\
             {}memory      {:.1} MiB resident in the largest replica\n\
             limit       {:.0} ops/s on this machine; reached {:.0} %\n\
             \x20           {}",
            self.n,
            self.clients,
            self.payload_bytes,
            self.signatures,
            self.envelope_ops,
            self.batch_mean,
            self.committed_ops,
            self.seconds,
            self.ops_per_s,
            self.latency_ms.p50,
            self.latency_ms.p90,
            self.latency_ms.p99,
            self.latency_ms.max,
            self.cpu_seconds.replicas,
            self.cpu_seconds.clients,
            self.cpu_us_per_op,
            self.load_average.0,
            self.load_average.1,
            self.cores,
            self.costs_in_words() + &self.kinds_in_words(),
            self.rss_mib_max,
            self.limit_ops_per_s,
            self.fraction_of_limit * 100.0,
            self.limit_model
        )
    }
}

impl ThroughputReport {
    /// A line for each kind of work.
    fn costs_in_words(&self) -> String {
        let line = |cost: &Cost| {
            let (work, us, system) = (cost.work, cost.us(), cost.system_us);
            format!("            {us:7.1} us {work} ({system:.1} of it in the kernel)\n")
        };
        self.costs.iter().map(line).collect()
    }

    fn kinds_in_words(&self) -> String {
        if self.kinds.is_empty() {
            return String::new();
        }
        let lines = self.kinds.iter().map(|kind| format!("            {:7.1} us {}\n", kind.us, kind.work));
        lines.fold("by kind     (sampled)\n".to_owned(), |text, line| text + &line)
    }
}

/// `bench --kill-leader` and `bench --freeze-leader`, `--output json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FailoverReport {
    /// Replicas.
    pub n: usize,
    /// How the leader was lost: `killed` or `frozen`.
    pub fall: &'static str,
    /// How often it was.
    pub kills: usize,
    /// From SIGKILL, or SIGSTOP, to the commit of the first operation submitted after it: the median.
    pub failover_ms: f64,
    /// Each of them, in order.
    pub each_ms: Vec<f64>,
    /// Programs that wanted to run.
    pub load_average: f64,
}

/// `bench --first-commit --output json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FirstCommitReport {
    /// Replicas.
    pub n: usize,
    /// From an empty folder to the first checked answer, keys included.
    pub first_commit_s: f64,
    /// Programs that wanted to run.
    pub load_average: f64,
}

/// `bench --idle SECONDS --output json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IdleReport {
    /// Replicas.
    pub n: usize,
    /// How long was measured.
    pub seconds: f64,
    /// Processor time of all replicas together, in percent of one core.
    pub cpu_percent_of_one_core: f64,
    /// The highest resident memory of a replica.
    pub rss_mib_max: f64,
    /// Programs that wanted to run.
    pub load_average: f64,
}

impl FailoverReport {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let each: Vec<String> = self.each_ms.iter().map(|ms| format!("{ms:.0}")).collect();
        format!(
            "{} replicas, leader {} {} times: next commit after {:.0} ms (median of {}; load average {:.1})",
            self.n,
            self.fall,
            self.kills,
            self.failover_ms,
            each.join(", "),
            self.load_average
        )
    }
}

impl FirstCommitReport {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{} replicas, from an empty folder to the first checked answer: {:.2} s (load average {:.1})",
            self.n, self.first_commit_s, self.load_average
        )
    }
}

impl IdleReport {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{} idle replicas use {:.2} % of one core ({:.0} s measured); {:.1} MiB resident in the largest (load average {:.1})",
            self.n, self.cpu_percent_of_one_core, self.seconds, self.rss_mib_max, self.load_average
        )
    }
}
