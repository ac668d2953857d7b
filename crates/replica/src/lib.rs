//! Ring 2: a whole replica in a jar, bytes in and bytes out.
//!
//! The jar puts the steps of one replica in order: decode, pre-filter, verify, decide (ring 1, `outvote-protocol`), persist,
//! sign, send. It does no I/O, has no clock and no threads: an [`Event`] goes in, [`Action`]s come out, and whoever owns the
//! sockets and the disk carries them out. The simulator and the node run exactly this code.
//!
//! Two promises are kept here and nowhere else: nothing that ring 1 gates on a ticket is even *signed* before that ticket is
//! durable, and ring 1 never sees a message whose signatures were not checked.

mod action;
mod counters;
mod event;
mod gate;
mod intake;
mod outgoing;
mod replica;
mod signer;
mod sizes;
mod state_fetches;
mod trace;

pub use action::Action;
pub use counters::{Counters, MessageType};
pub use event::{Event, JobId};
pub use intake::{
    IN_PLACE_CHECKS, MAX_JOBS_PER_PEER, MAX_OPENED_BYTES_PER_PEER, MAX_OPENED_PER_PEER,
    MAX_WAITING_BYTES_PER_PEER, MAX_WAITING_FRAMES_PER_PEER,
};
pub use outgoing::URGENT_RELAY_BYTES;
pub use outvote_protocol::{
    CommittedBlock, Config, Justification, Note, Promise, Recipients, Record, Recovered, Status, Ticket,
    Tunables, Voting,
};
pub use replica::Replica;
pub use sizes::Sizes;
pub use trace::{MAX_TRACE_ENTRIES, TraceEntry};
