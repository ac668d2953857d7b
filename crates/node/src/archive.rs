//! Committed blocks with their results: for receipts, for late followers and for peers that catch up.
//!
//! New blocks wait in memory until the executor's next commit takes them along; readers see both.

use crate::backend::Blocks;
use crate::error::NodeError;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_execution::BlockResult;
use outvote_replica::CommittedBlock;
use outvote_types::limits::{MAX_BLOCKS_PER_FETCH, MAX_MESSAGE_BYTES};
use outvote_types::{
    Answer, Block, BoundedVec, Certificate, Data, Digest, Nonce, PublicKey, ResultLeaf, Sequence, decode,
    encode,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const BLOCKS: &str = "blocks";
const CERTIFICATES: &str = "certificates";
const REQUESTS: &str = "requests";
const IDS: &str = "ids";
/// Bytes of blocks in one answer to a range fetch at most; leaves room for the certificate.
const RANGE_BYTES_MAX: usize = MAX_MESSAGE_BYTES / 2;

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
}

/// A committed and executed block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ArchivedBlock {
    pub(crate) id: Digest,
    pub(crate) block: Block,
    pub(crate) result_root: Digest,
    pub(crate) results: Vec<ArchivedResult>,
}

impl ArchivedBlock {
    pub(crate) fn new(committed: &CommittedBlock, result: &BlockResult) -> Self {
        let results = result.results.iter().map(|operation| ArchivedResult {
            session: operation.session,
            nonce: operation.nonce,
            author: operation.author,
            leaf: operation.leaf.clone(),
            answer: operation.answer.clone(),
            ordered_at: operation.ordered_at,
        });
        Self {
            id: committed.id,
            block: committed.block.clone(),
            result_root: result.result_root,
            results: results.collect(),
        }
    }

    pub(crate) fn sequence(&self) -> Sequence {
        self.block.header.body.sequence
    }

    /// The digests of the result leaves.
    pub(crate) fn leaves(&self) -> Vec<Digest> {
        self.results.iter().map(|result| result.leaf.digest()).collect()
    }
}

/// A change of one of the archive's tables: table, key, value.
pub(crate) type ArchiveChange = (&'static str, Vec<u8>, Option<Vec<u8>>);

/// Blocks that the next commit takes along.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    blocks: BTreeMap<Sequence, Arc<ArchivedBlock>>,
    certificates: BTreeMap<Sequence, Certificate>,
}

/// What one commit takes along.
pub(crate) struct Taken {
    pub(crate) changes: Vec<ArchiveChange>,
    blocks: Vec<Sequence>,
    certificates: Vec<Sequence>,
}

fn key(sequence: Sequence) -> [u8; 8] {
    sequence.0.to_be_bytes()
}

fn request_key(session: &PublicKey, nonce: Nonce) -> Vec<u8> {
    [&session.0[..], &nonce.0.to_be_bytes()].concat()
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change under the lock is a single insertion or removal, so a panic elsewhere leaves it whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The changes that a commit must make. They stay readable here until [`Self::stored`].
    pub(crate) fn take(&self) -> Taken {
        let inner = self.lock();
        let mut changes: Vec<ArchiveChange> = Vec::new();
        for (sequence, block) in &inner.blocks {
            changes.push((BLOCKS, key(*sequence).into(), Some(encode(&**block))));
            changes.push((IDS, block.id.0.into(), Some(key(*sequence).into())));
            for result in &block.results {
                let name = request_key(&result.session, result.nonce);
                if is_executed(result) {
                    changes.push((REQUESTS, name, Some(key(*sequence).into())));
                }
            }
        }
        for (sequence, certificate) in &inner.certificates {
            changes.push((CERTIFICATES, key(*sequence).into(), Some(encode(certificate))));
        }
        Taken {
            changes,
            blocks: inner.blocks.keys().copied().collect(),
            certificates: inner.certificates.keys().copied().collect(),
        }
    }

    /// The commit is durable: readers find these in the database now.
    pub(crate) fn stored(&self, taken: &Taken) {
        let mut inner = self.lock();
        for sequence in &taken.blocks {
            inner.blocks.remove(sequence);
        }
        for sequence in &taken.certificates {
            inner.certificates.remove(sequence);
        }
    }
}

/// Whether this leaf is the one that a client waits for, and not a note on a copy of it.
fn is_executed(result: &ArchivedResult) -> bool {
    use outvote_types::ResultKind::{Applied, Refused};
    matches!(result.leaf.kind, Applied | Refused)
}

/// The archive: cloneable, for all threads that read.
#[derive(Clone)]
pub(crate) struct Archive {
    pending: Arc<Pending>,
    stored: Blocks,
}

