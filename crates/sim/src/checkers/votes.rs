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
    claims: BTreeMap<(ReplicaId, View), outvote_types::Rank>,
}

impl Votes {
    pub(super) fn cast(&self, slot: Slot) -> Option<Digest> {
        self.votes.get(&slot).copied()
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
                let claim = self.claims.entry((from, head.view)).or_insert(head.rank);
                if head.rank < *claim {
                    return Err(("monotone", format!("{from} claims {:?} after {claim:?}", head.rank)));
                }
                *claim = head.rank;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn on_vote(&mut self, from: ReplicaId, vote: &Vote) -> Verdict {
        if vote.replica != from {
            // A retransmission of somebody else's words.
            return Ok(());
        }
        let slot = (from, vote.phase, vote.view, vote.sequence);
        if *self.votes.entry(slot).or_insert(vote.id) != vote.id {
            return Err(("equivocation", format!("two votes: {slot:?}")));
        }
        Ok(())
    }
}
