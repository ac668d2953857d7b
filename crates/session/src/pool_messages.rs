//! What a pool does with messages and timers.

use crate::lane::Lane;
use crate::output::{Answered, Outcome, Output, QueryId, ReceiptId, Ticket};
use crate::pending::Weighed;
use crate::pool::Pool;
use crate::tally::Word;
use crate::timers::{Timer, after_ms};
use outvote_types::client::{Hint, ProvenResult, ReceiptParts, ToClient, ToReplica};
use outvote_types::planted::{self, Bug};
use outvote_types::reply::Outcome as SignedOutcome;
use outvote_types::{Answer, Blob, Instant, Nonce, Operation, PublicKey, ReplicaId, Reply, Signed};

/// The doublings of a pause after "busy" at most.
const MAX_BUSY_DOUBLINGS: u32 = 6;
/// How often a repeated question of any kind goes out again, milliseconds.
const REPEAT_MS: u64 = 200;

impl Pool {
    /// Takes a message that came over the authenticated link of `from`.
    pub fn on_message(&mut self, now: Instant, from: ReplicaId, message: ToClient) {
        match message {
            ToClient::Results { reply, hint, results } => {
                self.on_results(from, &reply, &results);
                self.on_hint(from, hint);
            }
            ToClient::NotYet(hint) => self.on_hint(from, hint),
            ToClient::Welcome { cluster, hint, .. } => {
                if cluster == self.keyring().committee().cluster_id() {
                    self.on_hint(from, hint);
                } else {
                    self.distrust(from, "it belongs to another cluster");
                }
            }
            ToClient::Busy { session, nonce, retry_after_ms } => {
                self.on_busy(now, from, Ticket { session, nonce }, u64::from(retry_after_ms));
            }
            ToClient::Invalid { session, nonce, reason } => {
                let ticket = Ticket { session, nonce };
                if let Some(pending) =
                    self.lanes.get_mut(&session).and_then(|lane| lane.pending.get_mut(&nonce))
                {
                    pending.on_invalid(from, &reason);
                    self.settle(ticket);
                }
            }
            ToClient::Session { session, next, .. } => self.on_standing(now, from, session, next),
            ToClient::Answer { id, outcome, answer } => self.on_answer(now, from, id, outcome, answer),
            ToClient::Receipt { id, parts } => self.on_receipt_parts(from, id, parts.map(|parts| *parts)),
            // These belong to a follower or to whoever asked that one replica.
            ToClient::Block { .. }
            | ToClient::StreamGone { .. }
            | ToClient::Report { .. }
            | ToClient::Behaved { .. } => {}
        }
    }

    fn distrust(&mut self, replica: ReplicaId, why: &'static str) {
        self.outputs.push(Output::Distrust { replica, why });
    }

    fn on_results(&mut self, from: ReplicaId, reply: &Signed<Reply>, results: &[ProvenResult]) {
        let word = Word::of(&reply.body);
        let mut is_checked = false;
        for result in results {
            let ticket = Ticket { session: result.session, nonce: result.nonce };
            let Some(pending) =
                self.lanes.get_mut(&ticket.session).and_then(|l| l.pending.get_mut(&ticket.nonce))
            else {
                continue;
            };
            if !pending.wants(from, result, &word) {
                continue;
            }
            // R1, R2: one signature for all results of the block, looked at only when a result still matters.
            if !is_checked && !self.verifier.is_word_of(from, reply) {
                self.distrust(from, "a REPLY without its own valid signature");
                return;
            }
            is_checked = true;
            match pending.weigh(reply, result) {
                Weighed::Nothing => self.settle(ticket),
                Weighed::Lie => self.distrust(from, "a result that its own signed root does not cover"),
                Weighed::AskOriginal => {
                    let message = ToReplica::Ask { session: ticket.session, nonce: ticket.nonce };
                    self.outputs.push(Output::Send { to: from, message });
                }
            }
        }
    }

    /// Reports the outcome of a request, if enough replicas said the same.
    fn settle(&mut self, ticket: Ticket) {
        // R2, R3: one of f + 1 replicas is honest.
        let weak = if planted::is_on(Bug::OneWordIsEnough) { 1 } else { self.keyring().quorum().weak() };
        let Some(lane) = self.lanes.get_mut(&ticket.session) else { return };
        let Some(outcome) = lane.pending.get(&ticket.nonce).and_then(|pending| pending.outcome(weak)) else {
            return;
        };
        let Some(pending) = lane.pending.remove(&ticket.nonce) else { return };
        lane.on_outcome();
        if leaves_nonce_unused(&outcome) || planted::is_on(Bug::RetriesUnderNewNonce) {
            lane.release(ticket.nonce);
        }
        self.timers.cancel(pending.timer_at, Timer::Request(ticket.session, ticket.nonce.0));
        if pending.parked {
            lane.keep_late(ticket.nonce, outcome.clone());
            self.note_seen(&outcome);
            return;
        }
        self.note_seen(&outcome);
        self.finish(ticket, outcome);
        self.send_put_off(ticket.session);
    }

