//! Committed blocks with their results: for receipts, for late followers and for peers that catch up.
//!
//! New blocks wait in memory until the executor's next commit takes them along; readers see both. Old ones are given up
//! by [`Archive::give_up`] and deleted, a portion with each commit.

mod block;
mod pending;
mod retention;
pub(crate) mod rows;

pub(crate) use block::{ArchivedBlock, ArchivedResult};
pub(crate) use pending::{ArchiveChange, Floor, Pending, Taken};
pub(crate) use retention::sweep;

use crate::backend::Blocks;
use crate::error::NodeError;
use crate::held_folder::HeldFolder;
use borsh::BorshDeserialize;
use outvote_types::limits::{MAX_BLOCKS_PER_FETCH, MAX_MESSAGE_BYTES};
use outvote_types::{BoundedVec, Certificate, Data, Digest, Nonce, PublicKey, Sequence, decode};
use std::sync::Arc;

const BLOCKS: &str = "blocks";
const PARTS: &str = "parts";
const CERTIFICATES: &str = "certificates";
const REQUESTS: &str = "requests";
const IDS: &str = "ids";
const FLOOR: &str = "floor";
const FLOOR_KEY: &[u8] = b"floor";
/// Bytes of blocks in one answer to a range fetch at most; leaves room for the certificate.
const RANGE_BYTES_MAX: usize = MAX_MESSAGE_BYTES / 2;

fn key(sequence: Sequence) -> [u8; 8] {
    sequence.0.to_be_bytes()
}

/// A block's place, as a key or a value of this table.
fn place(table: &'static str, bytes: &[u8]) -> Result<Sequence, NodeError> {
    let place = bytes.try_into().map(|bytes| Sequence(u64::from_be_bytes(bytes)));
    place.map_err(|_| NodeError::Archive {
        table,
        reason: format!("a block's place has 8 bytes and not {}", bytes.len()),
    })
}

fn request_key(session: &PublicKey, nonce: Nonce) -> Vec<u8> {
    [&session.0[..], &nonce.0.to_be_bytes()].concat()
}

fn read<T: BorshDeserialize>(
    stored: &Blocks,
    table: &'static str,
    key: &[u8],
) -> Result<Option<T>, NodeError> {
    let Some(bytes) = stored.get(table, key)? else { return Ok(None) };
    decode(&bytes).map(Some).map_err(|error| NodeError::Archive { table, reason: error.to_string() })
}

/// The archive: cloneable, for all threads that read.
#[derive(Clone)]
pub(crate) struct Archive {
    pending: Arc<Pending>,
    stored: Blocks,
    /// Let go of after the database: whoever can look something up keeps the folder locked.
    _folder: Arc<HeldFolder>,
}

impl Archive {
    /// The archive of a database that was just opened, whose state came to `executed`.
    pub(crate) fn open(
        pending: Arc<Pending>,
        stored: Blocks,
        executed: Sequence,
        folder: Arc<HeldFolder>,
    ) -> Result<Self, NodeError> {
        let mut floor = read::<Floor>(&stored, FLOOR, FLOOR_KEY)?.unwrap_or_default();
        let has_latest = executed == Sequence(0) || stored.get(BLOCKS, &key(executed))?.is_some();
        if !has_latest {
            // The state was installed from peers, and the process died before the floor was written.
            floor.oldest = floor.oldest.max(executed.next());
        }
        pending.start_at(floor);
        Ok(Self { pending, stored, _folder: folder })
    }

    /// Adds an executed block.
    pub(crate) fn add(&self, block: Arc<ArchivedBlock>) {
        let mut inner = self.pending.lock();
        if let Some(certificate) = &block.committed.certificate {
            inner.certificates.insert(certificate.sequence, certificate.clone());
        }
        inner.add(block);
    }

    /// Adds a COMMIT certificate for a block that is archived or will be.
    pub(crate) fn certify(&self, certificate: Certificate) {
        self.pending.lock().certificates.insert(certificate.sequence, certificate);
    }

