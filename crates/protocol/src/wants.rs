//! What is worth having its signatures checked: a cheap look before the expensive one (N16, Q7, B3).

use crate::replica::Replica;
use crate::slot::Slots;
use outvote_types::{Certificate, Data, Message, Phase, ReplicaId, Signable, Vote};

impl Replica {
    /// Whether a message from `from` could still change anything. A `false` never costs safety: what it drops is known
    /// already, or is of a view that is over, and [`Replica::step`] would ignore it as well; but for a SUSPECT that is said again by
    /// somebody else, which would pass for said anew (V11).
    #[must_use]
    pub fn wants(&self, from: ReplicaId, message: &Message) -> bool {
        if from != self.config.me && self.may_vote() && self.shows_old_copy(message) {
            // D18: our own key, shown by somebody else.
            return true;
        }
        let view = self.term.view;
        match message {
            Message::Propose(propose) => self.is_near(propose.header.body.view),
            Message::Prepare(prepare) => self.wants_vote(&prepare.vote.body),
            Message::Commit(vote) => self.wants_vote(&vote.body),
            Message::Certificate(certificate) => self.wants_certificate(certificate),
            // P11: that it is said again says that it still holds.
            Message::Suspect(suspect) => {
                let is_again = suspect.body.view == view && suspect.body.replica == from;
                is_again || self.mutiny.is_news(&suspect.body, view)
            }
            Message::Timeout(timeout) => timeout.view >= view || self.term.lacks_timeout(timeout),
            Message::ViewChange(change) => {
                let head = &change.head.body;
                let held = self.mutiny.view_changes.get(&head.replica).map(|held| held.head.body);
                let is_higher = held.is_none_or(|held| (held.view, held.rank) < (head.view, head.rank));
                let is_mine = self.quorum.leader(head.view) == self.config.me;
                let is_right = change.timeout.view >= view || self.term.lacks_timeout(&change.timeout);
                is_right || (head.view >= view && is_mine && is_higher)
            }
            Message::NewView(new_view) => {
                let held = self.term.new_view.as_ref().map(|held| &held.signed.body);
                let body = &new_view.signed.body;
                body.view > view || (body.view == view && held != Some(body))
            }
            Message::Heartbeat(heartbeat) => heartbeat.body.view == view && heartbeat.body.replica == from,
            Message::Status(status) => status.body.replica == from,
            Message::Checkpoint(vote) => vote.body.sequence > self.checkpoints.stable_sequence(),
            Message::Stable(certificate) => certificate.sequence > self.checkpoints.stable_sequence(),
            Message::Evidence(evidence) => evidence
                .charge(self.quorum, self.config.committee.epoch)
                .is_some_and(|charge| !self.charges.is_known(charge.accused, charge.rule)),
            Message::Relay(_) => self.takes_relays(),
            Message::Fetch(fetch) => fetch.body.signer() == from,
            Message::Data(data) => self.wants_data(from, data),
            // D22: words that we may have said cost nobody a check.
            Message::Reminder(_) => false,
        }
    }

    /// N16: nothing more is verified for a slot after q valid votes, unless it says something else: that is evidence.
    fn wants_vote(&self, vote: &Vote) -> bool {
        if !self.is_near(vote.view) || !Slots::is_near(vote.sequence, self.chain.committed) {
            return false;
        }
        let Some(slot) = self.slots.get(vote.rank()) else { return true };
        let votes = slot.votes(vote.phase);
        let is_decided = match vote.phase {
            Phase::Prepare => slot.is_prepared,
            Phase::Commit => slot.is_committed,
        };
        match votes.get(&vote.replica) {
            // X1: a second, different vote is evidence; the same one again is nothing.
            Some((id, _)) => *id != vote.id,
            None => !is_decided || votes.iter().all(|(_, (id, _))| *id != vote.id),
        }
    }

    /// Q7: a certificate that ranks no higher than what is held is not verified at all.
    fn wants_certificate(&self, certificate: &Certificate) -> bool {
        let raises = certificate.rank() > self.lock.rank || self.lock.lacks(certificate);
        if certificate.view > self.term.view || raises {
            return true;
        }
        match certificate.phase {
            Phase::Prepare => false,
            Phase::Commit if certificate.sequence > self.chain.committed => true,
            Phase::Commit => {
                // X5: it contradicts a committed block. Or it shortens the receipts of one that lacks its own.
                let held = self.chain.ids.get(&certificate.sequence);
                let lacks = |block: &alloc::sync::Arc<crate::CommittedBlock>| block.certificate.is_none();
                held.is_some_and(|id| *id != certificate.id)
                    || self.chain.cache.get(&certificate.sequence).is_some_and(lacks)
            }
        }
    }

    fn wants_data(&self, from: ReplicaId, data: &Data) -> bool {
        // C10: answers that nobody asked for are dropped.
        match data {
            Data::Batches(_) => self.chain.entries.values().any(|entry| entry.block.is_none()),
            Data::Block(block) => self.catch_up.is_needed(&block.header.body.id()),
            Data::Range { .. } => self.range_source() == Some(from),
            Data::Gone { .. } => !self.catch_up.needs.is_empty(),
            // These belong to the state transfer.
            Data::Manifest(_) | Data::Bucket { .. } => true,
        }
    }
}