    fn finish(&mut self, ticket: Ticket, outcome: Outcome) {
        let Some(id) = self.ordered.remove(&ticket) else {
            self.outputs.push(Output::Finished { ticket, outcome });
            return;
        };
        let Some(query) = self.queries.remove(&id) else { return };
        self.timers.cancel(query.timer_at, Timer::Query(id));
        let answer = match outcome {
            Outcome::Committed(committed) => committed.answer().cloned().map(|answer| Answered {
                answer,
                sequence: committed.sequence,
                ordered: true,
                proof: Vec::new(),
            }),
            Outcome::Rejected(rejected) => Some(Answered {
                answer: Answer::refused(&rejected.code, &rejected.reason),
                sequence: query.min_sequence,
                ordered: true,
                proof: Vec::new(),
            }),
            Outcome::Pending => None,
        };
        self.outputs.push(Output::Answered { query: QueryId(id), answer });
    }

    /// Starts, or starts again, the clocks of a request and sends it.
    pub(crate) fn launch(&mut self, now: Instant, ticket: Ticket) {
        let tunables = self.tunables;
        let pause = self.jitter.around(tunables.retransmit_ms);
        let (deadline_ms, patience_ms) = (self.deadline_ms(), tunables.patience_in(self.links.window_ms()));
        let Some(pending) =
            self.lanes.get_mut(&ticket.session).and_then(|l| l.pending.get_mut(&ticket.nonce))
        else {
            return;
        };
        // R4: to `f + 1` first; somebody who asks again has run out of patience already.
        pending.spread = pending.parked;
        pending.parked = false;
        pending.launched = now;
        pending.deadline = after_ms(now, deadline_ms);
        pending.spread_at = after_ms(now, patience_ms / 2);
        pending.resend_at = after_ms(now, pause);
        pending.pause_ms = tunables.retransmit_ms;
        // Somebody who asks again asks for it to be sent like a new one.
        pending.is_sent = false;
        self.rearm(ticket);
        self.send(ticket, false);
    }

    fn rearm(&mut self, ticket: Ticket) {
        let timer = Timer::Request(ticket.session, ticket.nonce.0);
        if let Some(pending) =
            self.lanes.get_mut(&ticket.session).and_then(|l| l.pending.get_mut(&ticket.nonce))
        {
            self.timers.cancel(pending.timer_at, timer);
            pending.timer_at = pending.next_moment();
            self.timers.set(pending.timer_at, timer);
        }
    }

    /// Sends a request to the replicas whose turn it is, and asks for its result if it may have run already.
    fn transmit(&mut self, ticket: Ticket, ask: bool) {
        let Some(pending) = self.lanes.get(&ticket.session).and_then(|l| l.pending.get(&ticket.nonce)) else {
            return;
        };
        let request = pending.request.clone();
        let targets = if pending.spread { self.links.reachable() } else { self.links.first_choice() };
        for to in targets {
            self.queue_request(to, &request);
        }
        if ask {
            for to in self.links.reachable() {
                let message = ToReplica::Ask { session: ticket.session, nonce: ticket.nonce };
                self.outputs.push(Output::Send { to, message });
            }
        }
    }

    /// Sends a request, or puts that off until those of the session before it have their outcomes.
    fn send(&mut self, ticket: Ticket, ask: bool) {
        let Some(lane) = self.lanes.get_mut(&ticket.session) else { return };
        if lane.may_send(ticket.nonce) {
            // What is repeated is answered if it was executed; so one question a session is enough to hear of the window (R4).
            let asks = ask && lane.is_first(ticket.nonce);
            self.transmit(ticket, asks);
        }
    }

    /// Earlier requests of the session have their outcomes: later ones need wait no longer.
    fn send_put_off(&mut self, session: PublicKey) {
        let due = self.lanes.get_mut(&session).map(Lane::take_put_off).unwrap_or_default();
        for nonce in due {
            self.transmit(Ticket { session, nonce }, false);
        }
    }

