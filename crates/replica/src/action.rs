//! Everything that a replica in a jar can ask for.

use crate::event::JobId;
use outvote_crypto::Check;
use outvote_protocol::{CommittedBlock, Note, Recipients, Record, Ticket};
use outvote_types::evidence::Charge;
use outvote_types::{
    Certificate, CheckpointCertificate, Data, Evidence, Fetch, Nonce, PublicKey, ReplicaId, Reply, Sequence,
    Signed,
};
use std::sync::Arc;

/// One effect, for ring 3 or the simulator to carry out. The order within one step is the order in which they are meant;
/// nothing in it has to be waited for.
#[derive(Clone, Debug)]
pub enum Action {
    /// Append these records as one group, flush, then say [`crate::Event::Durable`]. A failed write stops the node (D20).
    Write {
        /// The group's name; tickets rise.
        ticket: Ticket,
        /// The records, in order.
        records: Vec<Record>,
    },
    /// Send these bytes: one canonical [`outvote_types::Message`].
    Send {
        /// To whom; never [`Recipients::Myself`].
        to: Recipients,
        /// Whether it travels on the connection that bulk data never blocks. Proposals do, whatever their size, so that no
        /// state transfer ever delays one (ADR 0005).
        urgent: bool,
        /// The bytes, encoded once and shared by all recipients.
        frame: Arc<[u8]>,
    },
    /// Check these signatures on some other thread, then say [`crate::Event::Checked`].
    Verify {
        /// The job's name.
        job: JobId,
        /// The signatures.
        checks: Vec<Check>,
    },
    /// Execute and archive this block; they come in order without gaps.
    Execute(Arc<CommittedBlock>),
    /// Archive this COMMIT certificate: it covers blocks that were executed before it came.
    Certified(Certificate),
    /// Give this word on an executed block to the clients whose requests are in it.
    Reply(Signed<Reply>),
    /// A peer asks for what only the archive or the executor holds; answer with [`crate::Event::Served`].
    Serve {
        /// Who asks.
        to: ReplicaId,
        /// For what.
        fetch: Fetch,
    },
    /// Start a state transfer to this stable checkpoint, then say [`crate::Event::StateInstalled`] or, if it comes to
    /// nothing, [`crate::Event::StateKept`].
    FetchState {
        /// The proof of what the state must be.
        certificate: CheckpointCertificate,
        /// Whether ours is wrong, and must not be gone back to.
        repair: bool,
    },
    /// An answer for the state transfer: a manifest, a bucket, or "gone". Its signatures hold; its bytes are still to be
    /// compared with the state root.
    StateData {
        /// Who answered.
        from: ReplicaId,
        /// With what.
        data: Data,
    },
    /// This checkpoint is stable: blocks below `retain_from` may be dropped from the log, and older snapshots.
    Stable {
        /// The proof.
        certificate: CheckpointCertificate,
        /// The lowest sequence whose block must stay.
        retain_from: Sequence,
    },
    /// A request of our client was refused.
    Refuse {
        /// The session.
        session: PublicKey,
        /// Its nonce.
        nonce: Nonce,
        /// Whether trying again later may help.
        busy: bool,
    },
    /// Proof of misbehaviour: keep it, show it.
    Accuse {
        /// The signed bytes.
        evidence: Box<Evidence>,
        /// What they say.
        charge: Charge,
    },
    /// Something that people, tests and traces may want to know.
    Note(Note),
}