    /// Bytes that wait for the next commit, besides those that one under way takes along.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending.lock().fresh_bytes()
    }

    /// The lowest block from which on nothing is missing.
    pub(crate) fn oldest(&self) -> Sequence {
        self.pending.lock().floor.oldest
    }

    /// What lies below is not kept any longer. It is not read from now on, and deleted with the next commits.
    pub(crate) fn give_up(&self, below: Sequence) {
        let mut inner = self.pending.lock();
        let floor = &mut inner.floor;
        floor.kept = floor.kept.max(below);
        floor.oldest = floor.oldest.max(below);
    }

    /// The state of `checkpoint` was installed over one that had come to `executed`.
    pub(crate) fn installed(&self, checkpoint: Sequence, executed: Sequence) {
        if checkpoint <= executed {
            // Our own state was outvoted: what it said of earlier blocks may be wrong too.
            return self.give_up(checkpoint.next());
        }
        // We were behind: there is a hole now. What lies below it is right, but leads nowhere.
        let mut inner = self.pending.lock();
        inner.floor.oldest = inner.floor.oldest.max(checkpoint.next());
    }

    /// The database went back to what it was: what was deleted since is there again, to be deleted anew, and the floor is written
    /// again with the next commit.
    pub(crate) fn went_back(&self) -> Result<(), NodeError> {
        let stored = read::<Floor>(&self.stored, FLOOR, FLOOR_KEY)?.unwrap_or_default();
        self.pending.lock().went_back(stored);
        Ok(())
    }

    /// The block at `sequence`.
    pub(crate) fn block(&self, sequence: Sequence) -> Result<Option<Arc<ArchivedBlock>>, NodeError> {
        {
            let inner = self.pending.lock();
            if sequence < inner.floor.kept {
                return Ok(None);
            }
            if let Some(block) = inner.blocks.get(&sequence) {
                return Ok(Some(Arc::clone(block)));
            }
        }
        let Some(bytes) = rows::read(&self.stored, sequence)? else { return Ok(None) };
        let block = decode::<ArchivedBlock>(&bytes)
            .map_err(|error| NodeError::Archive { table: BLOCKS, reason: error.to_string() })?;
        Ok(Some(Arc::new(block)))
    }

    /// The block with this identity.
    pub(crate) fn block_by_id(&self, id: &Digest) -> Result<Option<Arc<ArchivedBlock>>, NodeError> {
        let waiting = self.pending.lock().ids.get(id).copied();
        let at = match waiting {
            Some(at) => Some(at),
            None => self.stored.get(IDS, &id.0)?.map(|at| place(IDS, &at)).transpose()?,
        };
        // A repair may have put another block in its place.
        Ok(at.map(|at| self.block(at)).transpose()?.flatten().filter(|block| block.id() == *id))
    }

    /// The COMMIT certificate of exactly this block, if one was ever held.
    pub(crate) fn certificate(&self, sequence: Sequence) -> Result<Option<Certificate>, NodeError> {
        if let Some(certificate) = self.pending.lock().certificates.get(&sequence) {
            return Ok(Some(certificate.clone()));
        }
        read(&self.stored, CERTIFICATES, &key(sequence))
    }

    /// The block that executed this request.
    pub(crate) fn executed_at(
        &self,
        session: &PublicKey,
        nonce: Nonce,
    ) -> Result<Option<Sequence>, NodeError> {
        if let Some(at) = self.pending.lock().requests.get(&(*session, nonce)) {
            return Ok(Some(*at));
        }
        self.stored.get(REQUESTS, &request_key(session, nonce))?.map(|at| place(REQUESTS, &at)).transpose()
    }

    /// Blocks from `first` up to `last`, as many as fit, ending at one that has its own certificate.
    pub(crate) fn range(&self, first: Sequence, last: Sequence) -> Result<Option<Data>, NodeError> {
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        let mut end: Option<(usize, Certificate)> = None;
        let mut at = first;
        while blocks.len() < MAX_BLOCKS_PER_FETCH && (at <= last || end.is_none()) {
            let Some(archived) = self.block(at)? else { break };
            bytes += archived.header().batches.iter().map(|b| b.bytes as usize + 512).sum::<usize>();
            if bytes > RANGE_BYTES_MAX && !blocks.is_empty() {
                break;
            }
            blocks.push(archived.block().clone());
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
}
