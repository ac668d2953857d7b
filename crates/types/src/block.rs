//! Headers, batches and blocks: what is ordered.

use crate::bounded::{Blob, BoundedVec};
use crate::codec::encode;
use crate::digest::Digest;
use crate::id::{Epoch, Nonce, Rank, ReplicaId, Sequence, View, WallTime};
use crate::limits::{MAX_BATCHES_PER_HEADER, MAX_REQUESTS_PER_BATCH};
use crate::merkle;
use crate::planted::{self, Bug};
use crate::reply::PayloadLeaf;
use crate::request::Request;
use crate::signing::{Kind, Signable, Signed};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Bytes of a control operation (a change of the committee) at most.
pub const MAX_CONTROL_BYTES: usize = 16 * 1024;

/// What an encoded block has besides its header's body and its batches: the leader's signature and the count of batches.
const BLOCK_FRAME_BYTES: u64 = 64 + 4;

/// Requests in one bundle, cut by one author.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Batch {
    /// Who cut it.
    pub author: ReplicaId,
    /// The author's counter of batches, from 1.
    pub lane_sequence: u64,
    /// The requests, in the order of execution.
    pub requests: BoundedVec<Request, MAX_REQUESTS_PER_BATCH>,
}

impl Batch {
    /// The batch's identity. It covers the requests' signatures too, so a batch is valid for all replicas or for none.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // M9: the signatures are inside.
        Digest::of_canonical(self)
    }

    /// The digests of the payload leaves, one per operation, in order.
    #[must_use]
    pub fn payload_leaves(&self) -> Vec<Digest> {
        // M11: one leaf per operation, in the order of execution.
        self.requests.iter().flat_map(PayloadLeaf::of_request).map(|leaf| leaf.digest()).collect()
    }

    /// The reference that a header carries for this batch.
    #[must_use]
    pub fn reference(&self) -> BatchRef {
        let bytes = encode(self);
        BatchRef {
            author: self.author,
            lane_sequence: self.lane_sequence,
            digest: Digest::of(&bytes),
            count: u32::try_from(self.requests.len()).unwrap_or(u32::MAX),
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        }
    }
}

/// A header's reference to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct BatchRef {
    /// Who cut the batch.
    pub author: ReplicaId,
    /// The author's counter.
    pub lane_sequence: u64,
    /// The batch's digest.
    pub digest: Digest,
    /// Requests in it.
    pub count: u32,
    /// Its encoded bytes.
    pub bytes: u32,
}

/// What a leader proposes for one sequence; its digest is the block's identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The committee's term.
    pub epoch: Epoch,
    /// The view in which it was proposed; its leader signs it.
    pub view: View,
    /// Its place in the order.
    pub sequence: Sequence,
    /// The identity of the block at `sequence - 1`.
    pub parent: Digest,
    /// The agreed time, microseconds since the Unix epoch; rises strictly along the chain.
    pub time: WallTime,
    /// The leader, `leader(view)`.
    pub leader: ReplicaId,
    /// The batches, in the order of execution; none for an empty block.
    pub batches: BoundedVec<BatchRef, MAX_BATCHES_PER_HEADER>,
    /// Merkle root over the payload leaves of all operations of all batches.
    pub payload_root: Digest,
    /// For audits: the digest of the NEWVIEW body that opened the view, in the view's first block.
    pub new_view_digest: Option<Digest>,
    /// A change of the committee; not allowed yet, so always `None` (N8).
    pub control: Option<Blob<MAX_CONTROL_BYTES>>,
}

impl Header {
    /// The block's identity.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.digest()
    }

    /// The rank of a certificate for this header.
    #[must_use]
    pub const fn rank(&self) -> Rank {
        Rank { view: self.view, sequence: self.sequence }
    }

    /// Bytes of its block's canonical encoding, as the header alone tells.
    #[must_use]
    pub fn block_bytes(&self) -> u64 {
        // C1: all replicas count the same, since the header's names of the batches are checked before it is voted for.
        let own = u64::try_from(encode(self).len()).unwrap_or(u64::MAX);
        let batches = self.batches.iter().map(|batch| u64::from(batch.bytes)).sum::<u64>();
        own.saturating_add(BLOCK_FRAME_BYTES).saturating_add(batches)
    }

    /// Requests in all its batches.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.batches.iter().map(|batch| u64::from(batch.count)).sum()
    }
}

impl Signable for Header {
    fn kind(&self) -> Kind {
        Kind::Header
    }
    fn signer(&self) -> ReplicaId {
        self.leader
    }
}

/// A header under its leader's signature.
pub type SignedHeader = Signed<Header>;

/// A header and the batches that it names, in the header's order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The header under its leader's signature.
    pub header: SignedHeader,
    /// The batches, matching `header.body.batches` one by one.
    pub batches: BoundedVec<Batch, MAX_BATCHES_PER_HEADER>,
}

impl Block {
    /// The Merkle leaves of all operations, in the order of execution.
    #[must_use]
    pub fn payload_leaves(&self) -> Vec<Digest> {
        self.batches.iter().flat_map(Batch::payload_leaves).collect()
    }

    /// Whether the batches are exactly those that the header names: digests, counts, sizes and payload root.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let header = &self.header.body;
        self.batches.len() == header.batches.len()
            && self.batches.iter().zip(header.batches.iter()).all(|(batch, named)| {
                batch.reference() == *named
                    || (batch.digest() == named.digest && planted::is_on(Bug::BatchSizesUnchecked))
            })
            && (merkle::root(&self.payload_leaves()) == header.payload_root
                || planted::is_on(Bug::PayloadRootUnchecked))
    }
}

/// Names a request without its bytes: session key bytes and nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct RequestName {
    /// The session's key.
    pub session: crate::signing::PublicKey,
    /// The session's nonce.
    pub nonce: Nonce,
}
