//! Ring 3: the process around a replica. It moves bytes between sockets, files, threads and the sans-I/O rings inside, and
//! decides nothing about the protocol.
//!
//! Reading order: [`NodeConfig`] and [`Home`] are what a replica starts from; [`Node`] starts it; the threads are `core_thread`
//! (owns the replica), `log_thread` (owns the log), `execution_thread` (owns the state), `gateway` (owns the clients),
//! `workers` (verify signatures); `http` serves people.

mod error;
mod sync;
mod text_file;

mod config;
mod home;

mod clock;
mod report;
mod shared;

mod archive;
mod backend;
mod committer;
mod recovery;
mod state_file;

mod behaviour;
mod core_thread;
mod disk_watch;
mod execution_thread;
mod gateway;
mod held_folder;
mod inbox;
mod links;
mod log_thread;
mod state_transfer;
mod waiting_questions;
mod watch;
mod workers;

mod handle;
mod http;
mod node;
mod priority;
mod running;

#[doc(hidden)]
pub mod probes;

pub use config::{BatchConfig, Limits, LogConfig, LogFormat, Network, NodeConfig, Timeouts};
pub use error::NodeError;
pub use handle::{ExecutedBlock, ExecutedBlocks, ExecutedResult, NodeHandle};
pub use home::{Home, HomeKeys, load_committee};
pub use http::{ApiError, AppRoutes, Route, no_such_route, schema};
pub use node::{Listeners, Node};
#[cfg(feature = "demo")]
pub use outvote_adversary::Behaviour;
pub use report::{EvidenceReport, ReplicaReport, Report};
pub use running::RunningNode;
