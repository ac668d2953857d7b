//! Binary Merkle trees over SHA-256, with leaves and nodes hashed under different first bytes.
//!
//! An odd node at the end of a level moves up unchanged. The empty tree's root is `SHA-256("")` under the leaf byte.

use crate::bounded::BoundedVec;
use crate::digest::Digest;
use crate::planted::{self, Bug};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

// M11: leaves and nodes are hashed differently, so that neither can pose as the other.
/// First byte of a hashed leaf.
const LEAF: &[u8] = &[0];

/// First byte of a hashed inner node.
const NODE: &[u8] = &[1];
/// Levels of a tree at most; 2^32 leaves.
pub const MAX_DEPTH: usize = 32;

/// The siblings from a leaf to the root, lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Path {
    /// The leaf's position, from 0.
    pub index: u32,
    /// How many leaves the tree has.
    pub count: u32,
    /// The siblings, lowest first; a level at which the node had none is left out.
    pub siblings: BoundedVec<Digest, MAX_DEPTH>,
}

fn leaf_prefix() -> &'static [u8] {
    if planted::is_on(Bug::LeafLikeNode) { NODE } else { LEAF }
}

/// The digest of a leaf with these bytes.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Digest {
    Digest::of_parts(&[leaf_prefix(), bytes])
}

/// The hash of a leaf whose bytes are a value's canonical ones.
#[must_use]
pub fn leaf_of<T: BorshSerialize + ?Sized>(value: &T) -> Digest {
    Digest::of_prefixed(leaf_prefix(), value)
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[NODE, &left.0, &right.0])
}

/// What stands above one node or two.
fn parent(pair: &[Digest]) -> Digest {
    pair.get(1).map_or(pair[0], |right| node(&pair[0], right))
}

fn level_up(level: &[Digest]) -> Vec<Digest> {
    level.chunks(2).map(parent).collect()
}

/// The root over already hashed leaves.
#[must_use]
pub fn root(leaves: &[Digest]) -> Digest {
    if leaves.is_empty() {
        return leaf(&[]);
    }
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = level_up(&level);
    }
    level[0]
}

/// The path of leaf `index`, or `None` if there is no such leaf. For many paths of one tree, build a [`Tree`] once.
#[must_use]
pub fn path(leaves: &[Digest], index: usize) -> Option<Path> {
    Tree::new(leaves.to_vec()).path(index)
}

/// A whole tree, for many paths.
#[derive(Clone, Debug)]
pub struct Tree {
    /// From the leaves up; the last level holds the root alone (no level at all for the empty tree).
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// Hashes the tree over these leaves.
    #[must_use]
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let above = level_up(&level);
            levels.push(level);
            level = above;
        }
        if !level.is_empty() {
            levels.push(level);
        }
        Self { levels }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_else(|| leaf(&[]))
    }

    /// Replaces leaves, and hashes anew only what lies above them; a position without a leaf is passed over.
    pub fn replace(&mut self, leaves: &BTreeMap<usize, Digest>) {
        let Some(lowest) = self.levels.first_mut() else { return };
        let mut touched = Vec::with_capacity(leaves.len());
        for (index, leaf) in leaves {
            if let Some(slot) = lowest.get_mut(*index) {
                *slot = *leaf;
                touched.push(index / 2);
            }
        }
        for height in 1..self.levels.len() {
            // The positions rise, so those of one parent are neighbours.
            touched.dedup();
            let (below, above) = self.levels.split_at_mut(height);
            let (Some(below), Some(above)) = (below.last(), above.first_mut()) else { return };
            for at in &mut touched {
                let pair = &below[*at * 2..below.len().min(*at * 2 + 2)];
                above[*at] = parent(pair);
                *at /= 2;
            }
        }
    }

    /// The path of leaf `index`, or `None` if there is no such leaf.
    #[must_use]
    pub fn path(&self, index: usize) -> Option<Path> {
        let leaves = self.levels.first()?.len();
        if index >= leaves {
            return None;
        }
        let siblings = self
            .levels
            .iter()
            .enumerate()
            .filter_map(|(height, level)| level.get((index >> height) ^ 1).copied());
        Some(Path {
            index: u32::try_from(index).ok()?,
            count: u32::try_from(leaves).ok()?,
            siblings: BoundedVec::new(siblings.collect())?,
        })
    }
}

impl Path {
    /// The root to which this path leads from `leaf`, or `None` if the path has the wrong length for its position.
    #[must_use]
    pub fn root_from(&self, leaf: Digest) -> Option<Digest> {
        if self.index >= self.count {
            return None;
        }
        let (mut digest, mut at, mut width) = (leaf, self.index, self.count);
        let mut siblings = self.siblings.iter();
        while width > 1 {
            if at % 2 == 1 {
                digest = node(siblings.next()?, &digest);
            } else if at + 1 < width {
                digest = node(&digest, siblings.next()?);
            }
            at /= 2;
            width = width.div_ceil(2);
        }
        (siblings.next().is_none() || planted::is_on(Bug::PathLengthUnchecked)).then_some(digest)
    }
}
