//! Carries out what replicas ask for.

use crate::agenda::{Happening, Local};
use crate::client::Client;
use crate::coverage::State;
use crate::network::Fate;
use crate::world::World;
use outvote_execution::{Transfer, TransferOutput};
use outvote_replica::{Action, Event, Recipients};
use outvote_types::{
    BoundedVec, Data, Message, Nonce, PublicKey, ReplicaId, Reply, Request, Sequence, Signed, ToClient,
    decode,
};
use std::sync::Arc;

/// How long it takes to look something up for a peer.
const SERVE_US: u64 = 100;
/// How long a batch of signatures takes on another thread.
const VERIFY_US: u64 = 60;
/// How long a client's message takes.
pub(crate) const CLIENT_US: (u64, u64) = (100, 2_000);

impl World {
    /// Gives an event to a replica, if it runs, and carries out what it asks for.
    pub fn feed(&mut self, at: ReplicaId, event: Event) {
        let machine = &mut self.machines[at.index()];
        let now = machine.monotonic(self.now_us);
        let wall = machine.wall(self.now_us);
        if machine.replica.is_none() {
            return;
        }
        let Some(event) = machine.adversary.hear(now, event) else {
            // Somebody else may have heard it, and have something to say.
            let actions = machine.adversary.act(now, Vec::new());
            return self.carry_out(at, actions);
        };
        let Some(replica) = &mut machine.replica else { return };
        let actions = replica.step(now, wall, event);
        let status = replica.status();
        let sizes = replica.sizes();
        self.judge_words(at, &actions);
        let machine = &mut self.machines[at.index()];
        let actions = machine.adversary.act(now, actions);
        machine.state = State::of(at, &status, machine.transfer.is_some());
        self.checkers.on_step(at, &status, &sizes);
        self.carry_out(at, actions);
    }

    pub(crate) fn carry_out(&mut self, at: ReplicaId, actions: Vec<Action>) {
        let end = self.sprung(at, &actions);
        let incarnation = self.machines[at.index()].incarnation;
        let count = end.map_or(actions.len(), |(count, _)| count);
        for action in actions.into_iter().take(count) {
            self.carry_out_one(at, action);
            // A disk that takes nothing has stopped the process.
            if self.machines[at.index()].incarnation != incarnation {
                return;
            }
        }
        if let Some((_, trap)) = end {
            return self.spring(at, trap);
        }
        self.arrange_wake(at);
    }

    fn carry_out_one(&mut self, at: ReplicaId, action: Action) {
        match action {
            Action::Write { ticket, records } => {
                let machine = &mut self.machines[at.index()];
                if machine.is_full && machine.replica.is_some() {
                    return self.crash(at);
                }
                if machine.disk.append(ticket, records) {
                    let takes = machine.disk_us;
                    self.schedule_local(at, takes, Local::Flushed);
                }
            }
            Action::Send { to, frame, .. } => self.send(at, to, &frame),
            Action::Verify { job, checks } => {
                let verdicts = self.machines[at.index()].scheme.verify(&checks);
                self.schedule_local(at, VERIFY_US, Local::Event(Box::new(Event::Checked { job, verdicts })));
            }
            Action::Execute(block) => {
                self.show_clocks();
                let machines = &self.machines;
                let plan = &self.plan;
                let holders = |id: &_| {
                    // What rotted since was there when the vote was cast.
                    let holds = |m: &&crate::machine::Machine| {
                        !plan.lies(m.id) && (m.holds(id) || m.disk.has_rotted(id))
                    };
                    machines.iter().filter(holds).count()
                };
                self.checkers.on_commit(at, &block, holders);
                let machine = &mut self.machines[at.index()];
                machine.archive.keep(Arc::clone(&block));
                machine.queue.push_back(block);
                self.begin_execution(at);
            }
            Action::Certified(certificate) => self.machines[at.index()].archive.certify(certificate),
            Action::Reply(reply) => self.answer_clients(at, &reply),
            Action::Serve { to, fetch } => {
                self.schedule_local(at, SERVE_US, Local::Serve { to, fetch: Box::new(fetch) });
            }
            Action::FetchState { certificate, repair } => {
                let quorum = self.quorum;
                let machine = &mut self.machines[at.index()];
                let transfer = |executor| Transfer::new(executor, certificate, repair, quorum, at);
                machine.transfer = machine.executor.as_ref().map(transfer);
            }
            Action::StateData { from, data } => {
                self.schedule_local(at, 0, Local::StateData { from, data: Box::new(data) });
            }
            Action::Stable { certificate, retain_from } => {
                let machine = &mut self.machines[at.index()];
                if let Some(executor) = &mut machine.executor {
                    executor.on_stable(&certificate);
                    let retain_from = retain_from.min(executor.restarts_at().next());
                    machine.disk.retain_from(retain_from);
                    if machine.gives_up_blocks {
                        machine.archive.drop_below(retain_from);
                    }
                }
            }
            Action::Accuse { charge, .. } => {
                self.accused.push((at, charge.accused, charge.rule));
                self.checkers.on_accused(at, charge.accused, charge.rule.in_words());
            }
            Action::Refuse { session, nonce, busy } => self.refuse(at, session, nonce, busy),
            Action::Note(note) => self.on_note(at, &note),
        }
    }