    pub(crate) fn on_request_timer(&mut self, now: Instant, ticket: Ticket) {
        let (max, deadline_ms) = (self.tunables.retransmit_max_ms, self.deadline_ms());
        let Some(pending) =
            self.lanes.get_mut(&ticket.session).and_then(|l| l.pending.get_mut(&ticket.nonce))
        else {
            return;
        };
        let never = Instant(u64::MAX);
        if now >= pending.deadline {
            // R4: the window may have grown since.
            pending.deadline = pending.deadline.max(after_ms(pending.launched, deadline_ms));
        }
        if now >= pending.deadline {
            // R3: not an error. The request stays known, so that asking again uses the same nonce and bytes.
            pending.parked = true;
            (pending.deadline, pending.spread_at, pending.resend_at) = (never, never, never);
            pending.timer_at = never;
            self.finish(ticket, Outcome::Pending);
            self.send_put_off(ticket.session);
            return;
        }
        let mut is_due = false;
        if now >= pending.spread_at {
            // R4: half the patience is gone, so every replica gets it.
            (pending.spread, pending.spread_at, is_due) = (!planted::is_on(Bug::NeverSpreads), never, true);
        }
        let is_resend = now >= pending.resend_at;
        if is_resend {
            pending.pause_ms = (pending.pause_ms * 2).min(max);
            pending.asked.clear();
            pending.resend_at = after_ms(now, self.jitter.around(pending.pause_ms));
        }
        if is_due || is_resend {
            self.send(ticket, is_resend);
        }
        self.rearm(ticket);
    }

    fn on_busy(&mut self, now: Instant, from: ReplicaId, ticket: Ticket, retry_after_ms: u64) {
        let longest = self.tunables.busy_max_ms;
        let (n, weak) = (self.keyring().quorum().n(), self.keyring().quorum().weak());
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        let Some(lane) = self.lanes.get_mut(&ticket.session) else { return };
        let Some(pending) = lane.pending.get_mut(&ticket.nonce) else { return };
        // R4: "busy" is no outcome. It is sent again to this replica after a growing, jittered pause.
        if pending.parked || !pending.waiting_for.add(from) {
            return;
        }
        let doubled = retry_after_ms.max(10).saturating_mul(1 << (pending.busy / n).min(MAX_BUSY_DOUBLINGS));
        pending.busy = pending.busy.saturating_add(1);
        let pause = self.jitter.around(doubled.min(longest));
        // A liar alone makes nobody slow down.
        if pending.waiting_for.len() >= weak {
            lane.on_full(now);
        }
        self.timers.set(after_ms(now, pause), Timer::Busy(ticket.session, ticket.nonce.0, from));
    }

    pub(crate) fn on_busy_timer(&mut self, ticket: Ticket, peer: ReplicaId) {
        let Some(lane) = self.lanes.get_mut(&ticket.session) else { return };
        let Some(pending) = lane.pending.get_mut(&ticket.nonce) else { return };
        pending.waiting_for.remove(peer);
        if !pending.parked && self.links.is_up(peer) && lane.may_send(ticket.nonce) {
            let request = lane.pending.get(&ticket.nonce).map(|pending| pending.request.clone());
            request.iter().for_each(|request| self.queue_request(peer, request));
        }
    }

    /// A replica's claim of its term. When the probable leader changed, it gets what is in flight without delay.
    fn on_hint(&mut self, from: ReplicaId, hint: Hint) {
        if self.links.on_hint(from, hint) {
            self.resend_all();
        }
    }

    /// Sends what is in flight to whoever is first choice now: of each session the earliest requests, the others as these end.
    pub(crate) fn resend_all(&mut self) {
        let tickets: Vec<Ticket> = self
            .lanes
            .iter()
            .flat_map(|(session, lane)| {
                lane.pending.iter().map(|(nonce, pending)| (*session, *nonce, pending))
            })
            .filter(|(_, _, pending)| !pending.parked)
            .map(|(session, nonce, _)| Ticket { session, nonce })
            .collect();
        for ticket in tickets {
            self.send(ticket, false);
        }
    }

    fn on_standing(&mut self, now: Instant, from: ReplicaId, session: PublicKey, next: Nonce) {
        if let Some(standing) = self.standings.get_mut(&session) {
            standing.on_answer(from, next);
            self.try_ready(now, session);
        }
    }

    fn try_ready(&mut self, now: Instant, session: PublicKey) {
        let quorum = self.keyring().quorum();
        let Some(next) = self.standings.get(&session).and_then(|standing| standing.decided(quorum, now))
        else {
            return;
        };
        self.standings.remove(&session);
        if let Some(lane) = self.lanes.get_mut(&session)
            && !lane.is_ready()
        {
            lane.stands_at(next);
            self.outputs.push(Output::Ready { session, next });
        }
    }

