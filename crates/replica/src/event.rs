//! Everything that can happen to a replica in a jar.

use outvote_protocol::Ticket;
use outvote_types::{
    CheckpointCertificate, Data, Digest, Fetch, ReplicaId, Request, Sequence, SignedHeader, Verified,
};

/// Names one verification job that was handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// One event. Each comes with the monotonic time and the wall-clock time at which it happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// One message from a peer whose link is authenticated.
    Frame {
        /// The link's other end.
        from: ReplicaId,
        /// Whatever it sent; nothing about it is believed yet.
        bytes: Vec<u8>,
    },
    /// A request of one of our own clients, already verified through `outvote-crypto`.
    Request(Verified<Request>),
    /// The answer to an [`crate::Action::Verify`]: one verdict per check, in order.
    Checked {
        /// The job.
        job: JobId,
        /// Whether each signature holds.
        verdicts: Vec<bool>,
    },
    /// The records of this ticket, and of all earlier ones, are on disk.
    Durable(Ticket),
    /// The application executed a committed block.
    Executed {
        /// The block's place.
        sequence: Sequence,
        /// The root of its results.
        result_root: Digest,
        /// The state's root after it; given where a checkpoint is due, once that snapshot is durable.
        state_root: Option<Digest>,
    },
    /// A state fetched from peers is installed and durable.
    StateInstalled {
        /// The checkpoint that proved it.
        certificate: CheckpointCertificate,
        /// The header of the checkpoint's block.
        header: Box<SignedHeader>,
    },
    /// A state transfer came to nothing; our own state goes on.
    StateKept {
        /// The header of the last executed block; `None` at genesis.
        header: Option<Box<SignedHeader>>,
    },
    /// The state transfer wants this asked. Only [`Fetch::Manifest`] and [`Fetch::Bucket`] are expected here; the asker's
    /// name in it must be ours.
    FetchState {
        /// Whom to ask.
        to: ReplicaId,
        /// What.
        fetch: Fetch,
    },
    /// The archive's or the executor's answer to an [`crate::Action::Serve`].
    Served {
        /// Who asked.
        to: ReplicaId,
        /// What was found.
        data: Data,
    },
    /// A link went up or down.
    Link {
        /// The other end.
        peer: ReplicaId,
        /// Whether it is usable.
        up: bool,
    },
    /// The disk has not finished a write for so long that nothing may rest on it, or it has at last.
    Disk {
        /// Whether it is stuck.
        is_stuck: bool,
    },
    /// The process is about to stop in order. A leader's farewell is the answer.
    Stopping,
    /// Time passed.
    Tick,
}