    fn on_note(&mut self, at: ReplicaId, note: &outvote_replica::Note) {
        if self.trace.is_text() {
            let what = format!("note {note:?}");
            self.trace.note_text(self.now_us, &at, at.0, &what);
        }
        if let outvote_replica::Note::Entered { .. } = note {
            *self.faults.entry("view_changes").or_default() += 1;
        }
        if let outvote_replica::Note::Observer { why } = note {
            let word = if self.checkers.has_old_copy(at) { "old_copy_noticed" } else { "observer" };
            *self.faults.entry(word).or_default() += 1;
            self.checkers.on_observer(at, why);
        }
        self.notes.push((self.now_us, at, note.clone()));
    }

    fn send(&mut self, from: ReplicaId, to: Recipients, frame: &Arc<[u8]>) {
        // What a replica says is judged before the network can lose it.
        if !self.plan.lies(from) && frame.first().is_some_and(|tag| *tag <= 8 && *tag != 3 && *tag != 5) {
            if let Ok(message) = decode::<Message>(frame) {
                let machine = &self.machines[from.index()];
                let has_block = |id: &_| machine.holds(id);
                self.checkers.on_message(from, &message, &machine.disk, has_block);
            } else {
                self.checkers.report("bounds", format!("{from} sends what cannot be read"));
            }
        }
        match to {
            Recipients::Myself => {}
            Recipients::One(peer) => self.send_one(from, peer, frame),
            Recipients::Others => {
                for peer in self.quorum.members().filter(|peer| *peer != from) {
                    self.send_one(from, peer, frame);
                }
            }
        }
    }

    fn send_one(&mut self, from: ReplicaId, to: ReplicaId, frame: &Arc<[u8]>) {
        if to.index() >= self.machines.len() || to == from {
            return;
        }
        self.frames += 1;
        match self.links.fate(&mut self.random, self.now_us, from, to, frame) {
            Fate::Held => self.held.push((from, to, Arc::clone(frame))),
            Fate::Arrives(times) => {
                for at_us in times.into_iter().flatten() {
                    self.schedule(at_us, Happening::Frame { from, to, frame: Arc::clone(frame) });
                }
            }
        }
    }

    pub(crate) fn arrange_wake(&mut self, at: ReplicaId) {
        let machine = &mut self.machines[at.index()];
        let Some(wake) = machine.wake_at() else { return };
        let wake_us = wake.max(self.now_us + 1);
        if machine.wake_us.is_none_or(|scheduled| wake_us < scheduled) {
            machine.wake_us = Some(wake_us);
            self.schedule_local(at, wake_us - self.now_us, Local::Wake);
        }
    }

    pub(crate) fn on_wake(&mut self, at: ReplicaId) {
        let machine = &mut self.machines[at.index()];
        let now = machine.monotonic(self.now_us);
        if machine.wake_us.is_none_or(|scheduled| scheduled > self.now_us) {
            // An earlier timer took its place.
            return;
        }
        machine.wake_us = None;
        let kept = machine.adversary.act(now, Vec::new());
        let outputs = machine.transfer.as_mut().map(|transfer| transfer.on_tick(now)).unwrap_or_default();
        let is_due =
            machine.replica.as_ref().and_then(outvote_replica::Replica::wake_at).is_some_and(|w| w <= now);
        self.carry_out(at, kept);
        self.on_transfer(at, outputs);
        if is_due {
            self.feed(at, Event::Tick);
        } else {
            self.arrange_wake(at);
        }
    }

