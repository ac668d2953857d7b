//! What is worth having its signatures checked: a cheap look before the expensive one.

use crate::replica::Replica;
use outvote_types::{Message, Phase, ReplicaId, Signed, Vote};

impl Replica {
    /// Whether a message from `from` could still change anything. A `false` never costs safety: what it drops is known
    /// already, or is of a view that is over.
    #[must_use]
    pub fn wants(&self, _from: ReplicaId, message: &Message) -> bool {
        let view = self.term.view;
        match message {
            Message::Commit(vote) => self.wants_vote(vote),
            // Q7: a certificate that ranks no higher than what is held is not verified at all.
            Message::Certificate(certificate) => {
                certificate.rank() > self.lock.rank
                    || (certificate.phase == Phase::Commit && certificate.sequence > self.chain.committed)
            }
            Message::Suspect(suspect) => suspect.body.view >= view,
            Message::Timeout(timeout) => timeout.view >= view,
            Message::ViewChange(change) => change.head.body.view >= view,
            Message::NewView(new_view) => new_view.signed.body.view >= view,
            Message::Stable(certificate) => certificate.sequence > self.checkpoints.stable_sequence(),
            _ => true,
        }
    }

    /// N16: after the slot is decided nothing more is verified for it, unless it says something else: that is evidence.
    fn wants_vote(&self, vote: &Signed<Vote>) -> bool {
        let Some(slot) = self.slots.get(vote.body.rank()) else { return true };
        let is_decided = match vote.body.phase {
            Phase::Prepare => slot.is_prepared,
            Phase::Commit => slot.is_committed,
        };
        let says_the_same = slot.votes(vote.body.phase).values().any(|(id, _)| *id == vote.body.id);
        !(is_decided && says_the_same)
    }
}
