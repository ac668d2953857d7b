//! One replica: its state, and the one door through which things happen to it.

use crate::catch_up::CatchUp;
use crate::checkpoint::Checkpoints;
use crate::config::Config;
use crate::evidence::Charges;
use crate::growth::Growth;
use crate::input::Input;
use crate::output::{Draft, Note, Output, Recipients, Ticket};
use crate::peer::Peer;
use crate::performance::Performance;
use crate::pool::Pool;
use crate::promise::{Disk, Lock};
use crate::record::Voting;
use crate::relay::Relays;
use crate::rollback::OwnWords;
use crate::slot::Slots;
use crate::status::Status;
use crate::suspicion::Mutiny;
use crate::term::{Mode, Term};
use crate::timers::Timers;
use crate::turnover::Turnover;
use crate::window::Chain;
use alloc::vec::Vec;
use outvote_types::{Instant, Message, Quorum, ReplicaId, Sequence, View, WallTime};

/// The rules of one replica.
#[derive(Debug)]
pub struct Replica {
    pub(crate) config: Config,
    pub(crate) quorum: Quorum,
    /// The monotonic time of this step; never goes back.
    pub(crate) now: Instant,
    /// The wall-clock time of this step; may go anywhere.
    pub(crate) wall: WallTime,
    /// What this step has asked for so far.
    pub(crate) out: Vec<Output>,
    /// Whether this key may still vote.
    pub(crate) voting: Voting,
    /// What may have been signed with it (D18).
    pub(crate) own: OwnWords,
    pub(crate) term: Term,
    pub(crate) disk: Disk,
    pub(crate) lock: Lock,
    pub(crate) chain: Chain,
    pub(crate) slots: Slots,
    pub(crate) mutiny: Mutiny,
    pub(crate) catch_up: CatchUp,
    pub(crate) pool: Pool,
    pub(crate) relays: Relays,
    pub(crate) turnover: Turnover,
    pub(crate) growth: Growth,
    pub(crate) performance: Performance,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) charges: Charges,
    /// One per member, in order; our own place stays unused.
    pub(crate) peers: Vec<Peer>,
    pub(crate) timers: Timers,
    /// The process is about to stop: nothing new is led any more (D10).
    pub(crate) is_leaving: bool,
    /// The disk finishes nothing: nothing new is led meanwhile (D28).
    pub(crate) is_disk_stuck: bool,
}

impl Replica {
    /// Takes one input; never fails and never waits.
    #[must_use]
    pub fn step(&mut self, now: Instant, wall: WallTime, input: Input) -> Vec<Output> {
        // T7: a monotonic clock that seems to go back is held still.
        self.now = self.now.max(now);
        self.wall = wall;
        match input {
            Input::Message { from, message } => self.on_message(from, message.into_inner()),
            Input::Request(request) => self.on_request(request.into_inner()),
            Input::InvalidBatch { digest } => self.on_invalid_batch(digest),
            Input::Durable(ticket) => self.disk.on_durable(ticket),
            Input::Executed { sequence, result_root, state_root } => {
                self.on_executed(sequence, result_root, state_root);
            }
            Input::StateInstalled { certificate, header } => self.on_state_installed(certificate, header),
            Input::StateKept { header } => self.on_state_kept(header.as_deref()),
            Input::Link { peer, up } => self.on_link(peer, up),
            Input::Stopping => self.on_stopping(),
            Input::Disk { is_stuck } => self.on_disk(is_stuck),
            Input::Tick => {}
        }
        self.settle();
        if cfg!(debug_assertions) {
            self.assert_invariants();
        }
        core::mem::take(&mut self.out)
    }

    /// What follows from any input: votes and proposals that became possible, and clocks that ran out.
    pub(crate) fn settle(&mut self) {
        self.try_prepare();
        self.try_propose();
        self.on_time();
    }

