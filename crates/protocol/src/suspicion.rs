//! Why a replica wants another leader (V1 to V10).

use crate::output::{Draft, Recipients};
use crate::replica::Replica;
use crate::term::Mode;
use alloc::collections::BTreeMap;
use outvote_types::planted::{self, Bug};
use outvote_types::{Instant, Message, ReplicaId, Signed, Suspect, View, ViewChange};

/// For how many windows a SUSPECT brings others along (V8): it is repeated every half (V10), and the sender's window may be longer.
const JOINS_WINDOWS: u64 = 2;
/// For how many windows it counts against the leader (V11).
const COUNTS_WINDOWS: u64 = 4;

/// The state of suspicion.
#[derive(Debug, Default)]
pub(crate) struct Mutiny {
    /// The newest SUSPECT per sender.
    pub(crate) suspects: BTreeMap<ReplicaId, Signed<Suspect>>,
    /// SUSPECTs of our own view whose sender's newest is of a later view.
    pub(crate) overtaken: BTreeMap<ReplicaId, Signed<Suspect>>,
    /// VIEWCHANGEs for views that we lead, the newest per sender.
    pub(crate) view_changes: BTreeMap<ReplicaId, ViewChange>,
    /// Why we suspect the current leader, if we do.
    pub(crate) reason: Option<char>,
    /// Our SUSPECT as it went out.
    pub(crate) my_suspect: Option<Signed<Suspect>>,
    /// When SUSPECT is repeated.
    suspect_at: Instant,
    /// When VIEWCHANGE is repeated.
    pub(crate) resend_at: Instant,
    /// Since when work has been waiting without a commit.
    busy_since: Option<Instant>,
    /// When each of the others last said that it suspects this leader; who goes on suspecting says so every half window (V10).
    heard: BTreeMap<ReplicaId, Instant>,
    /// Since when one honest replica among the others at least has gone on suspecting it.
    shared_since: Option<Instant>,
    /// Whether the closed link was used as a reason in this view already (V9).
    link_used: bool,
    /// Since when a quorum has been within reach. Without one no other leader would do better.
    reachable_since: Option<Instant>,
    /// Views entered since the start.
    pub(crate) views_entered: u64,
    /// When the next reason to suspect will hold, as of the end of the last step.
    due: Option<Instant>,
}

impl Mutiny {
    /// A view begins.
    pub(crate) fn begin(&mut self, view: View, now: Instant) {
        self.suspects.retain(|_, suspect| suspect.body.view >= view);
        self.overtaken.clear();
        self.view_changes.retain(|_, change| change.head.body.view >= view);
        self.reason = None;
        self.my_suspect = None;
        self.suspect_at = now;
        self.resend_at = now;
        self.busy_since = None;
        // Whoever was here before us has said so before us.
        self.heard = self
            .suspects
            .values()
            .filter(|suspect| suspect.body.view == view)
            .map(|suspect| (suspect.body.replica, now))
            .collect();
        self.shared_since = None;
        self.link_used = false;
        self.views_entered = self.views_entered.saturating_add(1);
    }

    /// Whether a SUSPECT says something new to a replica in the view `own`.
    pub(crate) fn is_news(&self, suspect: &Suspect, own: View) -> bool {
        let (view, sender) = (suspect.view, suspect.replica);
        match self.suspects.get(&sender).map(|held| held.body.view) {
            None => view >= own,
            Some(held) if held < view => true,
            // D26: whoever is in a later view may help to end this one.
            Some(held) => held > view && view == own && !self.overtaken.contains_key(&sender),
        }
    }

    /// B2: per sender the newest view, and our own.
    pub(crate) fn keep(&mut self, suspect: Signed<Suspect>, own: View) {
        if !self.is_news(&suspect.body, own) {
            return;
        }
        let sender = suspect.body.replica;
        let is_newest = self.suspects.get(&sender).is_none_or(|held| held.body.view < suspect.body.view);
        let older = if is_newest { self.suspects.insert(sender, suspect) } else { Some(suspect) };
        if let Some(older) = older.filter(|older| older.body.view == own) {
            self.overtaken.insert(sender, older);
        }
    }

