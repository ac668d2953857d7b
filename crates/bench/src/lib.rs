//! Measures a cluster of real processes: TLS, fsync, every answer checked.
//!
//! The load generator and the replicas are different processes, so that their processor time is told apart. Reading
//! order: `options` is what was asked; `payloads` makes operations; `recorder` keeps latencies; `load` drives closed and
//! open loops; `replicas` starts, kills and stops processes; `usage` reads what the kernel counted, `kinds` what the
//! processors did; `host` and `model` say what this machine could do at best; `runs` puts a measurement together and `report`
//! is its printed shape; `page` is what pages of measurements share; `attack` measures what users lose while somebody attacks,
//! `growth` how all of it grows.

mod error;

mod options;
mod payloads;
mod recorder;

mod breakdown;
mod kinds;
mod load;
mod replicas;
mod usage;

mod host;
mod model;

mod report;
mod runs;

pub mod page;

pub mod attack;

pub mod growth;

pub use breakdown::{Breakdown, Cost};
pub use error::BenchError;
pub use host::HostRates;
pub use kinds::{Kind, kind_of, kinds_of};
pub use model::{Limit, Work};
pub use options::{Options, Signatures};
pub use payloads::Payloads;
pub use recorder::{Latency, Recorder};
pub use replicas::{Configuration, Replicas, configured};
pub use report::{CpuSeconds, FailoverReport, FirstCommitReport, IdleReport, ThroughputReport};
pub use runs::{Fall, Progress, failover, first_commit, idle, throughput};
pub use usage::{Usage, cpu_seconds_of_stat, kib_of_status};
