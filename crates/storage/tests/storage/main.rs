//! Logs and states on disks that crash, fail, fill up, lie and rot. `promise_stories` is a program of its own, for campaigns.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod harness;
#[path = "../../../outvote/tests/cluster/skipped.rs"]
mod skipped;

mod crash_points;
mod disk;
mod flips;
mod folder;
mod log_crash;
mod log_damage;
mod log_misdirected;
mod lying_disks;
mod promises;
mod state;
mod state_file;
