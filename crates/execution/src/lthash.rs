//! The state's digest, kept up to date while writing.
//!
//! Each key belongs to one of 256 buckets. A bucket's digest is a sum, so it changes by one subtraction and one addition
//! when a value changes, whatever the bucket's size, and it does not depend on the order of the writes. This is LtHash
//! with 1024 lanes of 16 bits (Bellare and Micciancio 1997; Lewi et al., eprint 2019/227), over BLAKE3's extendable
//! output. The state's root is a SHA-256 Merkle root, so that any language can check it.

use outvote_types::Digest;
use outvote_types::limits::STATE_BUCKETS;
use outvote_types::merkle::{self, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const LANES: usize = 1024;
/// Bytes of one bucket's sum.
pub const BUCKET_BYTES: usize = LANES * 2;

/// The sum over the pairs of one bucket. Clones share their lanes until one of them changes: most buckets of a small state
/// are empty, and there are 256 of them.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash(Arc<[u16; LANES]>);

impl Default for LtHash {
    fn default() -> Self {
        Self(Arc::new([0; LANES]))
    }
}

impl LtHash {
    /// Adds a pair.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.combine(&expand(key, value), u16::wrapping_add);
    }

    /// Takes a pair out again.
    pub fn subtract(&mut self, key: &[u8], value: &[u8]) {
        self.combine(&expand(key, value), u16::wrapping_sub);
    }

    // Generic, so that the loop is inlined and the compiler makes it a few wide instructions.
    fn combine(&mut self, element: &[u8; BUCKET_BYTES], by: impl Fn(u16, u16) -> u16) {
        for (lane, bytes) in Arc::make_mut(&mut self.0).iter_mut().zip(element.chunks_exact(2)) {
            *lane = by(*lane, u16::from_le_bytes([bytes[0], bytes[1]]));
        }
    }

    /// The sum's bytes, lanes in order, little endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; BUCKET_BYTES];
        self.write_to(&mut bytes);
        bytes
    }

    /// Writes the same bytes into a place of [`BUCKET_BYTES`]; what is there of a shorter one gets the first lanes.
    pub(crate) fn write_to(&self, place: &mut [u8]) {
        // In pairs, so that the compiler makes one copy of it.
        for (slot, lane) in place.chunks_exact_mut(2).zip(self.0.iter()) {
            slot.copy_from_slice(&lane.to_le_bytes());
        }
    }

    /// The sum with these bytes, if they are [`BUCKET_BYTES`] many.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != BUCKET_BYTES {
            return None;
        }
        let mut lanes = [0; LANES];
        for (lane, bytes) in lanes.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = u16::from_le_bytes([bytes[0], bytes[1]]);
        }
        Some(Self(Arc::new(lanes)))
    }

    /// SHA-256 of the sum: what a peer's bucket is checked against.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = [0; BUCKET_BYTES];
        self.write_to(&mut bytes);
        Digest::of(&bytes)
    }
}

fn expand(key: &[u8], value: &[u8]) -> [u8; BUCKET_BYTES] {
    let mut hasher = blake3::Hasher::new();
    // The lengths come first, so that no two pairs run together to the same bytes.
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(&(value.len() as u64).to_le_bytes());
    hasher.update(value);
    let mut out = [0; BUCKET_BYTES];
    hasher.finalize_xof().fill(&mut out);
    out
}

/// The bucket of a key: the first byte of its BLAKE3 digest, so that no client can choose to fill one bucket cheaply by
/// choosing a prefix.
#[must_use]
pub fn bucket_of(key: &[u8]) -> u8 {
    blake3::hash(key).as_bytes()[0]
}

/// The state's root over the digests of all buckets.
#[must_use]
pub fn state_root(buckets: &[Digest]) -> Digest {
    merkle::root(&leaves(buckets))
}

fn leaves(buckets: &[Digest]) -> Vec<Digest> {
    buckets.iter().map(|bucket| merkle::leaf(&bucket.0)).collect()
}

/// The sums of all buckets, with the tree over their digests, of which only what changed is hashed again.
pub(crate) struct Buckets {
    sums: Vec<LtHash>,
    digests: Vec<Digest>,
    tree: Tree,
    /// Buckets whose digest may no longer fit their sum.
    stale: BTreeSet<u8>,
}

impl Default for Buckets {
    fn default() -> Self {
        let empty = LtHash::default();
        let digests = vec![empty.digest(); STATE_BUCKETS];
        let sums = vec![empty; STATE_BUCKETS];
        let tree = Tree::new(leaves(&digests));
        Self { sums, digests, tree, stale: BTreeSet::new() }
    }
}

impl Buckets {
    pub(crate) fn sum(&self, bucket: u8) -> &LtHash {
        &self.sums[usize::from(bucket)]
    }

    pub(crate) fn sum_mut(&mut self, bucket: u8) -> &mut LtHash {
        self.stale.insert(bucket);
        &mut self.sums[usize::from(bucket)]
    }

    pub(crate) fn digests(&mut self) -> &[Digest] {
        self.refresh();
        &self.digests
    }

    /// The same as [`state_root`] over the digests.
    pub(crate) fn root(&mut self) -> Digest {
        self.refresh();
        self.tree.root()
    }

    fn refresh(&mut self) {
        let mut changed = BTreeMap::new();
        for bucket in std::mem::take(&mut self.stale) {
            let at = usize::from(bucket);
            self.digests[at] = self.sums[at].digest();
            changed.insert(at, merkle::leaf(&self.digests[at].0));
        }
        self.tree.replace(&changed);
    }
}
