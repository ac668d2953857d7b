//! CHECKPOINT votes and certificates.

use crate::bounded::BoundedVec;
use crate::digest::Digest;
use crate::id::{ReplicaId, Sequence};
use crate::limits::MAX_REPLICAS;
use crate::quorum::Quorum;
use crate::signing::{Kind, Signable, Signature};
use crate::vote::is_ascending_quorum;
use borsh::{BorshDeserialize, BorshSerialize};

/// "After executing this block my state has this root."
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct CheckpointVote {
    /// The executed block's place.
    pub sequence: Sequence,
    /// The executed block.
    pub id: Digest,
    /// The state's root after it.
    pub state_root: Digest,
    /// The signer.
    pub replica: ReplicaId,
}

impl Signable for CheckpointVote {
    fn kind(&self) -> Kind {
        Kind::Checkpoint
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}

/// A quorum of equal CHECKPOINT votes: the checkpoint is stable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct CheckpointCertificate {
    /// The block's place.
    pub sequence: Sequence,
    /// The block.
    pub id: Digest,
    /// The state's root after it.
    pub state_root: Digest,
    /// The signers, ascending without repetition.
    pub votes: BoundedVec<(ReplicaId, Signature), MAX_REPLICAS>,
}

impl CheckpointCertificate {
    /// The vote that `replica` signed for this certificate.
    #[must_use]
    pub const fn vote_of(&self, replica: ReplicaId) -> CheckpointVote {
        CheckpointVote { sequence: self.sequence, id: self.id, state_root: self.state_root, replica }
    }

    /// Whether the signers are a quorum of distinct members in ascending order. Says nothing of signatures.
    #[must_use]
    pub fn is_well_formed(&self, quorum: Quorum) -> bool {
        is_ascending_quorum(self.votes.iter().map(|(id, _)| *id), quorum)
    }
}
