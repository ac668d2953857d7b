//! Between sessions and replicas: their links, and what a replica's gateway does with what a session says.

use crate::agenda::Happening;
use crate::carry::CLIENT_US;
use crate::keys;
use crate::session_client::{SessionClient, Wish};
use crate::world::World;
use outvote_crypto::sign_body;
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::{Digest, Nonce, Outcome, PublicKey, ReplicaId, Sequence};

/// Questions that wait at one replica for a later state at most.
const QUESTIONS_MAX: usize = 256;
/// After so long a stream sends again what was lost.
const RETRANSMISSION_US: u64 = 200_000;
/// How often it does so for one message at most.
const RETRANSMISSIONS_MAX: u32 = 10;
/// What a busy replica says when to try again.
const RETRY_AFTER_MS: u32 = 50;

/// A question that waits until enough is executed.
pub struct Question {
    client: usize,
    id: u64,
    min_sequence: Sequence,
    question: Vec<u8>,
}

impl World {
    /// Adds a session that wants to submit so many requests.
    pub fn add_session(&mut self, requests: u64) -> Option<usize> {
        let actor = 2_000 + self.sessions.len() as u64;
        let keys = keys::session(self.plan.seed, actor, self.plan.real_signatures);
        let (window, think_us) = (self.plan.window, self.plan.think_us);
        let session = SessionClient::new(keys, &self.committee, actor, requests, window, think_us)?;
        self.sessions.push(session);
        self.session_wakes.push(None);
        let client = self.sessions.len() - 1;
        for peer in self.quorum.members() {
            self.schedule_session_link(client, peer, true);
        }
        Some(client)
    }

    fn schedule_session_link(&mut self, client: usize, peer: ReplicaId, up: bool) {
        let at_us = self.now_us + self.random.between(CLIENT_US.0, CLIENT_US.1);
        self.schedule(at_us, Happening::SessionLink { client, peer, up });
    }

    /// A replica's process began or ended: all sessions notice.
    pub(crate) fn notice_sessions(&mut self, peer: ReplicaId, up: bool) {
        for client in 0..self.sessions.len() {
            self.schedule_session_link(client, peer, up);
        }
    }

    pub(crate) fn on_session_link(&mut self, client: usize, peer: ReplicaId, up: bool) {
        let machine = &self.machines[peer.index()];
        // A notice that comes late is of a process that is no more, or that is there again.
        if up != (machine.replica.is_some() && !self.links.without_clients.contains(&peer)) {
            return;
        }
        // A new process knows nothing of what the last one was told, even if nobody noticed that it was gone.
        self.sessions[client].on_link(peer, false);
        self.sessions[client].on_link(peer, up);
        if let (true, Some(replica), Some(hint)) = (up, &machine.replica, machine.hint()) {
            let cluster = self.committee.cluster_id();
            let welcome = ToClient::Welcome { cluster, hint, executed: replica.status().executed };
            self.tell(client, peer, welcome);
        }
        self.on_session(client);
    }

    /// Lets a session do what is due.
    pub fn on_session(&mut self, client: usize) {
        for wish in self.sessions[client].act(self.now_us) {
            match wish {
                Wish::Send(to, message) => {
                    if let ToReplica::Submit(requests) = &*message {
                        requests.iter().for_each(|request| self.checkers.on_signed(request));
                    }
                    let at_us = self.session_arrival();
                    self.schedule(at_us, Happening::Asked { client, to, message });
                }
                Wish::Accepted(accepted) => self.checkers.on_accepted(&accepted),
                Wish::Refused(nonce, request) => {
                    let key = self.sessions[client].key();
                    self.checkers.on_refused(key, nonce, request);
                }
                Wish::Fault(name, what) => self.checkers.report(name, format!("session {client}: {what}")),
                Wish::Distrust(replica, why) => {
                    if !self.plan.lies(replica) {
                        let what = format!("session {client} distrusts {replica}, which is correct: {why}");
                        self.checkers.report("honest-accused", what);
                    }
                }
            }
        }
        let Some(at_us) = self.sessions[client].wake_at() else { return };
        let at_us = at_us.max(self.now_us + 1);
        if self.session_wakes[client].is_none_or(|scheduled| at_us < scheduled) {
            self.session_wakes[client] = Some(at_us);
            self.schedule(at_us, Happening::SessionWake { client });
        }
    }

