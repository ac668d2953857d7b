//! Sending again what gates progress, and helping whoever lags (T3 to T6).

use crate::limits::{ANSWER_INTERVAL_US, RESENT_SLOTS};
use crate::output::{Draft, Recipients};
use crate::record::Justification;
use crate::replica::Replica;
use crate::term::Mode;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Instant, Message, ReplicaId, Status};

impl Replica {
    pub(crate) fn send_status(&mut self, to: Recipients) {
        let status = Status {
            view: self.term.view,
            rank: self.lock.claimed_rank(),
            committed: self.chain.committed,
            stable: self.checkpoints.stable_sequence(),
            sitting_out: self.term.sitting_out,
            replica: self.config.me,
        };
        self.send(to, Draft::Status(status), None);
    }

    pub(crate) fn on_status(&mut self, from: ReplicaId, status: Status) {
        if from == self.config.me || status.replica != from {
            return;
        }
        let now = self.now;
        let Some(peer) = self.peers.get_mut(from.index()) else { return };
        // C8: a hint that moves nothing but what we send.
        peer.status = Some(status);
        let answered = peer.answered.is_some_and(|at| now.since(at) < ANSWER_INTERVAL_US);
        if !answered
            && self.answer(from, &status)
            && let Some(peer) = self.peers.get_mut(from.index())
        {
            peer.answered = Some(now);
        }
        self.check_sitting_out();
    }

    /// Sends what a peer's STATUS shows it to lack; says whether there was anything.
    fn answer(&mut self, to: ReplicaId, status: &Status) -> bool {
        // D22: first of all, before anything of this answer lets the peer vote.
        let mut answers = self.reminders_for(status);
        if status.view < self.term.view {
            // T4: whatever let us into our view lets the peer in as well; it is on our disk, so it outlives a restart.
            answers.extend(justification_message(&self.term.justification));
        }
        let may_lack_opening = status.rank.view < self.term.view && status.view <= self.term.view;
        if let Some(new_view) = self.term.new_view.as_ref().filter(|_| may_lack_opening) {
            answers.push(Message::NewView(new_view.clone().into()));
        }
        if status.committed < self.chain.committed {
            answers.extend(self.chain.last_commit.clone().map(Message::Certificate));
        }
        if status.rank < self.lock.rank {
            // T5: a certificate that completed at one replica reaches all.
            answers.extend(self.lock.certificate.clone().map(Message::Certificate));
        }
        if status.stable < self.checkpoints.stable_sequence() {
            answers.extend(self.checkpoints.stable().cloned().map(Message::Stable));
        }
        let has_any = !answers.is_empty();
        for answer in answers {
            self.send_ready(Recipients::One(to), answer);
        }
        self.suspect_for(to, status.view) || has_any
    }

    pub(crate) const fn resend_due(&self) -> Instant {
        self.timers.resend_at
    }

    pub(crate) fn resend_on_time(&mut self) {
        if self.timers.resend_at > self.now {
            return;
        }
        let half = (self.window_us() / 2).max(1);
        self.timers.resend_at = self.now.plus(half);
        let quiet = self.now.since(self.timers.committed_at) >= half;
        let open = self.slots.above(self.term.view, self.chain.committed).next().is_some();
        if quiet && (open || self.term.mode == Mode::Changing) {
            self.resend_to(Recipients::Others);
            self.send_status(Recipients::Others);
        } else {
            self.resend_checkpoints(Recipients::Others);
        }
        self.resend_relays();
    }

    /// T6: everything of ours that still gates progress.
    pub(crate) fn resend_to(&mut self, to: Recipients) {
        let mut messages: Vec<Message> = Vec::new();
        for (_, slot) in self
            .slots
            .above(self.term.view, self.chain.committed)
            .take(if planted::is_on(Bug::VotesSentOnce) { 0 } else { RESENT_SLOTS })
        {
            messages.extend(slot.my_prepare.clone());
            messages.extend(slot.my_commit.clone());
        }
        if let Some(suspect) = self.mutiny.my_suspect.as_ref().filter(|_| self.mutiny.reason.is_some()) {
            messages.push(Message::Suspect(suspect.clone()));
        }
        if self.term.leads
            && !self.term.has_committed
            && let Some(new_view) = &self.term.new_view
        {
            messages.push(Message::NewView(new_view.clone().into()));
        }
        for message in messages {
            self.send_ready(to, message);
        }
        // V14: VIEWCHANGE again, perhaps with a higher lock, until the view opens; D8: after a restart too.
        if self.term.mode == Mode::Changing
            && !planted::is_on(Bug::ViewChangeSentOnce)
            && let Justification::Timeout(timeout) = &self.term.justification
        {
            let timeout = timeout.clone();
            self.send_view_change(timeout);
        }
        self.resend_checkpoints(to);
    }

    fn resend_checkpoints(&mut self, to: Recipients) {
        let mine: Vec<Message> = self.checkpoints.unstable_votes_of(self.config.me);
        for message in mine {
            self.send_ready(to, message);
        }
    }
}

/// The message that carries a justification.
fn justification_message(justification: &Justification) -> Option<Message> {
    match justification {
        Justification::Genesis => None,
        Justification::Timeout(timeout) => Some(Message::Timeout(timeout.clone())),
        Justification::NewView(new_view) => Some(Message::NewView(new_view.clone())),
        Justification::Certificate(certificate) => Some(Message::Certificate(certificate.clone())),
    }
}
