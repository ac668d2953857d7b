//! What was hashed before, for replicas that share a process.

use crate::lthash::{Lanes, LtHash, expand};
use outvote_types::Digest;
use outvote_types::merkle::{self, Tree};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Hashes that are remembered of each kind; then all are forgotten.
const REMEMBERED_MAX: usize = 2_048;
/// Trees that are remembered; then all are forgotten.
const TREES_MAX: usize = 256;
/// Longer pairs are not remembered.
const PAIR_BYTES_MAX: usize = 512;

/// Remembers the elements of pairs and the digests of sums. Replicas that execute the same blocks hash the same bytes, and
/// where some of them share a process they may share this: what it gives back is what hashing those very bytes gave. Clones
/// share what they remember; the default remembers nothing.
#[derive(Clone, Default)]
pub struct HashMemo(Option<Arc<Mutex<Remembered>>>);

#[derive(Default)]
struct Remembered {
    /// By key and value, with the key's length before them.
    elements: BTreeMap<Box<[u8]>, Box<Lanes>>,
    /// By the first bytes of the sum, which are as good as random.
    digests: BTreeMap<u128, (LtHash, Digest)>,
    /// Trees over the digests of all buckets, by the root of the tree before and the digests that changed since.
    trees: BTreeMap<(Digest, BTreeMap<usize, Digest>), Arc<Tree>>,
}

impl HashMemo {
    /// One that remembers.
    #[must_use]
    pub fn shared() -> Self {
        Self(Some(Arc::default()))
    }

    fn with<T>(memo: &Mutex<Remembered>, look: impl FnOnce(&mut Remembered) -> T) -> T {
        // A panic elsewhere leaves whole entries only.
        look(&mut memo.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows what a pair adds to the sum of its bucket.
    pub(crate) fn element(&self, key: &[u8], value: &[u8], show: impl FnOnce(&Lanes)) {
        let memo = self.0.as_ref().filter(|_| key.len() + value.len() <= PAIR_BYTES_MAX);
        let Some(memo) = memo else { return show(&expand(key, value)) };
        let mut name = [0; PAIR_BYTES_MAX + 8];
        name[..8].copy_from_slice(&(key.len() as u64).to_le_bytes());
        let name = &mut name[..8 + key.len() + value.len()];
        name[8..8 + key.len()].copy_from_slice(key);
        name[8 + key.len()..].copy_from_slice(value);
        Self::with(memo, |known| {
            if let Some(element) = known.elements.get(&*name) {
                return show(element);
            }
            let element = Box::new(expand(key, value));
            show(&element);
            if known.elements.len() >= REMEMBERED_MAX {
                known.elements.clear();
            }
            known.elements.insert((&*name).into(), element);
        });
    }

    /// Puts digests of buckets into the tree over all of them.
    pub(crate) fn replace(&self, tree: &mut Arc<Tree>, changed: BTreeMap<usize, Digest>) {
        let Some(memo) = &self.0 else { return put(tree, &changed) };
        Self::with(memo, |known| {
            let name = (tree.root(), changed);
            if let Some(same) = known.trees.get(&name) {
                *tree = Arc::clone(same);
                return;
            }
            put(tree, &name.1);
            if known.trees.len() >= TREES_MAX {
                known.trees.clear();
            }
            known.trees.insert(name, Arc::clone(tree));
        });
    }

    /// The digest of a sum.
    pub(crate) fn digest(&self, sum: &LtHash) -> Digest {
        let Some((memo, name)) = self.0.as_ref().zip(sum.bytes().first_chunk()) else { return sum.digest() };
        let name = u128::from_le_bytes(*name);
        Self::with(memo, |known| {
            // The whole sum decides, not its name.
            if let Some((_, digest)) = known.digests.get(&name).filter(|(same, _)| same == sum) {
                return *digest;
            }
            let digest = sum.digest();
            if known.digests.len() >= REMEMBERED_MAX {
                known.digests.clear();
            }
            known.digests.insert(name, (sum.clone(), digest));
            digest
        })
    }
}

fn put(tree: &mut Arc<Tree>, changed: &BTreeMap<usize, Digest>) {
    let leaves = changed.iter().map(|(at, digest)| (*at, merkle::leaf(&digest.0))).collect();
    Arc::make_mut(tree).replace(&leaves);
}
