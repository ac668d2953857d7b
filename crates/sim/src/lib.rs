//! A virtual network, clock and disk for whole clusters, checkers that are separate from what they check, and the
//! abstract model of the protocol.
//!
//! Rings 1 and 2 run here exactly as shipped, with execution, liars and clients, on one thread and from one seed: the same
//! seed gives the same trace, byte for byte. [`campaign()`] runs many seeds, several at once, [`replay`] one of them with the text of what
//! happened; [`World`] is the stage for scenarios.

pub mod random;

pub mod model;

mod application;
mod archive;
mod atlas;
pub mod client;
pub mod disk;
pub mod keys;
mod words;

pub mod session_client;

pub mod network;
pub mod plan;

mod fault;
mod swarm;

pub mod coverage;

pub mod machine;
pub mod trace;

pub mod checkers;

mod agenda;
mod carry;
pub mod gateway;
mod pause;
mod rollback;
mod strike;
mod strike_disk;
pub mod world;

mod crew;
mod panics;

pub mod audit;

mod colluders;

pub mod outcome;

pub mod shrink;

pub mod growth;

pub mod arena;
pub mod mutation;
pub mod twins;

pub mod campaign;

pub use campaign::{Options, Report, campaign};
pub use checkers::Violation;
pub use network::{Kind, Verdict};
pub use outcome::{Mode, Outcome, Run, replay, run, run_plan};
pub use plan::{Fault, Network, Plan, Step, Trap};
pub use shrink::{Reduction, shrink};
pub use world::World;
