//! NEWVIEW: the view's base, and going on from it (V19 to V22).

use crate::output::Note;
use crate::record::{Justification, Record};
use crate::replica::Replica;
use crate::term::{Mode, Tip};
use crate::view_change::claims;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Evidence, NewView, ReplicaId};

impl Replica {
    pub(crate) fn on_new_view(&mut self, from: ReplicaId, new_view: NewView) {
        let body = &new_view.signed.body;
        if !body.is_allowed(self.quorum) {
            // V4, X1: a signed opening that no rule allows.
            return self.convict(Evidence::NewView(new_view.signed.into()));
        }
        if body.view < self.term.view {
            return;
        }
        let Some((rank, id)) = body.base() else { return };
        // V19: the certificate is the highest of the heads. It is no part of what was signed, so a wrong one blames nobody.
        if !claims(rank, id, new_view.certificate.as_ref(), self.chain.genesis()) {
            return self.ignore(from, "V19 an opening without its certificate");
        }
        if body.view > self.term.view {
            // V12: a valid NEWVIEW is the right to be in its view.
            self.enter(body.view, Justification::NewView(new_view.clone().into()));
        }
        if let Some(held) = &self.term.new_view {
            if held.signed.body != *body {
                // X1: two openings of one view.
                let first = held.signed.clone();
                self.convict(Evidence::NewViews(first.into(), new_view.signed.into()));
            }
            return;
        }
        if self.term.lacks_justification() {
            self.complete_justification(Justification::NewView(new_view.clone().into()));
        }
        self.term.new_view = Some(new_view);
        self.term.leader_heard = self.now;
        self.try_open();
    }

    /// V20: takes the base as last prepared, once it is held.
    pub(crate) fn try_open(&mut self) {
        // V21: only while nothing was prepared here, and by the very process that entered the view.
        if self.term.mode != Mode::Changing || !self.term.entered_here || self.term.voted.is_some() {
            return;
        }
        let Some(new_view) = &self.term.new_view else { return };
        let Some((rank, id)) = new_view.signed.body.base() else { return };
        let certificate = new_view.certificate.clone();
        let opening = Justification::NewView(new_view.clone().into());
        if rank.sequence < self.chain.committed {
            return;
        }
        if !self.chain.holds(id, rank.sequence) {
            let mut sources: Vec<ReplicaId> = alloc::vec![self.leader()];
            sources.extend(certificate.iter().flat_map(|c| c.votes.iter().map(|vote| vote.0)));
            return self.need(id, rank.sequence, sources);
        }
        let Some(time) = self.chain.time_of(id, rank.sequence) else { return };
        // V22: whatever the own lock says, a justified base is taken. Its certificate may raise the lock, never lower it.
        self.term.voted = Some(Tip { sequence: rank.sequence, id, time });
        self.term.base = rank.sequence;
        // D9: opening the view never ends the sitting out; a replica that sits out does not come here.
        self.term.sitting_out &= !planted::is_on(Bug::NewViewAfterRestart);
        self.term.mode = Mode::Normal;
        if !matches!(self.term.justification, Justification::NewView(_)) {
            // X5: after a fork across views the heads in here are what names the liars. No message waits for it.
            self.persist(alloc::vec![Record::Justification(opening)]);
        }
        if let Some(certificate) = certificate {
            self.on_certificate(certificate, None);
        }
        let view = self.term.view;
        self.note(Note::Opened { view });
        self.on_opened(id);
    }

    /// The requests of the base and of its uncommitted ancestors are ordered already.
    fn on_opened(&mut self, base: outvote_types::Digest) {
        self.on_ordered(base);
        self.term.leader_heard = self.now;
    }
}
