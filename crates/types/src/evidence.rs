//! Proof of misbehaviour that anyone can verify from signed bytes and the committee alone.

use crate::block::{Header, SignedHeader};
use crate::digest::Digest;
use crate::id::{Epoch, ReplicaId, Sequence, View};
use crate::planted::{self, Bug};
use crate::quorum::Quorum;
use crate::signing::{Signable, Signed};
use crate::view_change::{NewViewBody, ViewChangeHead};
use crate::vote::{Phase, Vote};
use alloc::boxed::Box;
use borsh::{BorshDeserialize, BorshSerialize};

/// The rule that a piece of evidence shows broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Rule {
    /// Two headers for one slot.
    TwoProposals = 0,
    /// Two PREPAREs for one slot.
    TwoPrepares = 1,
    /// Two COMMITs for one slot.
    TwoCommits = 2,
    /// Two NEWVIEWs for one view.
    TwoNewViews = 3,
    /// A header that no rule allows.
    ForbiddenHeader = 4,
    /// A NEWVIEW that no rule allows.
    ForbiddenNewView = 5,
    /// A VIEWCHANGE that no rule allows.
    ForbiddenViewChange = 6,
}

impl Rule {
    /// What was done, in words for the page and the terminal.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::TwoProposals => "two proposals for one slot",
            Self::TwoPrepares => "two PREPARE votes for one slot",
            Self::TwoCommits => "two COMMIT votes for one slot",
            Self::TwoNewViews => "two openings of one view",
            Self::ForbiddenHeader => "a proposal that no rule allows",
            Self::ForbiddenNewView => "an opening of a view that no rule allows",
            Self::ForbiddenViewChange => "a view change that no rule allows",
        }
    }
}

/// Signed bytes that cannot both, or not at all, come from an honest replica.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Evidence {
    /// Two different headers of one leader for one slot.
    Headers(Box<SignedHeader>, Box<SignedHeader>),
    /// Two different votes of one replica, of one phase, for one slot.
    Votes(Signed<Vote>, Signed<Vote>),
    /// Two different NEWVIEWs of one leader for one view.
    NewViews(Box<Signed<NewViewBody>>, Box<Signed<NewViewBody>>),
    /// One header that no rule allows, whatever else happened.
    Header(Box<SignedHeader>),
    /// One NEWVIEW that no rule allows.
    NewView(Box<Signed<NewViewBody>>),
    /// One VIEWCHANGE head that no rule allows.
    ViewChange(Signed<ViewChangeHead>),
}

/// What a piece of evidence says, if its signatures hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Who broke the rule.
    pub accused: ReplicaId,
    /// Which rule.
    pub rule: Rule,
    /// In which view.
    pub view: View,
    /// For which slot; 0 where the rule is about a view.
    pub sequence: Sequence,
}

impl Evidence {
    /// The evidence's identity.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of_canonical(self)
    }

    /// What this says about whom, judged from the signed bytes and the committee alone; `None` if it proves nothing.
    ///
    /// The caller checks the signatures (`outvote-crypto`).
    #[must_use]
    pub fn charge(&self, quorum: Quorum, epoch: Epoch) -> Option<Charge> {
        // X1, X2: judged from signed bytes alone; "same slot" is the same epoch (in the signing domain), view and sequence.
        let charge = match self {
            Self::Headers(a, b) => {
                let same = slot(&a.body) == slot(&b.body) && a.body != b.body;
                same.then(|| of_header(&a.body, Rule::TwoProposals))?
            }
            Self::Votes(a, b) => votes(&a.body, &b.body)?,
            Self::NewViews(a, b) => {
                let same = a.body.view == b.body.view && a.body.leader == b.body.leader && a.body != b.body;
                same.then(|| of_view(a.body.leader, Rule::TwoNewViews, a.body.view))?
            }
            Self::Header(header) => (!is_header_allowed(&header.body, quorum, epoch))
                .then(|| of_header(&header.body, Rule::ForbiddenHeader))?,
            Self::NewView(signed) => (!signed.body.is_allowed(quorum))
                .then(|| of_view(signed.body.leader, Rule::ForbiddenNewView, signed.body.view))?,
            Self::ViewChange(head) => (!head.body.is_allowed())
                .then(|| of_view(head.body.replica, Rule::ForbiddenViewChange, head.body.view))?,
        };
        quorum.has(charge.accused).then_some(charge)
    }
}

fn slot(header: &Header) -> (Epoch, View, Sequence, ReplicaId) {
    (header.epoch, header.view, header.sequence, header.leader)
}

const fn of_header(header: &Header, rule: Rule) -> Charge {
    Charge { accused: header.leader, rule, view: header.view, sequence: header.sequence }
}

const fn of_view(accused: ReplicaId, rule: Rule, view: View) -> Charge {
    Charge { accused, rule, view, sequence: Sequence(0) }
}

fn votes(a: &Vote, b: &Vote) -> Option<Charge> {
    let same = (a.phase == b.phase || planted::is_on(Bug::PhaseIgnoredInEvidence))
        && (a.rank() == b.rank() || (a.sequence == b.sequence && planted::is_on(Bug::ViewIgnoredInEvidence)))
        && a.signer() == b.signer()
        && a.id != b.id;
    let rule = if a.phase == Phase::Prepare { Rule::TwoPrepares } else { Rule::TwoCommits };
    same.then_some(Charge { accused: a.replica, rule, view: a.view, sequence: a.sequence })
}

/// Whether a rule allows a leader to sign this header at all; a pure function of its bytes and the committee.
#[must_use]
pub fn is_header_allowed(header: &Header, quorum: Quorum, epoch: Epoch) -> bool {
    // N8: validity is a pure function of bytes and configuration.
    (header.epoch == epoch || planted::is_on(Bug::EpochUnchecked))
        && (quorum.leader(header.view) == header.leader || planted::is_on(Bug::AnybodyLeads))
        && header.sequence.0 > 0
        && header.control.is_none()
        && header.batches.iter().all(|batch| {
            (batch.count > 0 || planted::is_on(Bug::EmptyBatchAllowed))
                && usize::try_from(batch.count).is_ok_and(|c| c <= crate::limits::MAX_REQUESTS_PER_BATCH)
                && usize::try_from(batch.bytes).is_ok_and(|b| b <= crate::limits::MAX_BATCH_BYTES)
        })
}