    /// The SUSPECTs of this view, one per sender.
    pub(crate) fn suspects_of(&self, view: View) -> impl Iterator<Item = &Signed<Suspect>> {
        let is_any = planted::is_on(Bug::SuspicionsOfAllViews);
        let newest = self.suspects.values().filter(move |suspect| suspect.body.view == view || is_any);
        newest.chain(self.overtaken.values().filter(move |suspect| suspect.body.view == view && !is_any))
    }

    /// The SUSPECTs that count against the leader of the own view (V11): of those who said so lately, and of those who have left it
    /// for good (D26). Ours does while we have a reason.
    pub(crate) fn that_count(
        &self,
        own: View,
        me: ReplicaId,
        us: u64,
        now: Instant,
    ) -> impl Iterator<Item = &Signed<Suspect>> {
        let counts = move |suspect: &Signed<Suspect>| {
            let sender = suspect.body.replica;
            let is_overtaken = self.overtaken.contains_key(&sender);
            let is_fresh = self.heard.get(&sender).is_some_and(|at| now.since(*at) <= us);
            let holds = if sender == me { self.reason.is_some() } else { is_fresh || is_overtaken };
            holds || planted::is_on(Bug::OldSuspicionsDepose)
        };
        self.suspects_of(own).filter(move |suspect| counts(suspect))
    }

    /// The leader of this view is suspected by this replica, now.
    pub(crate) fn hear(&mut self, sender: ReplicaId, now: Instant) {
        self.heard.insert(sender, now);
    }

    /// How many others have said within so long that they suspect this leader.
    fn heard_within(&self, us: u64, now: Instant) -> usize {
        self.heard.values().filter(|at| now.since(**at) <= us).count()
    }

    /// Whether `f + 1` others have gone on suspecting this leader for so long.
    pub(crate) fn is_shared_for(&self, us: u64, now: Instant) -> bool {
        self.shared_since.is_some_and(|since| since.plus(us) <= now)
    }

    /// A commit resolves the suspicions that were about a lack of commits (V10).
    pub(crate) fn on_commit(&mut self, now: Instant) {
        self.busy_since = self.busy_since.map(|_| now);
        self.reason.take_if(|reason| matches!(reason, 'a' | 'c' | 'f' | 'h' | 'i'));
    }
}

impl Replica {
    /// V10: says that another leader would be better; binds to nothing.
    pub(crate) fn suspect(&mut self, reason: char) {
        if !self.may_vote() || planted::is_on(Bug::NeverSuspects) {
            return;
        }
        if let Some(held) = &mut self.mutiny.reason {
            // V10: what nothing resolves takes the place of what something may.
            if matches!(reason, 'd' | 'r') && !planted::is_on(Bug::ProofForgottenWithDoubt) {
                *held = reason;
            }
            return;
        }
        self.mutiny.reason = Some(reason);
        self.note_suspected(reason);
        self.send_suspect();
    }

    pub(crate) fn send_suspect(&mut self) {
        self.mutiny.suspect_at = self.now.plus(self.window_us() / 2);
        if let Some(suspect) = self.mutiny.my_suspect.clone() {
            self.send_ready(Recipients::Others, Message::Suspect(suspect));
            // V11: it counts again.
            return self.try_timeout(self.term.view);
        }
        let suspect = Suspect { view: self.term.view, replica: self.config.me };
        // D2: the view is durable before it is suspected.
        let gate = self.view_gate();
        self.send(Recipients::Others, Draft::Suspect(suspect), gate);
    }

    /// For how long a SUSPECT counts.
    pub(crate) fn suspect_counts_us(&self) -> u64 {
        self.window_us().saturating_mul(COUNTS_WINDOWS)
    }

    /// D26: helps a peer to end a view that we have left, where we cannot show it what let us into ours. Says whether it did.
    pub(crate) fn suspect_for(&mut self, to: ReplicaId, view: View) -> bool {
        if view >= self.term.view || !self.term.lacks_justification() || !self.may_vote() {
            return false;
        }
        // V10, X3: it binds nobody, and we vote in that view no more.
        let gate = self.view_gate();
        self.send(Recipients::One(to), Draft::Suspect(Suspect { view, replica: self.config.me }), gate);
        true
    }

