//! Ring 1: the rules of one replica. Pure: no bytes, no keys, no clock, no I/O.
//!
//! Everything that can happen to a replica is an [`Input`]; everything that it can ask for is an [`Output`]. The rules
//! carry the numbers of `docs/protocol.md`.
#![no_std]

extern crate alloc;

mod config;
mod input;
mod limits;
mod output;
mod record;
mod status;

mod replica;

mod peer;
mod promise;
mod recover;
mod reminder;
mod rollback;
mod slot;
mod term;
mod window;
mod word;

mod growth;
mod pool;
mod relay;
mod turnover;

mod commit;
mod normal;
mod propose;
mod time;

mod batches;
mod catch_up;
mod fetch;
mod found;
mod question;
mod range;

mod evidence;
mod new_view;
mod performance;
mod retransmit;
mod suspicion;
mod tenure;
mod timers;
mod view_change;

mod checkpoint;

mod invariants;
mod sizes;
mod wants;

pub use config::{Config, Tunables};
pub use input::Input;
pub use output::{CommittedBlock, Draft, Note, Output, Recipients, Ticket};
pub use record::{Justification, Promise, Record, Recovered, Voting};
pub use replica::Replica;
pub use sizes::Sizes;
pub use status::Status;
