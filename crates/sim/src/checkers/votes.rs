//! No correct replica signs two different things for one slot or view, in all its lives.

use super::Verdict;
use outvote_types::{Digest, Message, Phase, ReplicaId, Sequence, Signable, View, Vote};
use std::collections::BTreeMap;

/// Who votes where.
pub(super) type Slot = (ReplicaId, Phase, View, Sequence);

#[derive(Default)]
pub(super) struct Votes {
    votes: BTreeMap<Slot, Digest>,
    headers: BTreeMap<(ReplicaId, View, Sequence), Digest>,
    openings: BTreeMap<(ReplicaId, View), Digest>,
    /// What each VIEWCHANGE claimed; a later one of the same view never claims less.
    claims: BTreeMap<(ReplicaId, View), (View, Sequence)>,
    /// The view and lease that each replica found on its disk when it last restarted: D7 forbids it to prepare there.
    barred: BTreeMap<ReplicaId, (View, Sequence)>,
}

impl Votes {
    pub(super) fn cast(&self, slot: Slot) -> Option<Digest> {
        self.votes.get(&slot).copied()
    }

    /// A replica starts again from these promises.
    pub(super) fn on_restart(&mut self, replica: ReplicaId, view: View, lease: Sequence) {
        self.barred.insert(replica, (view, lease));
    }

    pub(super) fn on_message(&mut self, from: ReplicaId, message: &Message) -> Verdict {
        match message {
            Message::Propose(propose) => {
                let header = &propose.header.body;
                if header.leader == from {
                    let key = (from, header.view, header.sequence);
                    let id = header.id();
                    let known = *self.headers.entry(key).or_insert(id);
                    if known != id {
                        return Err(("equivocation", format!("{from} proposes two blocks: {key:?}")));
                    }
                }
                self.on_vote(from, &propose.prepare.body)
            }
            Message::Prepare(prepare) => {
                if prepare.header.body.id() != prepare.vote.body.id {
                    return Err(("equivocation", format!("{from} echoes another header than it votes for")));
                }
                self.on_parent(from, &prepare.header.body)?;
                self.on_vote(from, &prepare.vote.body)
            }
            Message::Commit(vote) => self.on_vote(from, &vote.body),
            Message::NewView(opened) if opened.signed.body.leader == from => {
                let digest = opened.signed.body.digest();
                let key = (from, opened.signed.body.view);
                if *self.openings.entry(key).or_insert(digest) != digest {
                    return Err(("equivocation", format!("{from} opens {} twice", key.1)));
                }
                Ok(())
            }
            Message::ViewChange(change) if change.head.body.replica == from => {
                let head = &change.head.body;
                // Compared field by field: the ordering of `Rank` is part of what is judged.
                let rank = (head.rank.view, head.rank.sequence);
                let claim = self.claims.entry((from, head.view)).or_insert(rank);
                if rank < *claim {
                    return Err(("monotone", format!("{from} claims {rank:?} after {claim:?}")));
                }
                *claim = rank;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// N6: who prepared the slot before in this view prepares only its child.
    fn on_parent(&self, from: ReplicaId, header: &outvote_types::Header) -> Verdict {
        let before = (from, Phase::Prepare, header.view, Sequence(header.sequence.0.saturating_sub(1)));
        if self.cast(before).is_some_and(|id| id != header.parent) {
            return Err((
                "chain",
                format!("{from} prepares {} on another parent than it prepared", header.sequence),
            ));
        }
        Ok(())
    }

    fn on_vote(&mut self, from: ReplicaId, vote: &Vote) -> Verdict {
        if vote.replica != from {
            // A retransmission of somebody else's words.
            return Ok(());
        }
        let barred =
            self.barred.get(&from).is_some_and(|(view, lease)| vote.view == *view && vote.sequence <= *lease);
        if vote.phase == Phase::Prepare && barred {
            return Err(("restart-rule", format!("{from} restarted and prepares {} again", vote.sequence)));
        }
        let slot = (from, vote.phase, vote.view, vote.sequence);
        if *self.votes.entry(slot).or_insert(vote.id) != vote.id {
            return Err(("equivocation", format!("two votes: {slot:?}")));
        }
        Ok(())
    }
}