    pub(crate) fn on_standing_timer(&mut self, now: Instant, session: PublicKey) {
        self.try_ready(now, session);
        let reachable = self.links.reachable();
        let Some(standing) = self.standings.get_mut(&session) else { return };
        if now < standing.ask_again_at {
            return;
        }
        standing.ask_again_at = after_ms(now, self.tunables.retransmit_ms);
        self.timers.set(standing.ask_again_at, Timer::Standing(session));
        // Asked of all: an earlier answer may be outdated by now.
        for to in reachable {
            self.outputs.push(Output::Send { to, message: ToReplica::Session(session) });
        }
    }

    fn on_answer(
        &mut self,
        now: Instant,
        from: ReplicaId,
        id: u64,
        outcome: Signed<SignedOutcome>,
        answer: Answer,
    ) {
        let quorum = self.keyring().quorum();
        let Some(query) = self.queries.get_mut(&id) else { return };
        if query.has(from) && query.ticket.is_none() && !query.fits(&outcome.body, &answer) {
            return;
        }
        if !query.fits(&outcome.body, &answer) || !self.verifier.is_answer_of(from, &outcome) {
            self.distrust(from, "an answer that does not fit the question, or without its signature");
            return;
        }
        query.on_answer(outcome, answer);
        if let Some(answer) = query.decided(quorum) {
            let timer_at = query.timer_at;
            self.queries.remove(&id);
            self.timers.cancel(timer_at, Timer::Query(id));
            self.outputs.push(Output::Answered { query: QueryId(id), answer: Some(answer) });
        } else if query.is_exhausted(quorum) && query.ticket.is_none() && query.via.is_some() {
            self.order_query(now, id);
        }
    }

    /// R7: replicas did not agree in time, so the question takes its place in the order.
    fn order_query(&mut self, now: Instant, id: u64) {
        let Some((via, question)) =
            self.queries.get(&id).and_then(|query| query.via.map(|via| (via, query.question.clone())))
        else {
            return;
        };
        let Some(payload) = Blob::new(question) else { return };
        let operation = Operation { author: None, query: true, payload };
        // A full window is no failure: the query's timer tries again.
        if let Ok(ticket) = self.submit(now, &via, vec![operation]) {
            self.ordered.insert(ticket, id);
            if let Some(query) = self.queries.get_mut(&id) {
                query.ticket = Some(ticket);
            }
        }
    }

    pub(crate) fn on_query_timer(&mut self, now: Instant, id: u64) {
        let Some(query) = self.queries.get(&id) else { return };
        // An ordered question ends with its request.
        if query.ticket.is_some() {
            return;
        }
        if now >= query.deadline {
            self.queries.remove(&id);
            self.outputs.push(Output::Answered { query: QueryId(id), answer: None });
            return;
        }
        if now >= query.order_at && query.via.is_some() {
            self.order_query(now, id);
        } else {
            for to in self.links.reachable() {
                self.send_query(to, id);
            }
        }
        if let Some(query) = self.queries.get_mut(&id)
            && query.ticket.is_none()
        {
            query.timer_at = after_ms(now, REPEAT_MS).min(query.deadline);
            self.timers.set(query.timer_at, Timer::Query(id));
        }
    }

    fn on_receipt_parts(&mut self, from: ReplicaId, id: u64, parts: Option<ReceiptParts>) {
        let Some(wish) = self.wishes.get_mut(&id) else { return };
        // A replica that has nothing yet is asked again by the timer.
        let Some(parts) = parts else { return };
        if !wish.on_parts(from, parts) {
            self.distrust(from, "parts of a receipt that nobody asked for");
            return;
        }
        if let Some(receipt) = wish.build(self.verifier.keyring(), self.verifier.verify()) {
            let at = wish.ask_again_at;
            self.wishes.remove(&id);
            self.timers.cancel(at, Timer::Receipt(id));
            self.outputs.push(Output::Receipt { receipt: ReceiptId(id), result: Some(Box::new(receipt)) });
        }
    }

    pub(crate) fn on_receipt_timer(&mut self, now: Instant, id: u64) {
        let reachable = self.links.reachable();
        let Some(wish) = self.wishes.get_mut(&id) else { return };
        if now >= wish.deadline {
            self.wishes.remove(&id);
            self.outputs.push(Output::Receipt { receipt: ReceiptId(id), result: None });
            return;
        }
        wish.ask_again_at = after_ms(now, REPEAT_MS).min(wish.deadline);
        self.timers.set(wish.ask_again_at, Timer::Receipt(id));
        for to in reachable.into_iter().filter(|to| !wish.has(*to)) {
            self.outputs.push(Output::Send { to, message: wish.ask.clone() });
        }
    }
}

/// Whether a rejected request left its session as it was (E6, N8), so that its nonce is still to be used.
fn leaves_nonce_unused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Rejected(rejected) if rejected.code == "invalid")
}