    /// The leader did something that only a working leader does (V1).
    pub(crate) fn on_leader_alive(&mut self) {
        if planted::is_on(Bug::LifeUnheard) {
            return;
        }
        self.term.leader_heard = self.now;
        self.term.first_window_us = None;
        self.mutiny.reason.take_if(|reason| matches!(reason, 'a' | 'i'));
    }

    /// Takes note of a sign of life.
    pub(crate) fn on_heard(&mut self, from: ReplicaId, message: &Message) {
        if let Some(peer) = self.peers.get_mut(from.index()) {
            peer.heard = self.now;
            peer.has_spoken = true;
        }
        let view = match message {
            Message::Propose(propose) => propose.header.body.view,
            Message::Prepare(prepare) => prepare.vote.body.view,
            Message::Commit(vote) => vote.body.view,
            Message::NewView(new_view) => new_view.signed.body.view,
            Message::Heartbeat(heartbeat) if heartbeat.body.replica == from => heartbeat.body.view,
            _ => return,
        };
        if view == self.term.view && from == self.leader() {
            self.on_leader_alive();
        }
    }

    /// Whether there is something to commit.
    fn is_busy(&self) -> bool {
        let open = self.term.voted.is_some_and(|tip| tip.sequence > self.agreed());
        self.pool.len() > 0 || open
    }

    /// Each reason that only needs time, with the moment at which it holds.
    fn reasons(&self) -> [(char, Option<Instant>); 8] {
        let follows = !self.is_leader();
        let window = self.window_us();
        let entered = self.term.entered_at;
        // V1: the leader is silent.
        let silent = self.term.leader_heard.plus(self.first_window_us());
        // V3: a slot that we voted for stays open.
        let slot_us = window.max(self.timers.commit_time_us.saturating_mul(4));
        let slots = self.slots.above(self.term.view, self.agreed());
        let open = slots.filter_map(|(_, slot)| slot.voted_at).min().map(|at| at.plus(slot_us));
        // V6: the view does not get going.
        let started = self.term.mode == Mode::Normal && !self.is_busy();
        let stuck = entered.plus(self.first_window_us());
        // Clocks about a lack of progress start when a quorum comes within reach: alone, nobody is to blame.
        let reach = self.mutiny.reachable_since.map(|since| since.plus(self.first_window_us()));
        let after = |at: Option<Instant>| Some(at?.max(reach?));
        // V8: f + 1 suspect, and nothing moves here either. A leader never suspects itself for this.
        // Those who no longer do have fallen silent (V10): they count for nothing.
        let suspects = if planted::is_on(Bug::OldSuspicionsJoin) {
            self.mutiny.suspects_of(self.term.view).count()
        } else {
            self.mutiny.heard_within(window.saturating_mul(JOINS_WINDOWS), self.now)
        };
        let shared = self.mutiny.busy_since.filter(|_| {
            suspects >= if planted::is_on(Bug::OneSuspicionIsEnough) { 1 } else { self.quorum.weak() }
        });
        // V4: whatever became of the suspicion when the proof came.
        let is_proven = follows && self.charges.is_convicted(self.leader());
        [
            ('d', Some(entered).filter(|_| is_proven && !planted::is_on(Bug::ProofForgottenWithDoubt))),
            ('a', after(Some(silent).filter(|_| follows && !planted::is_on(Bug::SilenceTolerated)))),
            ('b', after(self.bypassed_at().filter(|_| follows))),
            ('c', after(open.filter(|_| !planted::is_on(Bug::OpenSlotTolerated)))),
            ('f', after(Some(stuck).filter(|_| !self.term.has_committed && !started))),
            ('h', after(shared.filter(|_| follows).map(|since| since.plus(window / 2)))),
            // P12: nobody is at fault; the leader suspects itself as well, and V4 brings along whoever counted otherwise.
            ('t', self.tenure_at()),
            ('i', self.link_lost_at().filter(|_| follows && reach.is_some())),
        ]
    }

