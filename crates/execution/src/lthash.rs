//! The state's digest, kept up to date while writing.
//!
//! Each key belongs to one of 256 buckets. A bucket's digest is a sum, so it changes by one subtraction and one addition
//! when a value changes, whatever the bucket's size, and it does not depend on the order of the writes. This is LtHash
//! with 1024 lanes of 16 bits (Bellare and Micciancio 1997; Lewi et al., eprint 2019/227). What a pair adds is the key
//! stream of ChaCha20 under the pair's BLAKE3 digest: BLAKE3's own extendable output is made one block at a time on processors
//! without AVX-512, and was a tenth of execution. The state's root is a SHA-256 Merkle root, so that any language can check it.

use crate::hash_memo::HashMemo;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use chacha20::{ChaCha20, Nonce};
use outvote_types::Digest;
use outvote_types::limits::STATE_BUCKETS;
use outvote_types::merkle::{self, Tree};
use outvote_types::planted::{self, Bug};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

const LANES: usize = 1024;
/// Bytes of one bucket's sum.
pub const BUCKET_BYTES: usize = LANES * 2;

/// The sum over the pairs of one bucket, as its bytes: lanes in order, little endian. Clones share them until one of them
/// changes: most buckets of a small state are empty, and there are 256 of them.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash(Arc<Lanes>);

/// Lanes in order, little endian.
pub(crate) type Lanes = [u8; BUCKET_BYTES];

/// The sum over nothing.
const EMPTY: Lanes = [0; BUCKET_BYTES];

impl Default for LtHash {
    fn default() -> Self {
        Self(Arc::new(EMPTY))
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

    pub(crate) fn add_element(&mut self, element: &Lanes) {
        self.combine(element, u16::wrapping_add);
    }

    pub(crate) fn subtract_element(&mut self, element: &Lanes) {
        self.combine(element, u16::wrapping_sub);
    }

    // Generic, so that the loop is inlined and the compiler makes it a few wide instructions.
    fn combine(&mut self, element: &Lanes, by: impl Fn(u16, u16) -> u16) {
        let lanes = Arc::make_mut(&mut self.0).as_chunks_mut::<2>().0;
        for (lane, other) in lanes.iter_mut().zip(element.as_chunks::<2>().0) {
            *lane = by(u16::from_le_bytes(*lane), u16::from_le_bytes(*other)).to_le_bytes();
        }
    }

    /// The sum's bytes, lanes in order, little endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(crate) fn bytes(&self) -> &Lanes {
        &self.0
    }

    /// The sum with these bytes, if they are [`BUCKET_BYTES`] many.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|lanes: Lanes| Self(Arc::new(lanes)))
    }

    /// SHA-256 of the sum: what a peer's bucket is checked against.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&*self.0)
    }
}

/// Whether these are the bytes of the sum over nothing.
pub(crate) fn is_empty_sum(bytes: &[u8]) -> bool {
    bytes == EMPTY
}

/// What a pair adds to the sum.
pub(crate) fn expand(key: &[u8], value: &[u8]) -> Lanes {
    let mut hasher = blake3::Hasher::new();
    // The lengths come first, so that no two pairs run together to the same bytes.
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(&(value.len() as u64).to_le_bytes());
    hasher.update(value);
    // Each digest is a key of its own, so the nonce may be the same everywhere (RFC 8439, 32 bytes of key, counter from 0).
    let mut stream = ChaCha20::new(hasher.finalize().as_bytes().into(), &Nonce::default());
    let mut out = EMPTY;
    stream.apply_keystream(&mut out);
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
#[derive(Clone)]
pub(crate) struct Buckets {
    sums: Vec<LtHash>,
    digests: Vec<Digest>,
    tree: Arc<Tree>,
    /// Buckets whose digest may no longer fit their sum.
    stale: BTreeSet<u8>,
}

impl Default for Buckets {
    /// Empty ones, whose tree is hashed once in a process.
    fn default() -> Self {
        static ALL_EMPTY: OnceLock<Buckets> = OnceLock::new();
        if planted::is_on(Bug::LeafLikeNode) {
            return Self::all_empty();
        }
        ALL_EMPTY.get_or_init(Self::all_empty).clone()
    }
}

impl Buckets {
    fn all_empty() -> Self {
        let empty = LtHash::default();
        let digests = vec![empty.digest(); STATE_BUCKETS];
        let sums = vec![empty; STATE_BUCKETS];
        let tree = Arc::new(Tree::new(leaves(&digests)));
        Self { sums, digests, tree, stale: BTreeSet::new() }
    }

    pub(crate) fn sum(&self, bucket: u8) -> &LtHash {
        &self.sums[usize::from(bucket)]
    }

    pub(crate) fn sum_mut(&mut self, bucket: u8) -> &mut LtHash {
        self.stale.insert(bucket);
        &mut self.sums[usize::from(bucket)]
    }

    pub(crate) fn digests(&mut self, memo: &HashMemo) -> &[Digest] {
        self.refresh(memo);
        &self.digests
    }

    /// The same as [`state_root`] over the digests.
    pub(crate) fn root(&mut self, memo: &HashMemo) -> Digest {
        self.refresh(memo);
        self.tree.root()
    }

    fn refresh(&mut self, memo: &HashMemo) {
        if self.stale.is_empty() {
            return;
        }
        let mut changed = BTreeMap::new();
        for bucket in std::mem::take(&mut self.stale) {
            let at = usize::from(bucket);
            self.digests[at] = memo.digest(&self.sums[at]);
            changed.insert(at, self.digests[at]);
        }
        memo.replace(&mut self.tree, changed);
    }
}
