//! A committed block together with what came of it, as it is kept.

use borsh::io::{Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_execution::{BlockResult, ExecutedOperation};
use outvote_replica::CommittedBlock;
use outvote_types::limits::MAX_OPERATION_BYTES;
use outvote_types::{
    Answer, Blob, Block, Digest, Header, Nonce, PublicKey, ResultKind, ResultLeaf, Sequence,
};
use std::sync::Arc;

/// What an operation takes besides its payload and its answer, roughly and never less.
const RESULT_OVERHEAD_BYTES: usize = 256;

/// One executed operation, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ArchivedResult {
    pub(crate) session: PublicKey,
    pub(crate) nonce: Nonce,
    pub(crate) author: PublicKey,
    pub(crate) leaf: ResultLeaf,
    pub(crate) answer: Answer,
    /// The block in which the request stands: this one, or an earlier one if it was held.
    pub(crate) ordered_at: Sequence,
    /// The payload of a request that stands in an earlier block, which may be gone by the time it is asked for.
    pub(crate) held_payload: Option<Blob<MAX_OPERATION_BYTES>>,
}

impl ArchivedResult {
    fn new(operation: &ExecutedOperation, executed_at: Sequence) -> Self {
        let is_held = operation.ordered_at != executed_at;
        Self {
            session: operation.session,
            nonce: operation.nonce,
            author: operation.author,
            leaf: operation.leaf.clone(),
            answer: operation.answer.clone(),
            ordered_at: operation.ordered_at,
            held_payload: is_held.then(|| Blob::new(operation.payload.clone())).flatten(),
        }
    }

    /// Whether this leaf is the one that a client waits for, and not a note on a copy of it.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self.leaf.kind, ResultKind::Applied | ResultKind::Refused)
    }

    /// Whether it tells what became of this request.
    pub(crate) fn is_result_of(&self, session: &PublicKey, nonce: Nonce) -> bool {
        self.session == *session && self.nonce == nonce && self.is_final()
    }

    fn bytes(&self) -> usize {
        let answer = match &self.answer {
            Answer::Done(bytes) => bytes.len(),
            Answer::Refused { code, message } => code.len() + message.len(),
        };
        answer + self.held_payload.as_ref().map_or(0, |payload| payload.len()) + RESULT_OVERHEAD_BYTES
    }
}

/// A committed and executed block. The block itself is shared with the core: there is one copy in memory.
#[derive(Clone, Debug)]
pub(crate) struct ArchivedBlock {
    pub(crate) committed: Arc<CommittedBlock>,
    pub(crate) result_root: Digest,
    pub(crate) results: Vec<ArchivedResult>,
}

impl ArchivedBlock {
    pub(crate) fn new(committed: &Arc<CommittedBlock>, result: &BlockResult) -> Self {
        let results = result.results.iter().map(|operation| ArchivedResult::new(operation, result.sequence));
        Self { committed: Arc::clone(committed), result_root: result.result_root, results: results.collect() }
    }

    pub(crate) fn id(&self) -> Digest {
        self.committed.id
    }

    pub(crate) fn block(&self) -> &Block {
        &self.committed.block
    }

    pub(crate) fn header(&self) -> &Header {
        &self.committed.block.header.body
    }

    pub(crate) fn sequence(&self) -> Sequence {
        self.header().sequence
    }

    /// The requests that came to their end in it, each once: the operations of one stand together.
    pub(crate) fn ended_requests(&self) -> impl Iterator<Item = (PublicKey, Nonce)> {
        let mut last = None;
        let names = self.results.iter().filter(|result| result.is_final());
        names
            .map(|result| (result.session, result.nonce))
            .filter(move |name| last.replace(*name) != Some(*name))
    }

    /// The digests of the result leaves.
    pub(crate) fn leaves(&self) -> Vec<Digest> {
        self.results.iter().map(|result| result.leaf.digest()).collect()
    }

    /// What it takes in memory and on disk, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let batches = self.header().batches.iter().map(|batch| batch.bytes as usize).sum::<usize>();
        batches + self.results.iter().map(ArchivedResult::bytes).sum::<usize>() + 1024
    }
}

impl BorshSerialize for ArchivedBlock {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.committed.id.serialize(writer)?;
        self.committed.block.serialize(writer)?;
        self.result_root.serialize(writer)?;
        self.results.serialize(writer)
    }
}

impl BorshDeserialize for ArchivedBlock {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let id = Digest::deserialize_reader(reader)?;
        let block = Block::deserialize_reader(reader)?;
        // The certificate has a table of its own: it may come later than its block.
        let committed = Arc::new(CommittedBlock { id, block, certificate: None });
        let result_root = Digest::deserialize_reader(reader)?;
        Ok(Self { committed, result_root, results: Vec::deserialize_reader(reader)? })
    }
}
