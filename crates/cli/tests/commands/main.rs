//! The commands, run as people run them: the real binary, in a folder of its own. One program, so that what waits in one test
//! leaves the processor to another; what measures has a program to itself.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod bad_files;
mod chat;
mod colours;
mod demo;
mod disk_faults;
mod games;
mod greetings;
mod help;
mod homes;
mod import;
mod kv;
mod operators;
mod own_machines;
mod receipts;
mod rooms;
mod sim;
mod strangers;
mod traitor;
mod tui;
mod usage;