    /// V9: when the closed link to the leader becomes a reason; at most once per view.
    fn link_lost_at(&self) -> Option<Instant> {
        if self.mutiny.link_used {
            return None;
        }
        let down = self.peers.get(self.leader().index())?.down_since?;
        let patience = (self.window_us() / 10).max(self.performance.round_trip_us().saturating_mul(3));
        Some(down.max(self.term.entered_at).plus(patience))
    }

    fn note_reach(&mut self) {
        let others = self.peers.iter().filter(|peer| peer.is_reachable(self.now)).count();
        let has_quorum = others.saturating_add(1) >= self.quorum.quorum();
        let since = self.mutiny.reachable_since;
        self.mutiny.reachable_since = has_quorum.then(|| since.unwrap_or(self.now));
    }

    fn note_shared(&mut self) {
        let window = self.window_us();
        let fresh = self.mutiny.heard_within(window, self.now);
        let since = self.mutiny.shared_since.unwrap_or(self.now);
        self.mutiny.shared_since = (fresh >= self.quorum.weak()).then_some(since);
    }

    /// V10: whether the reason to suspect has gone away by itself.
    fn is_resolved(&self, reason: char) -> bool {
        match reason {
            'b' => self.bypassed_at().is_none_or(|at| at > self.now),
            'g' => !self.too_many_sit_out(),
            _ => false,
        }
    }

    /// Runs last in each step, so what it finds stands until the next one.
    pub(crate) fn suspect_on_time(&mut self) {
        self.note_reach();
        self.note_shared();
        match (self.is_busy(), self.mutiny.busy_since) {
            (true, None) => self.mutiny.busy_since = Some(self.now),
            (false, Some(_)) => self.mutiny.busy_since = None,
            _ => {}
        }
        if let Some(reason) = self.mutiny.reason {
            if self.mutiny.suspect_at <= self.now && self.is_resolved(reason) {
                self.mutiny.reason = None;
                self.mutiny.due = self.reasons().into_iter().filter_map(|(_, at)| at).min();
            } else if self.mutiny.suspect_at <= self.now {
                // V10: repeated until the view ends or the suspicion is resolved.
                self.send_suspect();
            }
            return;
        }
        if !self.may_vote() {
            return;
        }
        let now = self.now;
        let reasons = self.reasons();
        self.mutiny.due = reasons.iter().filter_map(|(_, at)| *at).min();
        let reason = reasons.into_iter().find(|(_, at)| at.is_some_and(|at| at <= now));
        if let Some((reason, _)) = reason {
            self.mutiny.link_used |= reason == 'i';
            self.suspect(reason);
        }
    }

    pub(crate) fn suspicion_due(&self) -> Option<Instant> {
        if !self.may_vote() {
            return None;
        }
        if self.mutiny.reason.is_some() {
            return Some(self.mutiny.suspect_at);
        }
        self.mutiny.due
    }

    /// V7: so many replicas sit out that this view can never again prepare anything.
    pub(crate) fn check_sitting_out(&mut self) {
        if self.too_many_sit_out() {
            self.suspect('g');
        }
    }

    fn too_many_sit_out(&self) -> bool {
        let view = self.term.view;
        let others = self.peers.iter().filter_map(|peer| peer.status.as_ref());
        let sitting = others.filter(|status| status.view == view && status.sitting_out).count();
        let all = sitting.saturating_add(usize::from(self.term.sitting_out));
        all > self.quorum.n().saturating_sub(self.quorum.quorum())
    }

    pub(crate) fn on_link(&mut self, peer: ReplicaId, up: bool) {
        let now = self.now;
        let Some(state) = self.peers.get_mut(peer.index()) else { return };
        let was_up = core::mem::replace(&mut state.up, up);
        if up {
            state.down_since = None;
            self.remind(peer);
            // T3, T6: what was lost with the old link is sent again.
            self.send_status(Recipients::One(peer));
            self.resend_to(Recipients::One(peer));
        } else if was_up {
            state.down_since = Some(now);
        }
    }
}
