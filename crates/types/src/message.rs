//! Everything that one replica sends to another.

use crate::block::{Batch, Header, SignedHeader};
use crate::bounded::BoundedVec;
use crate::checkpoint::{CheckpointCertificate, CheckpointVote};
use crate::evidence::Evidence;
use crate::fetch::{Data, Fetch};
use crate::id::{Rank, ReplicaId, Sequence, View};
use crate::limits::MAX_BATCHES_PER_HEADER;
use crate::reminder::Reminder;
use crate::reply::Reply;
use crate::request::Request;
use crate::signing::{Kind, Signable, Signature, Signed};
use crate::view_change::{NewView, NewViewBody, Suspect, TimeoutCertificate, ViewChange, ViewChangeHead};
use crate::vote::{Certificate, Vote};
use alloc::boxed::Box;
use borsh::{BorshDeserialize, BorshSerialize};

/// Relayed requests in one message at most.
pub const MAX_RELAYED_REQUESTS: usize = 64;

/// PROPOSE: the header, the leader's own PREPARE for it, and the batches inline where the leader sends them along.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Propose {
    /// The header under the leader's signature.
    pub header: SignedHeader,
    /// The leader's PREPARE for it.
    pub prepare: Signed<Vote>,
    /// The batches that the header names, in its order, or none.
    pub batches: BoundedVec<Batch, MAX_BATCHES_PER_HEADER>,
}

/// PREPARE with the echo of the leader-signed header, so that an equivocation reaches everybody as a proof.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Prepare {
    /// The vote.
    pub vote: Signed<Vote>,
    /// The header that it is for.
    pub header: SignedHeader,
}

/// "I lead and I live", every fifth of the view timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Heartbeat {
    /// The view that the sender leads.
    pub view: View,
    /// The highest sequence that it proposed.
    pub proposed: Sequence,
    /// The highest sequence that it committed.
    pub committed: Sequence,
    /// The sender.
    pub replica: ReplicaId,
}

impl Signable for Heartbeat {
    fn kind(&self) -> Kind {
        Kind::Heartbeat
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}

/// Where a replica stands; every second and on reconnection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Status {
    /// Its view.
    pub view: View,
    /// The rank of its highest certificate.
    pub rank: Rank,
    /// The highest sequence that it committed.
    pub committed: Sequence,
    /// Its latest stable checkpoint.
    pub stable: Sequence,
    /// Whether it may not prepare in this view (restart rule).
    pub sitting_out: bool,
    /// The sender.
    pub replica: ReplicaId,
}

impl Signable for Status {
    fn kind(&self) -> Kind {
        Kind::Status
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}

/// Everything that one replica sends to another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// The leader's proposal.
    Propose(Box<Propose>),
    /// A vote of the first round, with the echo.
    Prepare(Box<Prepare>),
    /// A vote of the second round.
    Commit(Signed<Vote>),
    /// A certificate that the sender holds and the receiver seems to lack.
    Certificate(Certificate),
    /// Suspicion.
    Suspect(Signed<Suspect>),
    /// A quorum of suspicions.
    Timeout(TimeoutCertificate),
    /// To the next leader.
    ViewChange(Box<ViewChange>),
    /// From the next leader.
    NewView(Box<NewView>),
    /// The leader lives.
    Heartbeat(Signed<Heartbeat>),
    /// Where the sender stands.
    Status(Signed<Status>),
    /// A checkpoint vote.
    Checkpoint(Signed<CheckpointVote>),
    /// A stable checkpoint that the receiver seems to lack.
    Stable(CheckpointCertificate),
    /// Proof of misbehaviour.
    Evidence(Box<Evidence>),
    /// Clients' requests, relayed to the leader.
    Relay(BoundedVec<Request, MAX_RELAYED_REQUESTS>),
    /// A question for data.
    Fetch(Signed<Fetch>),
    /// An answer to it.
    Data(Data),
    /// What the sender remembers that the receiver has signed.
    Reminder(Box<Reminder>),
}

impl Message {
    /// Whether this message always travels on the connection that bulk data never blocks. Proposals do, whatever their
    /// size; short relays are let onto it too (ADR 0005).
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        !matches!(self, Self::Relay(_) | Self::Data(_))
    }
}

/// What a replica asks its keys to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A header, and the leader's own PREPARE for it.
    Header(Header),
    /// A vote.
    Vote(Vote),
    /// A suspicion.
    Suspect(Suspect),
    /// A view change.
    ViewChange(ViewChangeHead),
    /// An opening of a view.
    NewView(NewViewBody),
    /// A heartbeat.
    Heartbeat(Heartbeat),
    /// A status.
    Status(Status),
    /// A checkpoint vote.
    Checkpoint(CheckpointVote),
    /// A fetch.
    Fetch(Fetch),
    /// A reply.
    Reply(Reply),
}

impl<B> Signed<B> {
    /// Joins a body and its signature.
    #[must_use]
    pub const fn new(body: B, signature: Signature) -> Self {
        Self { body, signature }
    }
}
