//! The mutiny's messages: SUSPECT, its certificate, VIEWCHANGE and NEWVIEW.

use crate::bounded::BoundedVec;
use crate::digest::Digest;
use crate::id::{Rank, ReplicaId, View};
use crate::limits::MAX_REPLICAS;
use crate::planted::{self, Bug};
use crate::quorum::Quorum;
use crate::signing::{Kind, Signable, Signature, Signed};
use crate::vote::{Certificate, is_ascending_quorum};
use borsh::{BorshDeserialize, BorshSerialize};

/// "I would rather have the next leader." Binds to nothing: its signer keeps voting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Suspect {
    /// The view whose leader is suspected.
    pub view: View,
    /// Who suspects.
    pub replica: ReplicaId,
}

impl Signable for Suspect {
    fn kind(&self) -> Kind {
        Kind::Suspect
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}

/// A quorum of SUSPECTs for one view (TC): the right, and the duty, to enter the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct TimeoutCertificate {
    /// The view that ended.
    pub view: View,
    /// The suspecting replicas and their signatures, ascending without repetition.
    pub votes: BoundedVec<(ReplicaId, Signature), MAX_REPLICAS>,
}

impl TimeoutCertificate {
    /// Whether the signers are a quorum of distinct members in ascending order. Says nothing of signatures.
    #[must_use]
    pub fn is_well_formed(&self, quorum: Quorum) -> bool {
        is_ascending_quorum(self.votes.iter().map(|(id, _)| *id), quorum)
    }
}

/// The signed part of a VIEWCHANGE: the highest certificate that its signer durably holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct ViewChangeHead {
    /// The view that the signer entered.
    pub view: View,
    /// The rank of its highest certificate; (0, 0) for genesis.
    pub rank: Rank,
    /// The block of that certificate; the genesis identity for genesis.
    pub id: Digest,
    /// The signer.
    pub replica: ReplicaId,
}

impl ViewChangeHead {
    /// Whether a rule allows this body at all: the certificate lies below the view that is entered.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.view.0 > 0
            && (self.rank.view < self.view
                || (self.rank.view == self.view && planted::is_on(Bug::HeadOfItsOwnView)))
    }
}

impl Signable for ViewChangeHead {
    fn kind(&self) -> Kind {
        Kind::ViewChange
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}

/// VIEWCHANGE: the head, the certificate that it names (none for genesis) and the right to be in this view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct ViewChange {
    /// The signed claim.
    pub head: Signed<ViewChangeHead>,
    /// The claimed certificate; a commit certificate is as good as a prepare certificate.
    pub certificate: Option<Certificate>,
    /// The certificate for `head.view - 1`.
    pub timeout: TimeoutCertificate,
}

/// The signed part of a NEWVIEW.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct NewViewBody {
    /// The view that opens.
    pub view: View,
    /// Its leader.
    pub leader: ReplicaId,
    /// A quorum of heads for this view, ascending by signer without repetition.
    pub heads: BoundedVec<Signed<ViewChangeHead>, MAX_REPLICAS>,
}

impl NewViewBody {
    /// Whether a rule allows this body at all: a quorum of distinct, allowed heads of this very view.
    #[must_use]
    pub fn is_allowed(&self, quorum: Quorum) -> bool {
        self.view.0 > 0
            && quorum.leader(self.view) == self.leader
            && self.heads.iter().all(|head| {
                (head.body.view == self.view || planted::is_on(Bug::HeadsOfOtherViews))
                    && head.body.is_allowed()
            })
            && is_ascending_quorum(self.heads.iter().map(|head| head.body.replica), quorum)
    }

    /// The highest `(rank, id)` among the heads: the block that the view must extend.
    #[must_use]
    pub fn base(&self) -> Option<(Rank, Digest)> {
        let locks = self.heads.iter().map(|head| (head.body.rank, head.body.id));
        if planted::is_on(Bug::BaseNotHighest) { locks.min() } else { locks.max() }
    }
}

impl Signable for NewViewBody {
    fn kind(&self) -> Kind {
        Kind::NewView
    }
    fn signer(&self) -> ReplicaId {
        self.leader
    }
}

/// NEWVIEW: the signed body and, unsigned, the certificate of its base (none for genesis).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct NewView {
    /// What the leader signed.
    pub signed: Signed<NewViewBody>,
    /// The base's certificate; must equal the highest `(rank, id)` among the heads.
    pub certificate: Option<Certificate>,
}
