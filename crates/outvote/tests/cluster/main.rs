//! Real replicas in one process: keys, TLS, disks, votes, liars, and clients that trust nobody.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod skipped;
mod support;

mod counting;
mod damage;
mod disks;
mod http;
mod liars;
mod outcomes;
mod poison;
mod receipts;
mod restarts;
mod retention;
mod states;
mod stream;
mod tenure;
mod wire;