    fn on_message(&mut self, from: ReplicaId, message: Message) {
        if from != self.config.me {
            if !self.quorum.has(from) {
                return self.ignore(from, "M4 stranger");
            }
            // D18: what peers show of our own key may prove that our disk is an old copy.
            self.notice_own_signatures(&message);
            self.remember_words(&message);
            self.on_heard(from, &message);
        } else {
            self.own.say(&message);
        }
        // M8, B4: every signature holds, and nothing in here can do more than be ignored, counted, or held against its signer.
        match message {
            Message::Propose(propose) => self.on_propose(from, *propose),
            Message::Prepare(prepare) => self.on_prepare(from, *prepare),
            Message::Commit(vote) => self.on_commit(from, vote),
            Message::Certificate(certificate) => self.on_certificate(certificate, Some(from)),
            Message::Suspect(suspect) => self.on_suspect(suspect),
            Message::Timeout(timeout) => self.on_timeout(timeout),
            Message::ViewChange(change) => self.on_view_change(from, *change),
            Message::NewView(new_view) => self.on_new_view(from, *new_view),
            Message::Heartbeat(_) => {}
            Message::Status(status) => self.on_status(from, status.body),
            Message::Checkpoint(vote) => self.on_checkpoint(vote),
            Message::Stable(certificate) => self.on_stable(certificate),
            Message::Evidence(evidence) => self.on_evidence(*evidence),
            Message::Relay(requests) => self.on_relay(from, requests.into_inner()),
            Message::Fetch(fetch) => self.on_fetch(from, fetch.body),
            Message::Data(data) => self.on_data(from, data),
            // D22: all that it can mean was noticed above.
            Message::Reminder(_) => {}
        }
    }

    /// When the replica wants an [`Input::Tick`], if nothing else comes before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.next_deadline()
    }

    /// What people and tests may see.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            view: self.term.view,
            leader: self.leader(),
            normal: self.term.mode == Mode::Normal,
            sitting_out: self.term.sitting_out,
            observer: !self.may_vote(),
            high_rank: self.lock.rank,
            voted: self.term.voted.map_or(self.chain.committed, |tip| tip.sequence),
            committed: self.chain.committed,
            committed_id: self.chain.committed_id,
            executed: self.chain.executed,
            stable: self.checkpoints.stable_sequence(),
            timeout_us: self.window_us(),
            pending: self.pool.len(),
            view_changes: self.mutiny.views_entered,
            diverged: self.checkpoints.diverged,
        }
    }

    /// What other members last said of themselves in STATUS, in their order. Hints, never believed (C8).
    pub fn peer_statuses(&self) -> impl Iterator<Item = &outvote_types::Status> {
        self.peers.iter().filter_map(|peer| peer.status.as_ref())
    }

    /// Who leads the current view (Q6).
    pub(crate) const fn leader(&self) -> ReplicaId {
        self.quorum.leader(self.term.view)
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.leader() == self.config.me
    }

    pub(crate) fn may_vote(&self) -> bool {
        self.voting == Voting::Allowed
    }

    /// The highest sequence that the window above the stable checkpoint admits (N7).
    pub(crate) fn window_end(&self) -> Sequence {
        let window = self.checkpoint_interval().saturating_mul(crate::limits::WINDOW_INTERVALS);
        self.checkpoints.stable_sequence().plus(window)
    }

    /// The highest slot that may be proposed or prepared before something more is committed (N1, N7).
    pub(crate) fn slots_end(&self) -> Sequence {
        let most = self.config.tunables.in_flight_max.max(1);
        let end = self.chain.committed.plus(most).min(self.window_end());
        // A view may begin on a certified block that lies K slots above the committed one already. Old blocks are never
        // voted for again (N10), so only a block on top commits them: there is always room for one.
        end.max(self.term.base.next())
    }

    /// How many of the given view may be counted: this view, the one before (late votes) and the next (N15).
    pub(crate) fn is_near(&self, view: View) -> bool {
        view.0.saturating_add(1) >= self.term.view.0 && view <= self.term.view.next()
    }

    pub(crate) fn send(&mut self, to: Recipients, draft: Draft, after: Option<Ticket>) {
        self.out.push(Output::Send { to, draft, after });
    }

    pub(crate) fn send_ready(&mut self, to: Recipients, message: Message) {
        self.send(to, Draft::Ready(message), None);
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.out.push(Output::Note(note));
    }

    pub(crate) fn ignore(&mut self, from: ReplicaId, why: &'static str) {
        self.note(Note::Ignored { from, why });
    }
}
