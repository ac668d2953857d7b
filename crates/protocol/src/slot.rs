//! Votes per slot: one place per signer and round.

use crate::limits::{SLOTS_AHEAD, SLOTS_BEHIND};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    BoundedVec, Certificate, Digest, Instant, Message, Phase, Quorum, Rank, ReplicaId, Sequence, Signature,
    Signed, SignedHeader, View, Vote,
};

/// The first vote of each signer in one round, by signer: a handful in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Votes(Vec<(ReplicaId, (Digest, Signature))>);

impl Votes {
    pub(crate) fn get(&self, signer: &ReplicaId) -> Option<&(Digest, Signature)> {
        let place = self.0.binary_search_by_key(signer, |(known, _)| *known).ok()?;
        self.0.get(place).map(|(_, vote)| vote)
    }

    /// Puts a vote in its signer's place.
    fn set(&mut self, signer: ReplicaId, vote: (Digest, Signature)) {
        match self.0.binary_search_by_key(&signer, |(known, _)| *known) {
            Ok(place) => self.0[place].1 = vote,
            Err(place) => self.0.insert(place, (signer, vote)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ReplicaId, &(Digest, Signature))> {
        self.0.iter().map(|(signer, vote)| (signer, vote))
    }
}

/// What is known of one (view, sequence).
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The first leader-signed header and its identity.
    pub(crate) first: Option<(Digest, SignedHeader)>,
    pub(crate) prepares: Votes,
    pub(crate) commits: Votes,
    /// Whether the certificates were formed.
    pub(crate) is_prepared: bool,
    pub(crate) is_committed: bool,
    /// Our own votes as they went out, for sending again (T6).
    pub(crate) my_prepare: Option<Message>,
    pub(crate) my_commit: Option<Message>,
    /// When we prepared it.
    pub(crate) voted_at: Option<Instant>,
}

/// What a vote did.
pub(crate) enum Counted {
    /// It is the signer's first for this slot and completes no certificate.
    New,
    /// It completes this certificate.
    Completes(Certificate),
    /// The signer's first vote, which differs: both together are evidence.
    Contradicts(Signed<Vote>),
    /// Nothing new.
    Known,
}

impl Slot {
    pub(crate) fn votes(&self, phase: Phase) -> &Votes {
        match phase {
            Phase::Prepare => &self.prepares,
            Phase::Commit => &self.commits,
        }
    }

    /// N16: counts the first vote of a signer for the slot.
    pub(crate) fn count(&mut self, vote: &Signed<Vote>, quorum: Quorum) -> Counted {
        let body = vote.body;
        let (votes, done) = match body.phase {
            Phase::Prepare => (&mut self.prepares, &mut self.is_prepared),
            Phase::Commit => (&mut self.commits, &mut self.is_committed),
        };
        if let Some((id, signature)) = votes.get(&body.replica) {
            if *id == body.id {
                return Counted::Known;
            }
            if planted::is_on(Bug::LastVoteCounts) {
                votes.set(body.replica, (body.id, vote.signature));
                return Counted::New;
            }
            return Counted::Contradicts(Signed::new(Vote { id: *id, ..body }, *signature));
        }
        votes.set(body.replica, (body.id, vote.signature));
        if *done {
            return Counted::New;
        }
        let equal: Vec<(ReplicaId, Signature)> = votes
            .iter()
            .filter(|(_, (id, _))| *id == body.id || planted::is_on(Bug::VotesForDifferentBlocksAdd))
            .map(|(replica, (_, signature))| (*replica, *signature))
            .collect();
        // Q4: q votes of different members over the same words.
        if equal.len() < quorum.quorum() {
            return Counted::New;
        }
        *done = true;
        Counted::Completes(Certificate {
            phase: body.phase,
            view: body.view,
            sequence: body.sequence,
            id: body.id,
            votes: BoundedVec::truncated(equal),
        })
    }

    /// Who prepared this block.
    pub(crate) fn preparers(&self, id: Digest) -> Vec<ReplicaId> {
        self.prepares.iter().filter(|(_, (voted, _))| *voted == id).map(|(replica, _)| *replica).collect()
    }
}

/// The slots near the committed one, of the last, this and the next view.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(crate) table: BTreeMap<Rank, Box<Slot>>,
}

impl Slots {
    /// B2: whether a sequence lies in the kept window around the committed one.
    pub(crate) const fn is_near(sequence: Sequence, committed: Sequence) -> bool {
        sequence.0 > 0
            && sequence.0.saturating_add(SLOTS_BEHIND) > committed.0
            && sequence.since(committed) <= SLOTS_AHEAD
    }

    pub(crate) fn get(&self, rank: Rank) -> Option<&Slot> {
        self.table.get(&rank).map(|slot| &**slot)
    }

    pub(crate) fn at(&mut self, rank: Rank) -> &mut Slot {
        self.table.entry(rank).or_default()
    }

    /// Drops what lies too far behind.
    pub(crate) fn forget(&mut self, view: View, committed: Sequence) {
        self.table.retain(|rank, _| {
            rank.view.0.saturating_add(1) >= view.0 && Self::is_near(rank.sequence, committed)
        });
    }

    /// The slots of a view above `sequence`.
    pub(crate) fn above(&self, view: View, sequence: Sequence) -> impl Iterator<Item = (&Rank, &Slot)> {
        let from = Rank { view, sequence: sequence.next() };
        let to = Rank { view, sequence: Sequence(u64::MAX) };
        // A sequence of u64::MAX cannot be committed, so the range is never reversed.
        self.table.range(from.min(to)..=to).map(|(rank, slot)| (rank, &**slot))
    }
}