impl Archive {
    pub(crate) fn new(pending: Arc<Pending>, stored: Blocks) -> Self {
        Self { pending, stored }
    }

    /// Adds an executed block.
    pub(crate) fn add(&self, block: Arc<ArchivedBlock>, certificate: Option<Certificate>) {
        let mut inner = self.pending.lock();
        if let Some(certificate) = certificate {
            inner.certificates.insert(certificate.sequence, certificate);
        }
        inner.blocks.insert(block.sequence(), block);
    }

    /// Adds a COMMIT certificate for a block that is archived or will be.
    pub(crate) fn certify(&self, certificate: Certificate) {
        self.pending.lock().certificates.insert(certificate.sequence, certificate);
    }

    /// The block at `sequence`.
    pub(crate) fn block(&self, sequence: Sequence) -> Result<Option<Arc<ArchivedBlock>>, NodeError> {
        if let Some(block) = self.pending.lock().blocks.get(&sequence) {
            return Ok(Some(Arc::clone(block)));
        }
        self.stored_value::<ArchivedBlock>(BLOCKS, &key(sequence)).map(|block| block.map(Arc::new))
    }

    /// The block with this identity.
    pub(crate) fn block_by_id(&self, id: &Digest) -> Result<Option<Arc<ArchivedBlock>>, NodeError> {
        let waiting = self.pending.lock().blocks.values().find(|block| block.id == *id).cloned();
        if waiting.is_some() {
            return Ok(waiting);
        }
        match self.stored.get(IDS, &id.0)? {
            Some(at) => self.block(from_key(&at)),
            None => Ok(None),
        }
    }

    /// The COMMIT certificate of exactly this block, if one was ever held.
    pub(crate) fn certificate(&self, sequence: Sequence) -> Result<Option<Certificate>, NodeError> {
        if let Some(certificate) = self.pending.lock().certificates.get(&sequence) {
            return Ok(Some(certificate.clone()));
        }
        self.stored_value(CERTIFICATES, &key(sequence))
    }

    /// The block that executed this request.
    pub(crate) fn executed_at(
        &self,
        session: &PublicKey,
        nonce: Nonce,
    ) -> Result<Option<Sequence>, NodeError> {
        {
            let inner = self.pending.lock();
            let has = |block: &ArchivedBlock| {
                block.results.iter().any(|r| r.session == *session && r.nonce == nonce && is_executed(r))
            };
            if let Some(block) = inner.blocks.values().find(|block| has(block)) {
                return Ok(Some(block.sequence()));
            }
        }
        Ok(self.stored.get(REQUESTS, &request_key(session, nonce))?.map(|at| from_key(&at)))
    }

    /// The lowest archived block.
    pub(crate) fn oldest(&self) -> Result<Sequence, NodeError> {
        let page = self.stored.range(BLOCKS, Bound::Unbounded, Bound::Included(&key(Sequence(u64::MAX))))?;
        let stored = page.entries.first().map(|(at, _)| from_key(at));
        let waiting = self.pending.lock().blocks.keys().next().copied();
        Ok(stored.into_iter().chain(waiting).min().unwrap_or(Sequence(1)))
    }

    /// Blocks from `first` up to `last`, as many as fit, ending at one that has its own certificate.
    pub(crate) fn range(&self, first: Sequence, last: Sequence) -> Result<Option<Data>, NodeError> {
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        let mut end: Option<(usize, Certificate)> = None;
        let mut at = first;
        while blocks.len() < MAX_BLOCKS_PER_FETCH && (at <= last || end.is_none()) {
            let Some(archived) = self.block(at)? else { break };
            bytes += archived.block.header.body.batches.iter().map(|b| b.bytes as usize + 512).sum::<usize>();
            if bytes > RANGE_BYTES_MAX && !blocks.is_empty() {
                break;
            }
            blocks.push(archived.block.clone());
            if let Some(certificate) = self.certificate(at)? {
                end = Some((blocks.len(), certificate));
            }
            at = at.next();
        }
        Ok(end.map(|(count, certificate)| {
            blocks.truncate(count);
            Data::Range { blocks: BoundedVec::truncated(blocks), certificate }
        }))
    }

    fn stored_value<T: BorshDeserialize>(
        &self,
        table: &'static str,
        key: &[u8],
    ) -> Result<Option<T>, NodeError> {
        let Some(bytes) = self.stored.get(table, key)? else { return Ok(None) };
        decode(&bytes).map(Some).map_err(|error| NodeError::Archive { table, reason: error.to_string() })
    }
}

fn from_key(bytes: &[u8]) -> Sequence {
    Sequence(bytes.try_into().map_or(0, u64::from_be_bytes))
}
