//! The jar: verify -> decide -> persist -> sign -> send.

use crate::action::Action;
use crate::counters::Counters;
use crate::event::Event;
use crate::gate::{Gate, Outgoing};
use crate::intake::{Arrival, Filter, Intake, UNKNOWN_JOB};
use crate::signer::Signer;
use crate::state_fetches::StateFetches;
use crate::trace::{Trace, TraceEntry};
use outvote_crypto::{Checker, Scheme};
use outvote_protocol::{Config, Draft, Input, Note, Output, Recipients, Recovered, Status};
use outvote_types::planted::{self, Bug};
use outvote_types::{Data, Epoch, Instant, Message, Quorum, ReplicaId, Verified, WallTime};
use std::sync::Arc;

const NOT_ASKED: &str = "C10: nobody asked for this";

/// The time of a step.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) wall: WallTime,
}

/// A whole replica without its sockets, disk and threads: events in, actions out.
pub struct Replica {
    pub(crate) rules: outvote_protocol::Replica,
    pub(crate) intake: Intake,
    pub(crate) gate: Gate,
    pub(crate) signer: Signer,
    pub(crate) fetches: StateFetches,
    pub(crate) me: ReplicaId,
    pub(crate) quorum: Quorum,
    pub(crate) epoch: Epoch,
    pub(crate) counters: Counters,
    /// The number of the next step.
    step: u64,
    /// `None` costs nothing.
    trace: Option<Trace>,
}

impl Filter for (&outvote_protocol::Replica, &StateFetches, ReplicaId) {
    fn wants(&self, from: ReplicaId, message: &Message) -> bool {
        match message {
            Message::Data(data @ (Data::Manifest(_) | Data::Bucket { .. })) => {
                self.1.is_answer(from, data, self.2)
            }
            // It does not say what is gone, so it counts for both who may have asked.
            Message::Data(Data::Gone { .. }) if self.1.owes(from) && !planted::is_on(Bug::GoneUnheard) => {
                true
            }
            message => self.0.wants(from, message),
        }
    }
}

impl Replica {
    /// Starts a replica from what its disk holds. Nothing is sent before the whole log was read back (D11): that is the
    /// caller's `recovered`, and the actions are all that a restart may send.
    ///
    /// `scheme` holds this replica's key.
    #[must_use]
    pub fn recover(
        config: Config,
        recovered: Recovered,
        scheme: Arc<dyn Scheme>,
        now: Instant,
        wall: WallTime,
    ) -> (Self, Vec<Action>) {
        let (me, committee) = (config.me, config.committee.clone());
        let Ok(quorum) = committee.quorum() else {
            unreachable!("a committee is checked when it is loaded; this one is too small or too large");
        };
        assert!(
            committee.member(me).is_some_and(|member| member.consensus_key == scheme.public_key()),
            "the key is not the one that the committee lists for this replica"
        );
        let checker = Checker::new(committee.clone(), Arc::clone(&scheme));
        let (rules, outputs) = outvote_protocol::Replica::recover(config, recovered, now, wall);
        let mut replica = Self {
            rules,
            intake: Intake::new(checker, Arc::clone(&scheme), quorum.n(), me),
            gate: Gate::default(),
            signer: Signer::new(scheme, committee.domain(), me),
            fetches: StateFetches::default(),
            me,
            quorum,
            epoch: committee.epoch,
            counters: Counters::default(),
            step: 1,
            trace: None,
        };
        let mut actions = Vec::new();
        replica.carry_out(Moment { now, wall }, outputs, &mut actions);
        (replica, actions)
    }

    /// One event. Never fails and never waits.
    #[must_use]
    pub fn step(&mut self, now: Instant, wall: WallTime, event: Event) -> Vec<Action> {
        let at = Moment { now, wall };
        let digest = self.trace.as_ref().map(|_| event.digest(now, wall));
        let mut actions = Vec::new();
        match event {
            Event::Frame { from, bytes } => self.on_frame(at, from, bytes, &mut actions),
            Event::Request(request) => {
                self.intake.remember(&request);
                self.feed(at, Input::Request(request), &mut actions);
            }
            Event::Checked { job, verdicts } => match self.intake.checked(job, verdicts) {
                Some(from) => self.drain(at, from, &mut actions),
                None => self.ignore(self.me, UNKNOWN_JOB, &mut actions),
            },
            Event::Durable(ticket) => {
                // Ring 1 learns of it first, so that it meets its own messages knowing that they were allowed to go.
                let outputs = self.rules.step(now, wall, Input::Durable(ticket));
                let free = self.gate.open(ticket).into_iter();
                let free = free.map(|Outgoing { to, draft }| Output::Send { to, draft, after: None });
                self.carry_out(at, free.chain(outputs).collect::<Vec<_>>(), &mut actions);
            }
            Event::Executed { sequence, result_root, state_root } => {
                self.feed(at, Input::Executed { sequence, result_root, state_root }, &mut actions);
            }
            Event::StateInstalled { certificate, header } => {
                self.fetches.clear();
                self.feed(at, Input::StateInstalled { certificate, header }, &mut actions);
            }
            Event::StateKept { header } => {
                self.fetches.clear();
                self.feed(at, Input::StateKept { header }, &mut actions);
            }
            Event::FetchState { to, fetch } => {
                self.fetches.ask(to, fetch.clone());
                let draft = Draft::Fetch(fetch);
                self.carry_out(
                    at,
                    vec![Output::Send { to: Recipients::One(to), draft, after: None }],
                    &mut actions,
                );
            }
            Event::Served { to, data } => {
                let draft = Draft::Ready(Message::Data(data));
                self.carry_out(
                    at,
                    vec![Output::Send { to: Recipients::One(to), draft, after: None }],
                    &mut actions,
                );
            }
            Event::Link { peer, up } => self.feed(at, Input::Link { peer, up }, &mut actions),
            Event::Disk { is_stuck } => self.feed(at, Input::Disk { is_stuck }, &mut actions),
            Event::Stopping => self.feed(at, Input::Stopping, &mut actions),
            Event::Tick => self.feed(at, Input::Tick, &mut actions),
        }
        if let (Some(trace), Some(digest)) = (&mut self.trace, digest) {
            trace.push(self.step, digest, &actions);
        }
        self.step = self.step.saturating_add(1);
        self.counters.signatures_made = self.signer.made();
        actions
    }

