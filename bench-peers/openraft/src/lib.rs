//! A replicated key-value store on openraft: what a user of that crate would have to write around it.
//!
//! Reading order: `types` is what is replicated; `log_file` is the disk; `log_store` and `state` are what openraft asks for;
//! `network` carries its messages; `groups` puts operations that wait together into one entry of the log.

#![allow(clippy::result_large_err, reason = "the errors are openraft's own")]

mod types;

mod log_file;

mod log_store;
mod state;

mod network;

mod groups;

pub use groups::Groups;
pub use log_file::LogFile;
pub use log_store::LogStore;
pub use network::{Network, answer_member};
pub use state::State;
pub use types::{Group, TypeConfig};
