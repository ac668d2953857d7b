//! Many sessions over one set of links.

use crate::fetch_receipt::ReceiptWish;
use crate::jitter::Jitter;
use crate::lane::{Lane, SessionKey};
use crate::links::Links;
use crate::output::{Outcome, Output, QueryId, ReceiptId, SubmitError, Ticket};
use crate::query::Query;
use crate::standing::Standing;
use crate::timers::{Timer, Timers, after_ms};
use crate::tunables::Tunables;
use crate::verifier::{ReplyVerifier, SharedVerify};
use outvote_crypto::Keyring;
use outvote_types::client::{MAX_REQUESTS_PER_MESSAGE, MAX_WATCHED_SESSIONS, ToReplica};
use outvote_types::limits::{MAX_MESSAGE_BYTES, MAX_OPERATION_BYTES, MAX_QUESTION_BYTES};
use outvote_types::{
    Blob, BoundedVec, Committee, Instant, Nonce, Operation, PublicKey, QuorumError, ReplicaId, Request,
    Sequence, View,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a wish for a receipt is repeated, milliseconds: a replica may execute the block only after the client
/// heard of it from others.
const RECEIPT_REPEAT_MS: u64 = 200;

/// Any number of sessions (signing keys) that share the links to one committee.
///
/// Tell it what happens with [`Pool::on_link`], [`Pool::on_message`] and [`Pool::tick`]; after each, or after a handful,
/// carry out what [`Pool::drain`] gives.
pub struct Pool {
    pub(crate) tunables: Tunables,
    pub(crate) verifier: ReplyVerifier,
    pub(crate) links: Links,
    pub(crate) lanes: BTreeMap<PublicKey, Lane>,
    pub(crate) standings: BTreeMap<PublicKey, Standing>,
    pub(crate) queries: BTreeMap<u64, Query>,
    pub(crate) ordered: BTreeMap<Ticket, u64>,
    pub(crate) wishes: BTreeMap<u64, ReceiptWish>,
    pub(crate) timers: Timers,
    pub(crate) jitter: Jitter,
    pub(crate) outputs: Vec<Output>,
    /// Requests for each replica, sent together by the next [`Pool::drain`].
    requests: BTreeMap<ReplicaId, Vec<Request>>,
    unwatched: Vec<PublicKey>,
    next_id: u64,
    seen: Sequence,
}

impl Pool {
    /// A pool without sessions and with all links down.
    ///
    /// # Errors
    /// When the committee has a size that Byzantine agreement cannot serve.
    pub fn new(committee: &Committee, verify: SharedVerify, tunables: Tunables) -> Result<Self, QuorumError> {
        let quorum = committee.quorum()?;
        let tunables = tunables.sane();
        let keyring = Arc::new(Keyring::new(committee.clone()));
        Ok(Self {
            tunables,
            verifier: ReplyVerifier::new(keyring, verify),
            links: Links::new(quorum, tunables.seed),
            lanes: BTreeMap::new(),
            standings: BTreeMap::new(),
            queries: BTreeMap::new(),
            ordered: BTreeMap::new(),
            wishes: BTreeMap::new(),
            timers: Timers::default(),
            jitter: Jitter::new(tunables.seed),
            outputs: Vec::new(),
            requests: BTreeMap::new(),
            unwatched: Vec::new(),
            next_id: 0,
            seen: Sequence(0),
        })
    }

    /// Opens the session of this key. Without `next`, the nonce of its next request, the replicas are asked, and the
    /// session takes submissions after [`Output::Ready`]. A fresh key stands at nonce 1.
    pub fn open(&mut self, now: Instant, signer: SessionKey, next: Option<Nonce>) -> PublicKey {
        let key = signer.public_key();
        if self.lanes.contains_key(&key) {
            return key;
        }
        self.lanes.insert(key, Lane::new(signer, next));
        self.unwatched.push(key);
        match next {
            Some(next) => self.outputs.push(Output::Ready { session: key, next }),
            None => self.ask_standing(now, key),
        }
        key
    }

    /// Forgets a session and its requests. Those in flight may still be executed; no outcome is reported for them.
    pub fn close(&mut self, session: &PublicKey) {
        if let Some(lane) = self.lanes.remove(session) {
            for (nonce, pending) in &lane.pending {
                self.timers.cancel(pending.timer_at, Timer::Request(*session, nonce.0));
            }
        }
        self.standings.remove(session);
        self.unwatched.retain(|key| key != session);
    }

    /// The nonce that the session's next request will carry, for operations whose authors sign it in advance.
    #[must_use]
    pub fn next_nonce(&self, session: &PublicKey) -> Option<Nonce> {
        self.lanes.get(session)?.next_nonce()
    }

    /// Whether [`Pool::submit`] would take a request of this session now.
    #[must_use]
    pub fn has_room(&self, session: &PublicKey) -> bool {
        self.lanes.get(session).is_some_and(|lane| lane.room(self.tunables.in_flight).is_ok())
    }

    /// Signs the operations as one request of `session` and sends it. Exactly one [`Output::Finished`] follows.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing was sent then.
    pub fn submit(
        &mut self,
        now: Instant,
        session: &PublicKey,
        operations: Vec<Operation>,
    ) -> Result<Ticket, SubmitError> {
        let lane = self.lanes.get_mut(session).ok_or(SubmitError::UnknownSession)?;
        let domain = *self.verifier.keyring().client_domain();
        let request = lane.sign(&domain, operations, self.tunables.in_flight)?;
        self.submit_signed(now, request)
    }

    /// Sends a request that the session's owner signed elsewhere, or in an earlier life of this process.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing was sent then.
    pub fn submit_signed(&mut self, now: Instant, request: Request) -> Result<Ticket, SubmitError> {
        let ticket = Ticket { session: request.body.session, nonce: request.body.nonce };
        let lane = self.lanes.get_mut(&ticket.session).ok_or(SubmitError::UnknownSession)?;
        lane.admit(request)?;
        self.launch(now, ticket);
        Ok(ticket)
    }

    /// Asks again for a request whose deadline passed: the same bytes under the same nonce, so it never runs twice (R3).
    ///
    /// # Errors
    /// [`SubmitError::UnknownTicket`] when the request already had its final outcome or never was one of this pool.
    pub fn ask_again(&mut self, now: Instant, ticket: Ticket) -> Result<(), SubmitError> {
        let lane = self.lanes.get_mut(&ticket.session).ok_or(SubmitError::UnknownSession)?;
        if let Some(outcome) = lane.take_late(ticket.nonce) {
            self.outputs.push(Output::Finished { ticket, outcome });
            return Ok(());
        }
        if !lane.pending.contains_key(&ticket.nonce) {
            return Err(SubmitError::UnknownTicket);
        }
        self.launch(now, ticket);
        Ok(())
    }

    /// Asks a question at every replica; [`Output::Answered`] follows. With `via`, the question is ordered in that
    /// session if the replicas do not agree in time. `min_sequence` demands an answer at least that new; pass
    /// [`Pool::seen`] to read one's own writes. `None` when the question is longer than replicas take.
    pub fn query(
        &mut self,
        now: Instant,
        via: Option<PublicKey>,
        question: Vec<u8>,
        min_sequence: Sequence,
    ) -> Option<QueryId> {
        if question.len() > MAX_QUESTION_BYTES.min(MAX_OPERATION_BYTES) {
            return None;
        }
        let id = self.fresh_id();
        let deadline = after_ms(now, self.deadline_ms());
        let order_at = after_ms(now, self.tunables.query_patience_ms);
        let query = Query::new(question, min_sequence, via, deadline, order_at);
        self.timers.set(query.timer_at, Timer::Query(id));
        self.queries.insert(id, query);
        for to in self.links.reachable() {
            self.send_query(to, id);
        }
        Some(QueryId(id))
    }

    /// Asks for the receipt of the `index`-th operation of a committed request; [`Output::Receipt`] follows.
    pub fn receipt(&mut self, now: Instant, ticket: Ticket, index: u32) -> ReceiptId {
        let id = self.fresh_id();
        self.wish(now, id, ToReplica::Receipt { id, session: ticket.session, nonce: ticket.nonce, index })
    }

    /// Asks for the receipt of the `position`-th result of the block at `sequence`; [`Output::Receipt`] follows.
    pub fn receipt_at(&mut self, now: Instant, sequence: Sequence, position: u32) -> ReceiptId {
        let id = self.fresh_id();
        self.wish(now, id, ToReplica::ReceiptAt { id, sequence, position })
    }

    fn wish(&mut self, now: Instant, id: u64, ask: ToReplica) -> ReceiptId {
        let deadline = after_ms(now, self.deadline_ms());
        let ask_again_at = after_ms(now, RECEIPT_REPEAT_MS);
        self.timers.set(ask_again_at, Timer::Receipt(id));
        self.wishes.insert(id, ReceiptWish::new(ask.clone(), deadline, ask_again_at));
        for to in self.links.reachable() {
            self.outputs.push(Output::Send { to, message: ask.clone() });
        }
        ReceiptId(id)
    }

    /// A link came up or went down.
    pub fn on_link(&mut self, peer: ReplicaId, up: bool) {
        if !self.links.set(peer, up) {
            return;
        }
        if up {
            self.greet(peer);
        } else {
            self.requests.remove(&peer);
        }
        // Requests that went only to whom is lost, or to nobody, need not wait for their next turn.
        if !up || self.links.reachable().len() <= self.verifier.keyring().quorum().weak() {
            self.resend_all();
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Request(session, nonce) => {
                    self.on_request_timer(now, Ticket { session, nonce: Nonce(nonce) })
                }
                Timer::Busy(session, nonce, peer) => {
                    self.on_busy_timer(Ticket { session, nonce: Nonce(nonce) }, peer);
                }
                Timer::Standing(session) => self.on_standing_timer(now, session),
                Timer::Query(id) => self.on_query_timer(now, id),
                Timer::Receipt(id) => self.on_receipt_timer(now, id),
            }
        }
    }

    /// When [`Pool::tick`] has something to do next.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The highest sequence at which something of this pool was seen committed.
    #[must_use]
    pub const fn seen(&self) -> Sequence {
        self.seen
    }

    /// The highest view that `f + 1` replicas claim.
    #[must_use]
    pub fn view(&self) -> View {
        self.links.view()
    }

    /// The committee with its domains.
    #[must_use]
    pub const fn keyring(&self) -> &Arc<Keyring> {
        self.verifier.keyring()
    }

    /// All that is to be sent and reported, in order. Requests that were submitted together travel together.
    #[must_use]
    pub fn drain(&mut self) -> Vec<Output> {
        let mut outputs = Vec::with_capacity(self.outputs.len() + self.requests.len());
        let fresh = core::mem::take(&mut self.unwatched);
        if !fresh.is_empty() {
            for to in self.links.reachable() {
                outputs.extend(watches(to, &fresh));
            }
        }
        outputs.append(&mut self.outputs);
        let requests = core::mem::take(&mut self.requests);
        if !requests.is_empty() {
            self.links.turn();
        }
        for (to, requests) in requests {
            outputs.extend(submits(to, requests));
        }
        outputs
    }

    /// Tells a replica that has just become reachable all that it must know.
    fn greet(&mut self, peer: ReplicaId) {
        let fresh = &self.unwatched;
        let known: Vec<PublicKey> = self.lanes.keys().filter(|key| !fresh.contains(key)).copied().collect();
        self.outputs.extend(watches(peer, &known));
        let unanswered =
            self.standings.iter().filter(|(_, standing)| !standing.has(peer)).map(|(key, _)| *key);
        let asks: Vec<ToReplica> = unanswered
            .map(ToReplica::Session)
            .chain(self.wishes.values().filter(|wish| !wish.has(peer)).map(|wish| wish.ask.clone()))
            .collect();
        self.outputs.extend(asks.into_iter().map(|message| Output::Send { to: peer, message }));
        let open: Vec<u64> =
            self.queries.iter().filter(|(_, query)| !query.has(peer)).map(|(id, _)| *id).collect();
        for id in open {
            self.send_query(peer, id);
        }
    }

    pub(crate) fn ask_standing(&mut self, now: Instant, session: PublicKey) {
        let grace = after_ms(now, self.tunables.standing_grace_ms);
        let again = after_ms(now, self.tunables.retransmit_ms);
        self.timers.set(grace, Timer::Standing(session));
        self.timers.set(again, Timer::Standing(session));
        self.standings.insert(session, Standing::new(grace, again));
        for to in self.links.reachable() {
            self.outputs.push(Output::Send { to, message: ToReplica::Session(session) });
        }
    }

    pub(crate) fn send_query(&mut self, to: ReplicaId, id: u64) {
        if let Some(query) = self.queries.get(&id)
            && let Some(question) = Blob::new(query.question.clone())
        {
            let message = ToReplica::Query { id, min_sequence: query.min_sequence, question };
            self.outputs.push(Output::Send { to, message });
        }
    }

    /// R4: how long an outcome is waited for, as the replicas' window is now.
    pub(crate) fn deadline_ms(&self) -> u64 {
        self.tunables.deadline_in(self.links.window_ms())
    }

    pub(crate) fn queue_request(&mut self, to: ReplicaId, request: &Request) {
        self.requests.entry(to).or_default().push(request.clone());
    }

    /// Takes note of an accepted outcome's place.
    pub(crate) fn note_seen(&mut self, outcome: &Outcome) {
        if let Outcome::Committed(committed) = outcome {
            self.seen = self.seen.max(committed.sequence);
        }
    }

    const fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

fn watches(to: ReplicaId, keys: &[PublicKey]) -> impl Iterator<Item = Output> + '_ {
    keys.chunks(MAX_WATCHED_SESSIONS).map(move |chunk| Output::Send {
        to,
        message: ToReplica::Watch(BoundedVec::truncated(chunk.to_vec())),
    })
}

/// Cuts requests into messages within the bounds of count and bytes.
fn submits(to: ReplicaId, requests: Vec<Request>) -> Vec<Output> {
    let (mut outputs, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    let flush =
        |part: Vec<Request>| Output::Send { to, message: ToReplica::Submit(BoundedVec::truncated(part)) };
    for request in requests {
        let size = request.encoded_bytes();
        if part.len() >= MAX_REQUESTS_PER_MESSAGE
            || (bytes + size > MAX_MESSAGE_BYTES / 4 && !part.is_empty())
        {
            outputs.push(flush(core::mem::take(&mut part)));
            bytes = 0;
        }
        bytes += size;
        part.push(request);
    }
    if !part.is_empty() {
        outputs.push(flush(part));
    }
    outputs
}
