//! Messages of our own key that our promises forbid: the disk is an old copy (D18).

use crate::replica::Replica;
use outvote_types::{Certificate, Data, Message, NewViewBody, Phase, Rank, View, Vote};

impl Replica {
    /// Looks for own signatures in what peers show. SUSPECT, STATUS and REPLY may outrun the disk and prove nothing.
    pub(crate) fn notice_own_signatures(&mut self, message: &Message) {
        if !self.may_vote() {
            return;
        }
        let is_later = match message {
            Message::Propose(propose) => {
                self.forbids_vote(&propose.prepare.body) || self.forbids_header(&propose.header.body)
            }
            Message::Prepare(prepare) => {
                self.forbids_vote(&prepare.vote.body) || self.forbids_header(&prepare.header.body)
            }
            Message::Commit(vote) => self.forbids_vote(&vote.body),
            Message::Certificate(certificate) => self.forbids_certificate(certificate),
            Message::ViewChange(change) => {
                self.forbids_head(&change.head.body)
                    || change.certificate.as_ref().is_some_and(|c| self.forbids_certificate(c))
            }
            Message::NewView(new_view) => {
                self.forbids_opening(&new_view.signed.body)
                    || new_view.certificate.as_ref().is_some_and(|c| self.forbids_certificate(c))
            }
            Message::Data(Data::Range { certificate, .. }) => self.forbids_certificate(certificate),
            _ => false,
        };
        if is_later {
            // D18: treated like a lost disk.
            self.become_observer("D18 a peer shows a later message of this key than its disk allows");
        }
    }

    fn forbids_vote(&self, vote: &Vote) -> bool {
        vote.replica == self.config.me && self.forbids(vote.phase, vote.rank())
    }

    fn forbids_header(&self, header: &outvote_types::Header) -> bool {
        header.leader == self.config.me && self.forbids(Phase::Prepare, header.rank())
    }

    /// Whether the last promise handed out forbids this vote of ours.
    fn forbids(&self, phase: Phase, rank: Rank) -> bool {
        let promise = &self.disk.promise;
        match phase {
            // D3: prepared only under a lease of its view.
            Phase::Prepare => {
                rank.view > promise.view || (rank.view == promise.view && rank.sequence > promise.lease)
            }
            // D1: committed only with the lock at least there.
            Phase::Commit => rank > promise.high_rank,
        }
    }

    fn forbids_certificate(&self, certificate: &Certificate) -> bool {
        certificate.votes.iter().any(|(replica, _)| *replica == self.config.me)
            && self.forbids(certificate.phase, certificate.rank())
    }

    fn forbids_head(&self, head: &outvote_types::ViewChangeHead) -> bool {
        head.replica == self.config.me && self.forbids_view(head.view)
    }

    fn forbids_opening(&self, body: &NewViewBody) -> bool {
        (body.leader == self.config.me && self.forbids_view(body.view))
            || body.heads.iter().any(|head| self.forbids_head(&head.body))
    }

    /// D2: nothing of a view leaves before the view is promised.
    fn forbids_view(&self, view: View) -> bool {
        view > self.disk.promise.view
    }
}
