//! Runs ordered operations in the application: sessions, state digest, snapshots, state transfer.
//!
//! An application implements [`Application`] and keeps everything in an ordered key-value space ([`StateWriter`]). The
//! [`Executor`] feeds it one committed block at a time, sees to it that each client's operations run once and in order,
//! keeps a digest of the whole state up to date while writing, and hands snapshots to replicas that fell behind.
//!
//! Reading order: [`application`], [`state`], [`backend`], [`executor`], [`session`], [`lthash`], [`checkpoint`],
//! [`transfer`].

pub mod application;
pub mod backend;
pub mod checkpoint;
pub mod error;
pub mod executor;
mod flush;
pub mod hash_memo;
mod install;
mod layout;
pub mod lthash;
pub mod memory;
mod merge;
pub mod result;
mod run;
pub mod sandbox;
pub mod session;
mod session_cache;
pub mod state;
mod store;
pub mod transfer;

pub use application::{Application, Context};
pub use backend::{Backend, BackendError, BackendSnapshot, SUMS_PER_DISK_ROW, Value, Writes};
pub use checkpoint::CheckpointState;
pub use error::ExecutionError;
pub use executor::{Executor, ExecutorConfig};
pub use hash_memo::HashMemo;
pub use layout::MAX_APPLICATION_KEY_BYTES;
pub use memory::MemoryBackend;
pub use outvote_types::Answer;
pub use result::{Alarm, BlockResult, ExecutedOperation};
pub use sandbox::Sandbox;
pub use session::SessionStanding;
pub use state::{StateReader, StateWriter};
pub use transfer::{Transfer, TransferOutput};