    pub(crate) fn on_flushed(&mut self, at: ReplicaId) {
        let machine = &mut self.machines[at.index()];
        if let Some(down_us) = machine.flush_fails.take() {
            return self.fail_flush(at, down_us);
        }
        let ticket = machine.disk.end_flush();
        if machine.disk.begin_flush() {
            let takes = machine.disk_us;
            self.schedule_local(at, takes, Local::Flushed);
        }
        if let Some(ticket) = ticket {
            self.feed(at, Event::Durable(ticket));
        }
    }

    fn begin_execution(&mut self, at: ReplicaId) {
        let takes = self.plan.execute_us;
        let machine = &mut self.machines[at.index()];
        let is_whole = machine.executor.as_ref().is_some_and(|e| e.interrupted_transfer().is_none());
        if is_whole && !machine.is_executing && !machine.queue.is_empty() {
            machine.is_executing = true;
            self.schedule_local(at, takes, Local::Execute);
        }
    }

    pub(crate) fn on_execute(&mut self, at: ReplicaId) {
        let machine = &mut self.machines[at.index()];
        machine.is_executing = false;
        if let Some(result) = machine.execute() {
            self.checkers.on_executed(at, &result);
            let (sequence, result_root, state_root) =
                (result.sequence, result.result_root, result.state_root);
            self.feed(at, Event::Executed { sequence, result_root, state_root });
            self.answer_questions(at);
        }
        self.begin_execution(at);
    }

    pub(crate) fn on_state_data(&mut self, at: ReplicaId, from: ReplicaId, data: Data) {
        let machine = &mut self.machines[at.index()];
        let now = machine.monotonic(self.now_us);
        let (Some(transfer), Some(executor)) = (&mut machine.transfer, &mut machine.executor) else { return };
        match transfer.on_data(executor, from, data, now) {
            Ok(outputs) => self.on_transfer(at, outputs),
            Err(error) => self.checkers.report("transfer", format!("{at}: {error}")),
        }
        self.arrange_wake(at);
    }

    fn on_transfer(&mut self, at: ReplicaId, outputs: Vec<TransferOutput>) {
        for output in outputs {
            match output {
                TransferOutput::Fetch { to, fetch } => self.feed(at, Event::FetchState { to, fetch }),
                TransferOutput::Blame { from, why } => {
                    if !self.plan.lies(from) && !self.plan.lies(at) {
                        self.checkers.report("honest-accused", format!("{at} blames {from}: {why}"));
                    }
                }
                TransferOutput::GivenUp => {
                    let machine = &mut self.machines[at.index()];
                    machine.transfer = None;
                    machine.queue.clear();
                    let Some(executor) = &mut machine.executor else { continue };
                    match executor.give_up_transfer() {
                        Ok(true) => *self.faults.entry("state_restored").or_default() += 1,
                        Ok(false) => {}
                        Err(error) => self.checkers.report("transfer", format!("{at}: {error}")),
                    }
                    let header = executor.executed_header().cloned().map(Box::new);
                    self.checkers.on_state(at, executor.executed());
                    self.feed(at, Event::StateKept { header });
                    self.begin_execution(at);
                }
                TransferOutput::Done { certificate, header } => {
                    let machine = &mut self.machines[at.index()];
                    machine.transfer = None;
                    machine.queue.clear();
                    machine.installed.insert(header.body.id());
                    self.checkers.on_state(at, certificate.sequence);
                    *self.faults.entry("state_transfer").or_default() += 1;
                    self.feed(at, Event::StateInstalled { certificate, header });
                    self.begin_execution(at);
                }
            }
        }
    }

