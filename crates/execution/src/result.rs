//! What came of a block.

use outvote_types::{Answer, Digest, Nonce, PublicKey, ResultLeaf, Sequence, merkle};

/// One operation's result; one for each leaf under the result root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedOperation {
    /// The session that ordered it.
    pub session: PublicKey,
    /// The session's nonce.
    pub nonce: Nonce,
    /// The leaf: request digest, index in its envelope, kind, digest of the answer.
    pub leaf: ResultLeaf,
    /// The answer whose digest the leaf carries.
    pub answer: Answer,
    /// Who wrote it.
    pub author: PublicKey,
    /// Whether it only reads.
    pub query: bool,
    /// Its payload.
    pub payload: Vec<u8>,
    /// The block in which its request stands: this one, or an earlier one if the request was held until now.
    pub ordered_at: Sequence,
}

/// Something that people must hear about. Never part of the agreed results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The application panicked; the operation was refused and undone.
    Panicked {
        /// The operation's place among the block's results.
        position: u32,
        /// The panic's message.
        message: String,
    },
    /// The application, given the same operation twice, did two different things. Replicas will diverge.
    NotDeterministic {
        /// The operation's place among the block's results.
        position: u32,
        /// What differed.
        what: &'static str,
    },
}

/// What came of one block: all that is needed to answer clients and to build receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockResult {
    /// The block's place.
    pub sequence: Sequence,
    /// The block.
    pub id: Digest,
    /// Merkle root over the result leaves; goes into the REPLY.
    pub result_root: Digest,
    /// The results, in the order of the leaves.
    pub results: Vec<ExecutedOperation>,
    /// The digests of the result leaves, for [`merkle::path`].
    pub leaves: Vec<Digest>,
    /// The digests of the payload leaves of the block's own operations, for [`merkle::path`].
    pub payload_leaves: Vec<Digest>,
    /// Where a checkpoint is due, the state's root. The state is then durable and its snapshot is kept.
    pub state_root: Option<Digest>,
    /// What people must hear about.
    pub alarms: Vec<Alarm>,
}

impl BlockResult {
    /// Result `position` with its way to the result root.
    #[must_use]
    pub fn path(&self, position: usize) -> Option<merkle::Path> {
        merkle::path(&self.leaves, position)
    }
}
