//! Asking peers for what one lacks, and their answers.
//!
//! A FETCH is signed. Data is not: each byte of it is checked against a digest that a quorum or a leader signed, so a
//! signature would add nothing.

use crate::block::{Batch, Block};
use crate::bounded::{Blob, BoundedVec};
use crate::checkpoint::CheckpointCertificate;
use crate::digest::Digest;
use crate::id::{ReplicaId, Sequence};
use crate::limits::{
    MAX_BATCHES_PER_HEADER, MAX_BLOCKS_PER_FETCH, MAX_KEY_BYTES, MAX_PAIRS_PER_CHUNK, MAX_VALUE_BYTES,
    STATE_BUCKETS,
};
use crate::signing::{Kind, Signable};
use crate::vote::Certificate;
use borsh::{BorshDeserialize, BorshSerialize};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Fetch {
    /// Batches by digest.
    Batches {
        /// Which.
        digests: BoundedVec<Digest, MAX_BATCHES_PER_HEADER>,
        /// Who asks.
        replica: ReplicaId,
    },
    /// A block by identity, whether committed or not.
    Block {
        /// Which.
        id: Digest,
        /// Who asks.
        replica: ReplicaId,
    },
    /// Committed blocks from `first`, as many as fit, and a certificate at or above their end.
    Range {
        /// The lowest wanted.
        first: Sequence,
        /// The highest wanted.
        last: Sequence,
        /// Who asks.
        replica: ReplicaId,
    },
    /// The latest stable checkpoint's certificate and the digests of its buckets.
    Manifest {
        /// Who asks.
        replica: ReplicaId,
    },
    /// A bucket of the state at a stable checkpoint, from just above `after` on.
    Bucket {
        /// The checkpoint.
        checkpoint: Sequence,
        /// Which bucket.
        bucket: u16,
        /// The last key already received; empty at the start.
        after: Blob<MAX_KEY_BYTES>,
        /// Who asks.
        replica: ReplicaId,
    },
}

impl Signable for Fetch {
    fn kind(&self) -> Kind {
        Kind::Fetch
    }
    fn signer(&self) -> ReplicaId {
        match self {
            Self::Batches { replica, .. }
            | Self::Block { replica, .. }
            | Self::Range { replica, .. }
            | Self::Manifest { replica }
            | Self::Bucket { replica, .. } => *replica,
        }
    }
}

/// The digests of all buckets of a state; hashed together they are the state root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Snapshot {
    /// The stable checkpoint.
    pub certificate: CheckpointCertificate,
    /// The signed header of the checkpoint's block, so that the receiver can go on from it.
    pub header: crate::block::SignedHeader,
    /// One digest per bucket.
    pub buckets: BoundedVec<Digest, STATE_BUCKETS>,
}

/// A key and its value.
pub type Pair = (Blob<MAX_KEY_BYTES>, Blob<MAX_VALUE_BYTES>);

/// Answers to a [`Fetch`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Data {
    /// The batches that the answerer holds.
    Batches(BoundedVec<Batch, MAX_BATCHES_PER_HEADER>),
    /// A block.
    Block(alloc::boxed::Box<Block>),
    /// Committed blocks in ascending order without gaps, and a commit certificate for the last of them, or for a later
    /// block of which the rest follows.
    Range {
        /// The blocks.
        blocks: BoundedVec<Block, MAX_BLOCKS_PER_FETCH>,
        /// For the last block.
        certificate: Certificate,
    },
    /// The latest stable checkpoint.
    Manifest(alloc::boxed::Box<Snapshot>),
    /// Pairs of a bucket in ascending order of keys.
    Bucket {
        /// The checkpoint.
        checkpoint: Sequence,
        /// Which bucket.
        bucket: u16,
        /// The key after which these pairs start; as asked.
        after: Blob<MAX_KEY_BYTES>,
        /// The pairs.
        pairs: BoundedVec<Pair, MAX_PAIRS_PER_CHUNK>,
        /// Whether the bucket ends with them.
        last: bool,
    },
    /// "I do not have that (any more)": `oldest` is the lowest committed block that the answerer still serves.
    Gone {
        /// The lowest committed sequence served.
        oldest: Sequence,
    },
}
