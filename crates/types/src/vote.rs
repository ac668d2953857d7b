//! PREPARE and COMMIT votes and the certificates made of them.

use crate::bounded::BoundedVec;
use crate::digest::Digest;
use crate::id::{Rank, ReplicaId, Sequence, View};
use crate::limits::MAX_REPLICAS;
use crate::planted::{self, Bug};
use crate::signing::{Kind, Signable, Signature};
use borsh::{BorshDeserialize, BorshSerialize};

/// Which of the two rounds a vote belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Phase {
    /// "I hold this block and it is the first that I saw for this slot."
    Prepare = 0,
    /// "I durably hold a quorum of PREPAREs for it."
    Commit = 1,
}

impl Phase {
    /// The signature kind of the phase's votes.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Prepare => Kind::Prepare,
            Self::Commit => Kind::Commit,
        }
    }
}

/// One replica's vote for one block. The phase is in the body and in the signature's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// The round.
    pub phase: Phase,
    /// The view of the block's header; old blocks are never voted for again.
    pub view: View,
    /// The slot.
    pub sequence: Sequence,
    /// The block.
    pub id: Digest,
    /// The voter.
    pub replica: ReplicaId,
}

impl Vote {
    /// The rank of a certificate made of votes like this one.
    #[must_use]
    pub const fn rank(&self) -> Rank {
        Rank { view: self.view, sequence: self.sequence }
    }
}

impl Signable for Vote {
    fn kind(&self) -> Kind {
        self.phase.kind()
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}

/// A quorum of equal votes: q distinct members, in ascending order, identical bytes but for the voter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    /// PREPAREs or COMMITs.
    pub phase: Phase,
    /// The view of the block's header.
    pub view: View,
    /// The slot.
    pub sequence: Sequence,
    /// The block.
    pub id: Digest,
    /// The voters and their signatures, ascending without repetition.
    pub votes: BoundedVec<(ReplicaId, Signature), MAX_REPLICAS>,
}

impl Certificate {
    /// The certificate's rank: view, then sequence.
    #[must_use]
    pub const fn rank(&self) -> Rank {
        Rank { view: self.view, sequence: self.sequence }
    }

    /// The vote that `replica` signed for this certificate.
    #[must_use]
    pub const fn vote_of(&self, replica: ReplicaId) -> Vote {
        Vote { phase: self.phase, view: self.view, sequence: self.sequence, id: self.id, replica }
    }

    /// Whether the voters are members, ascending without repetition, and at least a quorum. Says nothing of signatures.
    #[must_use]
    pub fn is_well_formed(&self, quorum: crate::quorum::Quorum) -> bool {
        is_ascending_quorum(self.votes.iter().map(|(id, _)| *id), quorum)
    }
}

/// Whether `signers` are distinct members in ascending order and at least a quorum (Q4).
#[must_use]
pub fn is_ascending_quorum(signers: impl Iterator<Item = ReplicaId>, quorum: crate::quorum::Quorum) -> bool {
    let mut last: Option<ReplicaId> = None;
    let mut count = 0usize;
    for id in signers {
        // Q4: strangers and repeated signers make it invalid.
        if (!quorum.has(id) && !planted::is_on(Bug::StrangerCounted))
            || last.is_some_and(|last| last >= id && !(last == id && planted::is_on(Bug::VoterCountedTwice)))
        {
            return false;
        }
        last = Some(id);
        count += 1;
    }
    count >= quorum.quorum()
}