    /// A client's request reaches a replica's gateway.
    pub(crate) fn on_submit(&mut self, to: ReplicaId, request: Request) {
        self.trace.note(self.now_us, &"client", to.0, "SUBMIT", &request.signature.0);
        let machine = &self.machines[to.index()];
        if machine.replica.is_none() {
            return;
        }
        let (session, nonce) = (request.body.session, request.body.nonce);
        if let Some(sequence) = machine.applied.get(&(session, nonce)).copied() {
            self.answer_again(to, session, nonce, sequence);
        } else if let Some(request) = machine.admit(request) {
            self.feed(to, Event::Request(request));
        }
    }

    fn answer_clients(&mut self, at: ReplicaId, reply: &Signed<Reply>) {
        let machine = &mut self.machines[at.index()];
        machine.archive.replies.insert(reply.body.sequence, reply.clone());
        let Some(results) = machine.archive.results.get(&reply.body.sequence).cloned() else { return };
        let mut keys: Vec<PublicKey> = results.iter().map(|result| result.session).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            if self.session_of(&key).is_some() && !self.machines[at.index()].watched.contains(&key) {
                continue;
            }
            let own = results.iter().filter(|result| result.session == key).cloned().collect();
            self.answer(at, key, reply, own);
        }
    }

    pub(crate) fn answer_again(&mut self, at: ReplicaId, key: PublicKey, nonce: Nonce, sequence: Sequence) {
        let archive = &self.machines[at.index()].archive;
        let (Some(reply), Some(results)) = (archive.replies.get(&sequence), archive.results.get(&sequence))
        else {
            return;
        };
        let reply = reply.clone();
        let own = results.iter().filter(|r| r.session == key && r.nonce == nonce).cloned().collect();
        self.answer(at, key, &reply, own);
    }

    fn answer(
        &mut self,
        at: ReplicaId,
        key: PublicKey,
        reply: &Signed<Reply>,
        results: Vec<outvote_types::client::ProvenResult>,
    ) {
        let client = self.clients.iter().position(|client| client.key() == key);
        let session = self.session_of(&key);
        let machine = &mut self.machines[at.index()];
        let hint = machine.hint().unwrap_or_default();
        let message =
            ToClient::Results { reply: reply.clone(), hint, results: BoundedVec::truncated(results) };
        let Some(client) = client else {
            if let Some(session) = session {
                self.tell(session, at, message);
            }
            return;
        };
        let Some(ToClient::Results { reply, results, .. }) = machine.adversary.answer(message) else {
            return;
        };
        if self.links.without_clients.contains(&at) || self.random.chance(self.links.mood.loss) {
            return;
        }
        let at_us = self.now_us + self.random.between(CLIENT_US.0, CLIENT_US.1);
        self.schedule(at_us, Happening::Answer { client, answer: Box::new((reply, results.into_inner())) });
    }

    /// A client's timer rings.
    pub(crate) fn on_client(&mut self, client: usize) {
        for (request, to_all) in self.clients[client].act(self.now_us) {
            self.submit(&request, to_all);
        }
        self.wake_client(client);
    }

    /// Sends a request to `f + 1` replicas, or to all.
    pub fn submit(&mut self, request: &Request, to_all: bool) {
        let n = self.machines.len();
        let count = if to_all { n } else { self.quorum.weak() };
        let first = self.random.below(n as u64) as usize;
        let targets: Vec<usize> = (0..count).map(|step| (first + step) % n).collect();
        self.submit_to(request, &targets);
    }

    /// Sends a request to these replicas.
    pub fn submit_to(&mut self, request: &Request, targets: &[usize]) {
        self.checkers.on_signed(request);
        for target in targets {
            let at_us = self.now_us + self.random.between(CLIENT_US.0, CLIENT_US.1);
            if !self.random.chance(self.links.mood.loss) {
                let to = ReplicaId(*target as u16);
                self.schedule(at_us, Happening::Submit { to, request: Box::new(request.clone()) });
            }
        }
    }

    /// Signs a request of this client, waits for its answer, and sends it to these replicas.
    pub fn request(&mut self, client: usize, nonce: u64, payload: &[u8], targets: &[usize]) -> Request {
        let now_us = self.now_us;
        let who: &mut Client = &mut self.clients[client];
        let request = who.sign(nonce, payload);
        who.track(request.clone(), now_us);
        self.submit_to(&request, targets);
        self.wake_client(client);
        request
    }
}
