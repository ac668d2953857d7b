//! What waits for the executor's next commit, and how far back the archive reaches.

use super::block::ArchivedBlock;
use super::{CERTIFICATES, FLOOR, FLOOR_KEY, IDS, REQUESTS, key, request_key, rows};
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::{Certificate, Digest, Nonce, PublicKey, Sequence, encode};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far back the archive reaches. Each only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Floor {
    /// From here up to the executed block nothing is missing: what peers and followers are told.
    pub(crate) oldest: Sequence,
    /// Below it nothing is read any more, because it was given up or may be wrong.
    pub(crate) kept: Sequence,
    /// Below it everything is deleted.
    pub(crate) swept: Sequence,
}

impl Default for Floor {
    fn default() -> Self {
        Self { oldest: Sequence(1), kept: Sequence(1), swept: Sequence(1) }
    }
}

/// A change of one of the archive's tables: table, key, value.
pub(crate) type ArchiveChange = (&'static str, Vec<u8>, Option<Vec<u8>>);

/// Blocks that the next commit takes along, shared by the executor's database and all readers.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    inner: Mutex<Inner>,
}

/// Behind the lock.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) blocks: BTreeMap<Sequence, Arc<ArchivedBlock>>,
    pub(crate) certificates: BTreeMap<Sequence, Certificate>,
    pub(crate) requests: BTreeMap<(PublicKey, Nonce), Sequence>,
    pub(crate) ids: BTreeMap<Digest, Sequence>,
    bytes: usize,
    /// Of these the ones that a commit under way takes along.
    bytes_under_way: usize,
    pub(crate) floor: Floor,
    stored_floor: Floor,
}

impl Inner {
    pub(crate) fn add(&mut self, block: Arc<ArchivedBlock>) {
        let sequence = block.sequence();
        self.requests.extend(block.ended_requests().map(|name| (name, sequence)));
        self.ids.insert(block.id(), sequence);
        self.bytes += block.bytes();
        if let Some(replaced) = self.blocks.insert(sequence, block) {
            self.bytes -= replaced.bytes();
        }
    }

    /// Bytes that no commit has taken along yet.
    pub(crate) fn fresh_bytes(&self) -> usize {
        self.bytes.saturating_sub(self.bytes_under_way)
    }

    /// The database has this floor again, which is lower than ours or the same.
    pub(crate) fn went_back(&mut self, stored: Floor) {
        self.floor.swept = stored.swept;
        self.stored_floor = stored;
    }

    fn remove(&mut self, sequence: Sequence, stored: &Arc<ArchivedBlock>) {
        // A repair may have replaced the block since the commit took it along.
        if !self.blocks.get(&sequence).is_some_and(|block| Arc::ptr_eq(block, stored)) {
            return;
        }
        self.blocks.remove(&sequence);
        self.bytes -= stored.bytes();
        self.ids.remove(&stored.id());
        for name in stored.ended_requests() {
            if self.requests.get(&name) == Some(&sequence) {
                self.requests.remove(&name);
            }
        }
    }
}

/// What one commit takes along.
pub(crate) struct Taken {
    blocks: Vec<Arc<ArchivedBlock>>,
    certificates: BTreeMap<Sequence, Certificate>,
    floor: Floor,
    is_floor_new: bool,
}

impl Taken {
    /// The changes that the commit must make. Blocks are encoded here, on the thread that commits.
    pub(crate) fn changes(&self) -> Vec<ArchiveChange> {
        let mut changes: Vec<ArchiveChange> = Vec::new();
        for block in &self.blocks {
            let sequence = block.sequence();
            rows::write(sequence, encode(&**block), &mut changes);
            changes.push((IDS, block.id().0.into(), Some(key(sequence).into())));
            for (session, nonce) in block.ended_requests() {
                changes.push((REQUESTS, request_key(&session, nonce), Some(key(sequence).into())));
            }
        }
        for (sequence, certificate) in &self.certificates {
            changes.push((CERTIFICATES, key(*sequence).into(), Some(encode(certificate))));
        }
        if self.is_floor_new {
            changes.push((FLOOR, FLOOR_KEY.into(), Some(encode(&self.floor))));
        }
        changes
    }
}

impl Pending {
    /// Begins with the floor that the database knows.
    pub(crate) fn start_at(&self, floor: Floor) {
        let mut inner = self.lock();
        inner.floor = floor;
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // What is behind the lock is only a buffer and its indexes, each change of which is repeated by the log's replay.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a commit must take along; `swept` is how far the deletions in the same commit reach. All stays readable here until
    /// [`Self::stored`].
    pub(crate) fn take(&self, swept: Sequence) -> Taken {
        let mut inner = self.lock();
        inner.bytes_under_way = inner.bytes;
        let floor = Floor { swept: inner.floor.swept.max(swept), ..inner.floor };
        Taken {
            blocks: inner.blocks.values().cloned().collect(),
            certificates: inner.certificates.clone(),
            floor,
            is_floor_new: floor != inner.stored_floor,
        }
    }

    /// The commit is durable: readers find these in the database now.
    pub(crate) fn stored(&self, taken: &Taken) {
        let mut inner = self.lock();
        inner.bytes_under_way = 0;
        for block in &taken.blocks {
            inner.remove(block.sequence(), block);
        }
        // Another one may have come since.
        inner.certificates.retain(|sequence, held| taken.certificates.get(sequence) != Some(held));
        inner.floor.swept = inner.floor.swept.max(taken.floor.swept);
        inner.stored_floor = taken.floor;
    }
}