    pub(crate) fn on_session_wake(&mut self, client: usize) {
        // Another timer may have taken its place.
        if self.session_wakes[client].is_some_and(|at_us| at_us <= self.now_us) {
            self.session_wakes[client] = None;
            self.on_session(client);
        }
    }

    /// When a message between a session and a replica arrives. Their link is a stream: it loses nothing while it lives, but
    /// takes longer where packets are lost.
    fn session_arrival(&mut self) -> u64 {
        let mut at_us = self.now_us + self.random.between(CLIENT_US.0, CLIENT_US.1);
        for _ in 0..RETRANSMISSIONS_MAX {
            if !self.random.chance(self.links.mood.loss) {
                break;
            }
            at_us += RETRANSMISSION_US;
        }
        at_us
    }

    /// A replica says something to a session, unless it lies.
    pub(crate) fn tell(&mut self, client: usize, from: ReplicaId, message: ToClient) {
        let Some(message) = self.machines[from.index()].adversary.answer(message) else { return };
        let at_us = self.session_arrival();
        self.schedule(at_us, Happening::Told { client, from, message: Box::new(message) });
    }

    /// What a session says reaches a replica.
    pub(crate) fn on_asked(&mut self, client: usize, to: ReplicaId, message: ToReplica) {
        let machine = &mut self.machines[to.index()];
        let Some(executor) = &machine.executor else { return };
        match message {
            ToReplica::Submit(requests) => {
                for request in requests.into_inner() {
                    self.on_submit(to, request);
                }
            }
            ToReplica::Watch(keys) => machine.watched.extend(keys.iter().copied()),
            ToReplica::Ask { session, nonce } => {
                if let Some(sequence) = machine.applied.get(&(session, nonce)).copied() {
                    self.answer_again(to, session, nonce, sequence);
                } else if let Some(hint) = machine.hint() {
                    self.tell(client, to, ToClient::NotYet(hint));
                }
            }
            ToReplica::Session(key) => {
                if let Ok(standing) = executor.session(&key) {
                    let sequence = executor.executed();
                    let message = ToClient::Session { session: key, next: standing.next, sequence };
                    self.tell(client, to, message);
                }
            }
            ToReplica::Query { id, min_sequence, question } => {
                if machine.questions.len() < QUESTIONS_MAX {
                    let question = question.into_inner();
                    machine.questions.push(Question { client, id, min_sequence, question });
                }
                self.answer_questions(to);
            }
            // Receipts are put together from ring 3's archive, and the rest is for operators and followers.
            ToReplica::Receipt { .. }
            | ToReplica::ReceiptAt { .. }
            | ToReplica::Follow { .. }
            | ToReplica::More { .. }
            | ToReplica::Inspect { .. }
            | ToReplica::Behave { .. } => {}
        }
    }

    /// Answers what no longer waits for a later state.
    pub(crate) fn answer_questions(&mut self, at: ReplicaId) {
        let machine = &mut self.machines[at.index()];
        let Some(executor) = &machine.executor else { return };
        let sequence = executor.executed();
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut machine.questions).into_iter().partition(|q| q.min_sequence <= sequence);
        machine.questions = waiting;
        let mut answers = Vec::new();
        for question in ready {
            let Ok(answer) = executor.query(&question.question) else { continue };
            // R7: the answer names the sequence at which it was read.
            let digest = Digest::of(&question.question);
            let outcome = Outcome { question: digest, sequence, answer: answer.digest(), replica: at };
            let outcome = sign_body(&*machine.scheme, &self.committee.domain(), outcome);
            answers.push((question.client, ToClient::Answer { id: question.id, outcome, answer }));
        }
        for (client, message) in answers {
            self.tell(client, at, message);
        }
    }

    /// A replica refuses a request before it is ordered.
    pub(crate) fn refuse(&mut self, at: ReplicaId, session: PublicKey, nonce: Nonce, busy: bool) {
        *self.busy.entry(at).or_default() += u64::from(busy);
        let Some(client) = self.session_of(&session) else { return };
        let message = if busy {
            ToClient::Busy { session, nonce, retry_after_ms: RETRY_AFTER_MS }
        } else {
            ToClient::Invalid { session, nonce, reason: outvote_types::Blob::default() }
        };
        self.tell(client, at, message);
    }

    pub(crate) fn session_of(&self, key: &PublicKey) -> Option<usize> {
        self.sessions.iter().position(|session| session.key() == *key)
    }
}
