//! What will happen, in the order of time.

use crate::plan::Fault;
use outvote_replica::Event;
use outvote_types::client::{ProvenResult, ToClient, ToReplica};
use outvote_types::{Data, Fetch, ReplicaId, Reply, Request, Signed};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Something that will happen. What is large is boxed: thousands of these are moved about while they wait.
pub(crate) enum Happening {
    /// A frame arrives.
    Frame { from: ReplicaId, to: ReplicaId, frame: Arc<[u8]> },
    /// Something inside one replica's process; void if it restarted since.
    Local { at: ReplicaId, incarnation: u64, what: Local },
    /// A client's request arrives.
    Submit { to: ReplicaId, request: Box<Request> },
    /// A replica's answer arrives.
    Answer { client: usize, answer: Box<(Signed<Reply>, Vec<ProvenResult>)> },
    /// A client wants to act.
    ClientWake { client: usize },
    /// What a session says arrives at a replica.
    Asked { client: usize, to: ReplicaId, message: Box<ToReplica> },
    /// What a replica says arrives at a session.
    Told { client: usize, from: ReplicaId, message: Box<ToClient> },
    /// A session's timer rings.
    SessionWake { client: usize },
    /// A session's link to a replica came up or went down.
    SessionLink { client: usize, peer: ReplicaId, up: bool },
    /// Something goes wrong.
    Fault(Box<Fault>),
}

/// Something inside one replica's process.
pub(crate) enum Local {
    /// The flush is done.
    Flushed,
    /// An event for the replica.
    Event(Box<Event>),
    /// A block is executed.
    Execute,
    /// An answer to a peer is looked up.
    Serve { to: ReplicaId, fetch: Box<Fetch> },
    /// An answer for the state transfer.
    StateData { from: ReplicaId, data: Box<Data> },
    /// A timer rings.
    Wake,
}

struct Entry {
    /// When, and the how-manieth to be entered: what was entered first happens first at equal times.
    key: (u64, u64),
    happening: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// All that will happen.
#[derive(Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    entered: u64,
}

impl Agenda {
    pub(crate) fn add(&mut self, at_us: u64, happening: Happening) {
        self.entered += 1;
        self.heap.push(Reverse(Entry { key: (at_us, self.entered), happening }));
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(entry)| entry.key.0)
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, Happening)> {
        self.heap.pop().map(|Reverse(entry)| (entry.key.0, entry.happening))
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Happening) -> bool) {
        self.heap.retain(|Reverse(entry)| keep(&entry.happening));
    }
}
