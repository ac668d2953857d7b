//! Links between machines that may lie: who is let in, what is taken from them, and what breaks off. `storms` and `chaos` count
//! what their process holds, and are programs of their own.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

mod clients;
mod frames;
mod hellos;
mod members;
mod refusals;
mod replays;
mod run_twice;
mod tls;
