//! Executing what was agreed: operations, sessions, checkpoints, transfers.

mod checkpoints;
mod common;
mod damage;
mod digest;
mod flushes;
mod sessions;
mod transfers;
