//! The printed shape. Fields are added freely, renamed or dropped never without a line in the changelog.

use crate::figures::{Medians, Milliseconds, Round, medians, ratio};
use crate::plan::{PAYLOAD_BYTES, Plan};
use crate::systems::System;
use serde::Serialize;

/// The row that all are compared with.
const REFERENCE: &str = "etcd-3";
/// Ours with each operation signed.
const EACH: &str = "outvote";
/// Ours with one signature over fifty.
const ENVELOPE: &str = "outvote-envelope";

/// One system.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The program.
    pub system: &'static str,
    /// What `--only` calls the row.
    pub name: &'static str,
    /// What tells it from the program's other rows.
    pub variant: &'static str,
    /// The program's version.
    pub version: String,
    /// Members.
    pub members: usize,
    /// What it bears.
    pub tolerates: &'static str,
    /// What Outvote has on and it has not.
    pub switched_off: &'static [&'static str],
    /// What is on disk before a client is told.
    pub durable: &'static str,
    /// How it was loaded.
    pub client: &'static str,
    /// Saturated, a second.
    pub ops_per_s: Option<f64>,
    /// Saturated.
    pub latency_ms: Milliseconds,
    /// One client.
    pub one_in_flight_ms: Milliseconds,
    /// At 70 % of what was saturated.
    pub at_70_percent_ms: Milliseconds,
    /// The rate of that.
    pub at_70_percent_ops_per_s: Option<f64>,
    /// From SIGKILL of who leads to the next commit; absent where it was not measured.
    pub failover_ms: Option<f64>,
    /// What the medians are taken over.
    pub rounds: Vec<Round>,
}

impl Row {
    /// The medians of these rounds.
    #[must_use]
    pub fn new(system: &System, version: String, rounds: Vec<Round>) -> Self {
        let about = &system.about;
        let Medians { ops_per_s, latency_ms, one_in_flight_ms, steady_ms, steady_ops_per_s, failover_ms } =
            medians(&rounds);
        Self {
            system: about.system,
            name: about.name,
            variant: about.variant,
            version,
            members: about.members,
            tolerates: about.tolerates,
            switched_off: about.switched_off,
            durable: about.durable,
            client: about.client,
            ops_per_s,
            latency_ms,
            one_in_flight_ms,
            at_70_percent_ms: steady_ms,
            at_70_percent_ops_per_s: steady_ops_per_s,
            failover_ms,
            rounds,
        }
    }
}

/// What could not be run, or not to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The program.
    pub system: &'static str,
    /// What `--only` calls the row.
    pub name: &'static str,
    /// Why.
    pub reason: String,
}

impl Skipped {
    /// A system and why it could not be run.
    #[must_use]
    pub fn new(system: &System, reason: String) -> Self {
        Self { system: system.about.system, name: system.about.name, reason }
    }
}

/// Ours, divided by etcd's with three members; absent where one of both was not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Ratios {
    /// Throughput, each operation signed: more is better.
    pub signed_each: Option<f64>,
    /// Throughput, one signature over fifty: more is better.
    pub envelope_50: Option<f64>,
    /// Latency of a single client: less is better.
    pub p50_one_in_flight: Option<f64>,
    /// Latency at 70 %: less is better.
    pub p99_at_70_percent: Option<f64>,
    /// From the leader's death to the next commit: less is better.
    pub failover: Option<f64>,
}

/// `cargo xtask bench peers --output json`.
#[derive(Clone, Debug, Serialize)]
pub struct PeersReport {
    /// The machine.
    pub host: String,
    /// Bytes of an operation.
    pub payload_bytes: usize,
    /// How often all took their turn.
    pub rounds: usize,
    /// How long each load was measured.
    pub seconds: f64,
    /// Whether it was a short run.
    pub quick: bool,
    /// The command.
    pub command: String,
    /// The day.
    pub date: String,
    /// All that ran.
    pub rows: Vec<Row>,
    /// What did not.
    pub skipped: Vec<Skipped>,
    /// Ours by etcd's.
    pub ratios_to_etcd: Ratios,
}

/// A figure that there is: zero stands for none.
fn some(value: f64) -> Option<f64> {
    (value > 0.0).then_some(value)
}

/// The ratios of these rows.
#[must_use]
pub fn ratios(rows: &[Row]) -> Ratios {
    let row = |name: &str| rows.iter().find(|row| row.name == name);
    let (each, envelope, reference) = (row(EACH), row(ENVELOPE), row(REFERENCE));
    let by = |ours: Option<&Row>, pick: fn(&Row) -> Option<f64>| {
        ratio(ours.and_then(pick), reference.and_then(pick))
    };
    Ratios {
        signed_each: by(each, |row| row.ops_per_s),
        envelope_50: by(envelope, |row| row.ops_per_s),
        p50_one_in_flight: by(each, |row| some(row.one_in_flight_ms.p50)),
        p99_at_70_percent: by(each, |row| some(row.at_70_percent_ms.p99)),
        failover: by(each, |row| row.failover_ms),
    }
}

impl PeersReport {
    /// Puts a run together.
    #[must_use]
    pub fn new(
        plan: &Plan,
        (rows, skipped): (Vec<Row>, Vec<Skipped>),
        host: String,
        command: String,
        date: String,
    ) -> Self {
        Self {
            host,
            payload_bytes: PAYLOAD_BYTES,
            rounds: plan.rounds,
            seconds: plan.measured.as_secs_f64(),
            quick: plan.is_quick,
            command,
            date,
            ratios_to_etcd: ratios(&rows),
            rows,
            skipped,
        }
    }

    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = format!(
            "{:<18} {:>7} {:>10} {:>12} {:>12} {:>12}  switched off\n",
            "system", "members", "ops/s", "one, p50 ms", "70 %, p99 ms", "failover ms"
        );
        for row in &self.rows {
            words += &format!(
                "{:<18} {:>7} {:>10.0} {:>12.2} {:>12.1} {:>12}  {}\n",
                row.name,
                row.members,
                row.ops_per_s.unwrap_or_default(),
                row.one_in_flight_ms.p50,
                row.at_70_percent_ms.p99,
                row.failover_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0}")),
                row.switched_off.join(", ")
            );
        }
        for skipped in &self.skipped {
            words += &format!("not run: {}: {}\n", skipped.name, skipped.reason);
        }
        let ratios = self.ratios_to_etcd;
        let told = |name: &str, value: Option<f64>| {
            value.map_or_else(String::new, |value| format!("  {name} {value:.2}"))
        };
        words += "ratios to etcd with three members:";
        words += &told("signed each", ratios.signed_each);
        words += &told("envelope of 50", ratios.envelope_50);
        words += &told("p50 of one in flight", ratios.p50_one_in_flight);
        words += &told("p99 at 70 %", ratios.p99_at_70_percent);
        words += &told("failover", ratios.failover);
        words
    }
}
