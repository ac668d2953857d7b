//! Snapshots of the state at checkpoints, kept for replicas that fell too far behind.

use crate::backend::{BackendError, BackendSnapshot};
use crate::layout;
use outvote_types::limits::{MAX_PAIRS_PER_CHUNK, STATE_BUCKETS};
use outvote_types::{
    Blob, BoundedVec, CheckpointCertificate, Data, Digest, Fetch, Sequence, SignedHeader, Snapshot,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Bytes of one chunk at most; a single larger pair goes alone.
pub const MAX_CHUNK_BYTES: usize = 1024 * 1024;
/// Snapshots kept at most.
pub const MAX_SNAPSHOTS: usize = 4;
/// Snapshots kept whether anybody reads them or not.
const SNAPSHOTS_KEPT: usize = 2;
/// For how many checkpoints a snapshot is kept that peers go on reading: nobody can stop a database from reclaiming its
/// space for ever.
const MAX_CHECKPOINTS_READ: u32 = 64;
/// Keys read from the index at a time.
const KEYS_PER_READ: usize = 256;

/// The state at one checkpoint. Reading it does not disturb the executor.
pub struct CheckpointState {
    header: SignedHeader,
    state_root: Digest,
    buckets: Vec<Digest>,
    snapshot: Box<dyn BackendSnapshot>,
    /// Whether a peer read it since the last checkpoint.
    is_read: AtomicBool,
    /// Checkpoints taken since.
    age: AtomicU32,
}

impl CheckpointState {
    pub(crate) fn new(
        header: SignedHeader,
        state_root: Digest,
        buckets: Vec<Digest>,
        snapshot: Box<dyn BackendSnapshot>,
    ) -> Self {
        Self {
            header,
            state_root,
            buckets,
            snapshot,
            is_read: AtomicBool::new(false),
            age: AtomicU32::new(0),
        }
    }

    /// The checkpoint's block.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.header.body.sequence
    }

    /// The state's root.
    #[must_use]
    pub fn state_root(&self) -> Digest {
        self.state_root
    }

    /// The manifest under the certificate that made the checkpoint stable.
    #[must_use]
    pub fn manifest(&self, certificate: &CheckpointCertificate) -> Snapshot {
        Snapshot {
            certificate: certificate.clone(),
            header: self.header.clone(),
            buckets: BoundedVec::truncated(self.buckets.clone()),
        }
    }

    /// A chunk of a bucket, from just above `after` on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn chunk<const MAX: usize>(&self, bucket: u8, after: &Blob<MAX>) -> Result<Data, BackendError> {
        self.is_read.store(true, Ordering::Relaxed);
        let end = layout::index_end(bucket);
        let mut next = if after.is_empty() {
            layout::index(bucket, &[])
        } else {
            layout::just_above(&layout::index(bucket, after))
        };
        let (mut pairs, mut bytes, mut is_last) = (Vec::new(), 0usize, false);
        'chunk: while !is_last {
            let keys = self.snapshot.range(&next, Some(&end), KEYS_PER_READ)?;
            is_last = keys.len() < KEYS_PER_READ;
            for (index, _) in &keys {
                let key = layout::indexed(index);
                let Some(value) = self.snapshot.get(key)? else { continue };
                let size = key.len() + value.len() + 8;
                if !pairs.is_empty() && (bytes + size > MAX_CHUNK_BYTES || pairs.len() == MAX_PAIRS_PER_CHUNK)
                {
                    is_last = false;
                    break 'chunk;
                }
                // Keys and values keep the wire's limits since they were written under them.
                if let (Some(key), Some(value)) = (Blob::new(key.to_vec()), Blob::new(value.to_vec())) {
                    pairs.push((key, value));
                    bytes += size;
                }
                next = layout::just_above(index);
            }
        }
        Ok(Data::Bucket {
            checkpoint: self.sequence(),
            bucket: u16::from(bucket),
            after: Blob::new(after.to_vec()).unwrap_or_default(),
            pairs: BoundedVec::truncated(pairs),
            last: is_last,
        })
    }
}

/// The snapshots that are kept.
#[derive(Default)]
pub(crate) struct Checkpoints {
    /// Oldest first.
    kept: Vec<Arc<CheckpointState>>,
    stable: Option<CheckpointCertificate>,
}

impl Checkpoints {
    pub(crate) fn all(&self) -> &[Arc<CheckpointState>] {
        &self.kept
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }

    pub(crate) fn add(&mut self, state: CheckpointState) {
        let newest = state.sequence();
        self.kept.retain(|kept| kept.sequence() < newest);
        self.kept.push(Arc::new(state));
        let stable = self.stable.as_ref().map(|stable| stable.sequence);
        let surplus = self.kept.len().saturating_sub(SNAPSHOTS_KEPT);
        let mut position = 0;
        self.kept.retain(|kept| {
            position += 1;
            let is_young = kept.age.fetch_add(1, Ordering::Relaxed) < MAX_CHECKPOINTS_READ;
            let is_wanted = kept.is_read.swap(false, Ordering::Relaxed) && is_young;
            position > surplus || is_wanted || stable == Some(kept.sequence())
        });
        let excess = self.kept.len().saturating_sub(MAX_SNAPSHOTS);
        self.kept.drain(..excess);
    }

    pub(crate) fn on_stable(&mut self, certificate: &CheckpointCertificate) {
        if self.stable.as_ref().is_none_or(|stable| stable.sequence < certificate.sequence) {
            self.stable = Some(certificate.clone());
        }
    }

    /// Whether this checkpoint, or a later one, is stable.
    pub(crate) fn is_stable(&self, sequence: Sequence) -> bool {
        self.stable.as_ref().is_some_and(|stable| stable.sequence >= sequence)
    }

    /// Whether this checkpoint is stable with another state than ours.
    pub(crate) fn is_contradicted(&self, sequence: Sequence) -> bool {
        let ours = self.kept.iter().find(|kept| kept.sequence() == sequence);
        let stable = self.stable.as_ref().filter(|stable| stable.sequence == sequence);
        ours.zip(stable).is_some_and(|(ours, stable)| ours.state_root() != stable.state_root)
    }

    /// The answer to a fetch of ours; `None` if it cannot be served.
    pub(crate) fn serve(&self, fetch: &Fetch) -> Result<Option<Data>, BackendError> {
        match fetch {
            Fetch::Manifest { .. } => Ok(self.manifest()),
            Fetch::Bucket { checkpoint, bucket, after, .. } => {
                let state = self.kept.iter().find(|kept| kept.sequence() == *checkpoint);
                let bucket = u8::try_from(*bucket).ok().filter(|bucket| usize::from(*bucket) < STATE_BUCKETS);
                let (Some(state), Some(bucket)) = (state, bucket) else { return Ok(None) };
                state.chunk(bucket, after).map(Some)
            }
            Fetch::Batches { .. } | Fetch::Block { .. } | Fetch::Range { .. } => Ok(None),
        }
    }

    fn manifest(&self) -> Option<Data> {
        let certificate = self.stable.as_ref()?;
        let state = self.kept.iter().find(|kept| kept.sequence() == certificate.sequence)?;
        // A diverged replica's state is not the certified one: it has nothing to serve.
        (state.state_root() == certificate.state_root)
            .then(|| Data::Manifest(Box::new(state.manifest(certificate))))
    }
}