    /// When the next [`Event::Tick`] is due, if any.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.rules.wake_at()
    }

    /// Where the replica stands, for people and tests.
    #[must_use]
    pub fn status(&self) -> Status {
        self.rules.status()
    }

    /// What other members last said of themselves in STATUS, in their order. Hints, never believed (C8).
    pub fn peer_statuses(&self) -> impl Iterator<Item = &outvote_types::Status> {
        self.rules.peer_statuses()
    }

    /// What it counted since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Bytes of this peer's frames that wait for signatures to be checked.
    #[must_use]
    pub fn waiting_bytes(&self, peer: ReplicaId) -> usize {
        self.intake.waiting_bytes(peer)
    }

    /// Messages that wait for the disk.
    #[must_use]
    pub const fn withheld(&self) -> usize {
        self.gate.count()
    }

    /// Switches tracing on or off. Off costs nothing and forgets what was not taken.
    pub fn set_tracing(&mut self, on: bool) {
        self.trace = on.then(Trace::default);
    }

    /// The traced steps since the last call.
    #[must_use]
    pub fn take_trace(&mut self) -> Vec<TraceEntry> {
        self.trace.as_mut().map(Trace::take).unwrap_or_default()
    }

    /// Stops the program if a thing that must always hold does not. For tests, after any step.
    pub fn assert_invariants(&self) {
        self.rules.assert_invariants();
        self.intake.assert_invariants();
        self.gate.assert_invariants();
    }

    fn on_frame(&mut self, at: Moment, from: ReplicaId, bytes: Vec<u8>, actions: &mut Vec<Action>) {
        self.counters.frames_in = self.counters.frames_in.saturating_add(1);
        self.counters.bytes_in = self.counters.bytes_in.saturating_add(bytes.len() as u64);
        match self.intake.push(from, bytes) {
            Ok(()) => self.drain(at, from, actions),
            Err(why) => self.ignore(from, why, actions),
        }
    }

    /// Gives ring 1 everything of this peer that is ready.
    fn drain(&mut self, at: Moment, from: ReplicaId, actions: &mut Vec<Action>) {
        loop {
            let filter = (&self.rules, &self.fetches, self.me);
            let Some(arrival) = self.intake.next(from, &filter, &mut self.counters, actions) else { return };
            self.on_arrival(at, from, arrival, actions);
        }
    }

    fn on_arrival(&mut self, at: Moment, from: ReplicaId, arrival: Arrival, actions: &mut Vec<Action>) {
        match arrival {
            Ok(vouched) => {
                if let Some(message) = vouched.message {
                    self.counters.message_in(&message);
                    self.on_verified(at, from, message, actions);
                }
                // N8: after the header that names it, so that ring 1 knows whose fault it is.
                for digest in vouched.invalid_batches {
                    self.feed(at, Input::InvalidBatch { digest }, actions);
                }
            }
            Err(rejected) => {
                self.ignore(from, rejected.why, actions);
                // V4: what no rule allows, under its signer's own signature, is proof by itself.
                if let Some(evidence) = rejected.evidence {
                    let message = Checker::own(Message::Evidence(evidence));
                    self.feed(at, Input::Message { from, message }, actions);
                }
            }
        }
    }

    fn on_verified(
        &mut self,
        at: Moment,
        from: ReplicaId,
        message: Verified<Message>,
        actions: &mut Vec<Action>,
    ) {
        match &*message {
            Message::Data(data @ (Data::Manifest(_) | Data::Bucket { .. })) => {
                if self.fetches.close(from, data, self.me) {
                    if let Message::Data(data) = message.into_inner() {
                        actions.push(Action::StateData { from, data });
                    }
                } else {
                    self.ignore(from, NOT_ASKED, actions);
                }
            }
            Message::Data(data @ Data::Gone { .. }) => {
                // "Gone" does not say what is gone, so both who may have asked are told.
                if self.fetches.gone(from) {
                    actions.push(Action::StateData { from, data: data.clone() });
                }
                self.feed(at, Input::Message { from, message }, actions);
            }
            _ => self.feed(at, Input::Message { from, message }, actions),
        }
    }

    fn feed(&mut self, at: Moment, input: Input, actions: &mut Vec<Action>) {
        let outputs = self.rules.step(at.now, at.wall, input);
        self.carry_out(at, outputs, actions);
    }

    pub(crate) fn ignore(&mut self, from: ReplicaId, why: &'static str, actions: &mut Vec<Action>) {
        self.counters.ignore(why);
        actions.push(Action::Note(Note::Ignored { from, why }));
    }
}
