//! Suspicions become a certificate, the certificate moves the view, and the next leader collects locks (V10 to V18).

use crate::limits::{SILENT_LEADER_US, SILENT_LEADER_WINDOW_US, VIEW_CHANGE_TO_ALL};
use crate::output::{Draft, Note, Recipients};
use crate::record::{Justification, Record};
use crate::replica::Replica;
use crate::term::{Mode, Term};
use crate::window::Missing;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    BoundedVec, Digest, Evidence, Message, NewViewBody, Rank, ReplicaId, Sequence, Signature, Signed,
    Suspect, TimeoutCertificate, View, ViewChange, ViewChangeHead,
};

impl Replica {
    pub(crate) fn on_suspect(&mut self, suspect: Signed<Suspect>) {
        let Suspect { view, replica } = suspect.body;
        if view < self.term.view || !self.quorum.has(replica) {
            return;
        }
        if replica == self.config.me && view == self.term.view {
            self.mutiny.my_suspect = Some(suspect.clone());
        }
        if view == self.term.view && replica != self.config.me {
            self.mutiny.hear(replica, self.now);
        }
        self.mutiny.keep(suspect, self.term.view);
        if view == self.term.view && replica == self.leader() && replica != self.config.me {
            // V4: the leader itself wants to be relieved (D10).
            self.suspect('d');
        }
        self.try_timeout(view);
    }

    /// V11: q SUSPECTs of a view at or above our own make its certificate; of our own those of replicas that go on suspecting.
    pub(crate) fn try_timeout(&mut self, view: View) {
        let vote = |suspect: &Signed<Suspect>| (suspect.body.replica, suspect.signature);
        let mut votes: Vec<(ReplicaId, Signature)> = if view == self.term.view {
            let (me, us) = (self.config.me, self.suspect_counts_us());
            self.mutiny.that_count(view, me, us, self.now).map(vote).collect()
        } else {
            self.mutiny.suspects_of(view).map(vote).collect()
        };
        // Q4: in order, or it counts for nobody.
        votes.sort_unstable_by_key(|(replica, _)| *replica);
        if votes.len() >= self.quorum.quorum() {
            self.on_timeout(TimeoutCertificate { view, votes: BoundedVec::truncated(votes) });
        }
    }

    pub(crate) fn on_timeout(&mut self, timeout: TimeoutCertificate) {
        if !timeout.is_well_formed(self.quorum) {
            return;
        }
        if self.term.lacks_timeout(&timeout) {
            self.complete_justification(Justification::Timeout(timeout.clone()));
            if self.term.mode == Mode::Changing {
                // V14: what could not be told before.
                self.send_view_change(timeout);
            }
            return;
        }
        if timeout.view < self.term.view {
            return;
        }
        // V11: whoever has it passes it on and enters the next view.
        self.send_ready(Recipients::Others, Message::Timeout(timeout.clone()));
        self.enter(timeout.view.next(), Justification::Timeout(timeout));
    }

    /// D26: takes what lets into our view; the disk has lost what did.
    pub(crate) fn complete_justification(&mut self, justification: Justification) {
        // D2: a VIEWCHANGE waits for it as it does for its promise.
        self.disk.promise_ticket = self.persist(alloc::vec![Record::Justification(justification.clone())]);
        self.term.justification = justification;
    }

