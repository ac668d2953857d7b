//! Everything that can happen to a replica. What is not listed cannot affect one.

use crate::output::Ticket;
use alloc::boxed::Box;
use outvote_types::{
    CheckpointCertificate, Digest, Message, ReplicaId, Request, Sequence, SignedHeader, Verified,
};

/// One event. Each comes with the monotonic time and the wall-clock time at which it happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message whose every signature holds. `from` is the authenticated link on which it came; our own messages come
    /// back through this door too (`from` is this replica), once what they promise is durable and they are signed.
    Message {
        /// The link's other end, not necessarily the signer.
        from: ReplicaId,
        /// The message.
        message: Verified<Message>,
    },
    /// A request of one of our own clients.
    Request(Verified<Request>),
    /// A batch with this digest holds a request that no rule allows (a bad signature, an empty envelope). Whoever signed
    /// a header that names it has misbehaved.
    InvalidBatch {
        /// The batch's digest.
        digest: Digest,
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
    /// A state fetched from peers is installed and durable; execution goes on above it.
    StateInstalled {
        /// The checkpoint that proved it.
        certificate: CheckpointCertificate,
        /// The header of the checkpoint's block.
        header: Box<SignedHeader>,
    },
    /// No state was fetched, since nobody could send one to its end or ours had come as far by itself; execution goes on above
    /// our own one.
    StateKept {
        /// The header of the last executed block; `None` at genesis.
        header: Option<Box<SignedHeader>>,
    },
    /// The process is about to stop in order; nothing more is asked of this replica but to say farewell.
    Stopping,
    /// The disk has not finished a write for so long that nothing may rest on it, or it has at last (D28).
    Disk {
        /// Whether it is stuck.
        is_stuck: bool,
    },
    /// A link went up or down.
    Link {
        /// The other end.
        peer: ReplicaId,
        /// Whether it is usable.
        up: bool,
    },
    /// Time passed.
    Tick,
}
