//! The jar: verify -> decide -> persist -> sign -> send.

use crate::action::Action;
use crate::counters::{Counters, MessageType};
use crate::event::Event;
use crate::gate::{Gate, Outgoing, Passage};
use crate::intake::{Arrival, Filter, Intake, UNKNOWN_JOB};
use crate::signer::Signer;
use crate::state_fetches::StateFetches;
use crate::trace::{Trace, TraceEntry};
use outvote_crypto::{Checker, Scheme};
use outvote_protocol::{Config, Draft, Input, Note, Output, Recipients, Recovered, Status};
use outvote_types::limits::MAX_MESSAGE_BYTES;
use outvote_types::{
    BoundedVec, Data, Epoch, Evidence, Instant, Message, Quorum, ReplicaId, Reply, Verified, WallTime, encode,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// A relay of at most this many bytes travels on the urgent connection, so that no state transfer makes an honest leader
/// look as if it ignored clients.
pub const URGENT_RELAY_BYTES: usize = 64 * 1024;
/// Outputs that one step may lead to, our own messages fed back included. Ring 1 answers each own message with a bounded
/// number of outputs and never with the same message again, so this many mean an endless loop of ours.
const MAX_OUTPUTS_PER_STEP: usize = 1 << 20;

const GATE_IS_FULL: &str = "B1: the disk is stuck and the gate is full";
const TOO_LONG_TO_SEND: &str = "B1: longer than a message may be; not sent";
const PROVES_NOTHING: &str = "X1: evidence that proves nothing";
const NOT_ASKED: &str = "C10: nobody asked for this";

/// The time of a step.
#[derive(Clone, Copy)]
struct Moment {
    now: Instant,
    wall: WallTime,
}

/// A whole replica without its sockets, disk and threads: events in, actions out.
pub struct Replica {
    rules: outvote_protocol::Replica,
    intake: Intake,
    gate: Gate,
    signer: Signer,
    fetches: StateFetches,
    me: ReplicaId,
    quorum: Quorum,
    epoch: Epoch,
    counters: Counters,
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
                    let message = Checker::own(Message::Evidence(*evidence));
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

    fn ignore(&mut self, from: ReplicaId, why: &'static str, actions: &mut Vec<Action>) {
        self.counters.ignore(why);
        actions.push(Action::Note(Note::Ignored { from, why }));
    }

    /// Carries out what ring 1 wants, and what it wants next when it meets its own messages, until it is quiet.
    fn carry_out(&mut self, at: Moment, outputs: Vec<Output>, actions: &mut Vec<Action>) {
        let mut work = VecDeque::from(outputs);
        let mut done = 0usize;
        while let Some(output) = work.pop_front() {
            done += 1;
            assert!(done <= MAX_OUTPUTS_PER_STEP, "a step does not come to an end");
            match output {
                Output::Send { to, draft, after } => match self.gate.admit(Outgoing { to, draft }, after) {
                    Passage::Free(outgoing) => work.extend(self.send(at, outgoing, actions)),
                    Passage::Withheld => {
                        self.counters.withheld = self.counters.withheld.saturating_add(1);
                    }
                    Passage::Full => self.ignore(self.me, GATE_IS_FULL, actions),
                },
                other => self.hand_over(other, actions),
            }
        }
    }

    /// Passes on what is not a message.
    fn hand_over(&mut self, output: Output, actions: &mut Vec<Action>) {
        let action = match output {
            Output::Send { .. } => unreachable!("sends are carried out before"),
            Output::Persist { records, ticket } => Action::Write { ticket, records },
            Output::Commit(block) => Action::Execute(block),
            Output::Certified(certificate) => Action::Certified(certificate),
            Output::Reply { sequence, id, result_root } => {
                let reply = Reply { sequence, id, result_root, replica: self.me };
                Action::Reply(self.signer.sign(reply))
            }
            Output::Serve { to, fetch } => Action::Serve { to, fetch },
            Output::FetchState { certificate } => {
                self.fetches.clear();
                Action::FetchState { certificate }
            }
            Output::Stable { certificate, retain_from } => Action::Stable { certificate, retain_from },
            Output::Refuse { session, nonce, busy } => Action::Refuse { session, nonce, busy },
            Output::Accuse(evidence) => match self.charge(&evidence) {
                Some(charge) => Action::Accuse { evidence, charge },
                // B4: what proves nothing is no reason to stop.
                None => return self.ignore(self.me, PROVES_NOTHING, actions),
            },
            Output::Note(note) => Action::Note(note),
        };
        actions.push(action);
    }

    fn charge(&self, evidence: &Evidence) -> Option<outvote_types::evidence::Charge> {
        evidence.charge(self.quorum, self.epoch)
    }

    /// Signs a draft, sends it, and gives ring 1 its own copy. Gives back what ring 1 wants then.
    fn send(&mut self, at: Moment, outgoing: Outgoing, actions: &mut Vec<Action>) -> Vec<Output> {
        let Outgoing { to, draft } = outgoing;
        // N16: a replica counts its own message like any other's once it is signed. It has the ready ones already, and its
        // own question would ask itself.
        let is_counted = !matches!(draft, Draft::Ready(_) | Draft::Fetch(_));
        let mut message = self.signer.complete(draft);
        let leaves = match to {
            Recipients::Myself => false,
            Recipients::One(peer) => peer != self.me,
            Recipients::Others => true,
        };
        if leaves {
            self.dispatch(to, &mut message, actions);
        }
        if !is_counted {
            return Vec::new();
        }
        self.rules.step(at.now, at.wall, Input::Message { from: self.me, message: Checker::own(message) })
    }

    /// Encodes a message once for all its recipients.
    fn dispatch(&mut self, to: Recipients, message: &mut Message, actions: &mut Vec<Action>) {
        let mut bytes = encode(message);
        if bytes.len() > MAX_MESSAGE_BYTES
            && let Message::Propose(propose) = message
        {
            // N9: a proposal too large for one message goes without its batches; who lacks them fetches them.
            propose.batches = BoundedVec::default();
            bytes = encode(message);
        }
        if bytes.len() > MAX_MESSAGE_BYTES {
            self.ignore(self.me, TOO_LONG_TO_SEND, actions);
            return;
        }
        self.counters.message_out(MessageType::of(message), bytes.len());
        let urgent = is_urgent(message, bytes.len());
        actions.push(Action::Send { to, urgent, frame: Arc::from(bytes) });
    }
}

/// Whether a message travels on the connection that bulk data never blocks.
///
/// Proposals always do: they are what everybody waits for, one connection keeps them in order among themselves, and on the
/// other one they would stand behind chunks of state. The leader's votes behind a large proposal lose nothing that matters,
/// since a quorum forms without them.
const fn is_urgent(message: &Message, bytes: usize) -> bool {
    message.is_urgent() || matches!(message, Message::Relay(_)) && bytes <= URGENT_RELAY_BYTES
}