    /// V12, V13: leaves the old view for good.
    pub(crate) fn enter(&mut self, view: View, justification: Justification) {
        if view <= self.term.view {
            return;
        }
        self.on_view_ended();
        let leader = self.quorum.leader(view);
        let mut term = Term::begin(view, justification.clone(), self.now);
        if let Some(peer) = self.peers.get(leader.index())
            && leader != self.config.me
            && self.now.since(peer.heard) >= SILENT_LEADER_US
        {
            // T2: a leader that has long been silent gets little time.
            term.first_window_us = Some(SILENT_LEADER_WINDOW_US);
        }
        let tip = core::mem::replace(&mut self.term, term).voted.map(|tip| tip.id);
        // V13: nothing counts as prepared here; view, justification, lock and first lease are written before anything.
        let lease = self.lock.rank.sequence.max(self.chain.committed).plus(self.config.tunables.lease_slots);
        self.persist_promise(alloc::vec![Record::Justification(justification.clone())], lease);
        self.slots.forget(view, self.chain.committed);
        self.mutiny.begin(view, self.now);
        self.note(Note::Entered { view, leader });
        self.return_requests();
        self.forget_old_blocks(tip, &justification);
        self.performance.begin(self.now);
        self.relays.begin();
        if let Justification::Timeout(timeout) = justification {
            self.send_view_change(timeout);
        }
        if self.charges.is_convicted(leader) {
            // V4: evidence against the leader of the current view.
            self.suspect('d');
        }
    }

    /// B2: what was proposed before the last view and never certified, as far as we know, goes: views may fail for as long as
    /// the network likes. If one of these blocks has a certificate all the same, whoever shows it can be asked for it, and a
    /// block that was committed anywhere is locked, so kept, by a weak quorum of correct replicas at least.
    fn forget_old_blocks(&mut self, tip: Option<Digest>, justification: &Justification) {
        let shown = match justification {
            Justification::NewView(new_view) => new_view.signed.body.base().map(|(_, id)| id),
            Justification::Certificate(certificate) => Some(certificate.id),
            Justification::Genesis | Justification::Timeout(_) => None,
        };
        let mut wanted: Vec<Digest> = self.catch_up.wanted().chain(tip).chain(shown).collect();
        wanted.push(self.lock.id);
        let last = View(self.term.view.0.saturating_sub(1));
        let agreed = self.chain.last_commit.as_ref().map_or(Sequence(0), |certificate| certificate.sequence);
        self.chain.forget_views_before(last, &wanted, agreed.max(self.lock.rank.sequence));
    }

    /// V14: tells the next leader our lock.
    pub(crate) fn send_view_change(&mut self, timeout: TimeoutCertificate) {
        // D23: a head without its proof counts for nobody.
        if !self.may_vote() || self.lock.rank.view >= self.term.view || self.lock.lacks_proof() {
            return;
        }
        let head = ViewChangeHead {
            view: self.term.view,
            rank: self.lock.rank,
            id: self.lock.id,
            replica: self.config.me,
        };
        self.mutiny.resend_at = self.now.plus(self.window_us() / 2);
        let to = self.leader();
        let to = if self.quorum.n() <= VIEW_CHANGE_TO_ALL {
            Recipients::Others
        } else if to == self.config.me {
            Recipients::Myself
        } else {
            Recipients::One(to)
        };
        // D2, V15: the lock that it names is in the last promise; locks only rise, so repeats never show a lower one.
        let gate =
            self.disk.gate(self.disk.promise_ticket).filter(|_| !planted::is_on(Bug::ViewChangeBeforeLock));
        let certificate = self.lock.certificate.clone();
        self.send(to, Draft::ViewChange { head, certificate, timeout: timeout.into() }, gate);
    }

    pub(crate) fn on_view_change(&mut self, from: ReplicaId, change: ViewChange) {
        let head = change.head.body;
        if !head.is_allowed() {
            // X1: a signed body that no rule allows.
            return self.convict(Evidence::ViewChange(change.head));
        }
        if change.timeout.view.next() != head.view && !planted::is_on(Bug::TimeoutOfAnyView) {
            return self.ignore(from, "V12 a head without the right to its view");
        }
        // The certificate of suspicion moves us, whoever leads next.
        self.on_timeout(change.timeout.clone());
        if head.view < self.term.view || self.quorum.leader(head.view) != self.config.me {
            return;
        }
        // V16: the attachment must be exactly what the head claims.
        if !is_backed(&head, &change, self.chain.genesis()) {
            return self.ignore(from, "V16 a head without its certificate");
        }
        let held = self.mutiny.view_changes.get(&head.replica).map(|held| &held.head.body);
        // V15: only a higher rank replaces what is held; B2: one per sender.
        let is_higher = held.is_some_and(|held| (held.view, held.rank) >= (head.view, head.rank));
        if is_higher && !planted::is_on(Bug::LowerHeadReplaces) {
            return;
        }
        self.mutiny.view_changes.insert(head.replica, change);
        self.try_new_view();
    }

    /// V18: with q counted VIEWCHANGEs the view is opened.
    pub(crate) fn try_new_view(&mut self) {
        // D2, D7: only by the process that entered the view, and once.
        let waits = self.is_leader()
            && self.term.view.0 > 0
            && self.term.entered_here
            && !self.term.leads
            && self.term.voted.is_none()
            && !self.is_leaving
            && !self.is_disk_stuck
            && self.may_vote();
        if !waits {
            return;
        }
        let heads = self.counted_heads();
        let has_own = heads.iter().any(|head| head.body.replica == self.config.me);
        // Our own head is among them, so the base ranks at least as high as our own lock, and all that counted at
        // that height or above is held.
        if !has_own || heads.len() < self.quorum.quorum() {
            return;
        }
        let body =
            NewViewBody { view: self.term.view, leader: self.config.me, heads: BoundedVec::truncated(heads) };
        let Some(base) = body.base() else { return };
        let certificate = self
            .mutiny
            .view_changes
            .values()
            .find(|change| (change.head.body.rank, change.head.body.id) == base)
            .and_then(|change| change.certificate.clone());
        self.term.leads = true;
        let gate = self.view_gate();
        self.send(Recipients::Others, Draft::NewView { body, certificate }, gate);
    }

    /// V17: the heads whose blocks are held; the others' blocks are fetched meanwhile.
    fn counted_heads(&mut self) -> Vec<Signed<ViewChangeHead>> {
        let view = self.term.view;
        let mut heads = Vec::new();
        let mut lacking: Vec<(Digest, Sequence, Vec<ReplicaId>)> = Vec::new();
        for change in self.mutiny.view_changes.values().filter(|change| change.head.body.view == view) {
            let head = change.head.body;
            // C7, D23: the block of our own lock may be missing, and a view is opened on nothing that is.
            let is_low = head.rank < self.lock.rank
                || (head.rank == self.lock.rank && head.rank.sequence <= self.chain.committed);
            match if is_low { Missing::Nothing } else { self.chain.missing(head.id, head.rank.sequence) } {
                Missing::Nothing => heads.push(change.head.clone()),
                Missing::Impossible => {}
                Missing::Block(..) | Missing::Batches(_) => {
                    let mut sources = alloc::vec![head.replica];
                    sources.extend(change.certificate.iter().flat_map(|c| c.votes.iter().map(|vote| vote.0)));
                    lacking.push((head.id, head.rank.sequence, sources));
                }
            }
        }
        for (id, sequence, sources) in lacking {
            self.need(id, sequence, sources);
        }
        heads
    }
}

/// Whether the certificate attached to a VIEWCHANGE is what its head names (V16).
fn is_backed(head: &ViewChangeHead, change: &ViewChange, genesis: Digest) -> bool {
    claims(head.rank, head.id, change.certificate.as_ref(), genesis)
}

/// Whether a certificate proves this rank and block; none is needed for genesis.
pub(crate) fn claims(
    rank: Rank,
    id: Digest,
    certificate: Option<&outvote_types::Certificate>,
    genesis: Digest,
) -> bool {
    match certificate {
        Some(certificate) => {
            (certificate.rank() == rank && certificate.id == id) || planted::is_on(Bug::LockUnproven)
        }
        None => rank == Rank::default() && id == genesis,
    }
}
