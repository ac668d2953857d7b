//! Requests on their way to the leader: admission, relays, and the clock for bypassed ones (P1 to P5, P7, V2).

use crate::limits::RELAY_PLACES;
use crate::output::{Output, Recipients};
use crate::pool::{Admission, Name, Source};
use crate::replica::Replica;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use outvote_types::limits::{MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES};
use outvote_types::planted::{self, Bug};
use outvote_types::{Block, BoundedVec, Digest, Instant, Message, PublicKey, ReplicaId, Request};

/// V2: a relay is late after a window and so many times what relays to this leader wait on average, ...
const WAITS_PATIENCE: u64 = 4;
/// ... but never later than after so many windows: a censor must not hide behind an overload that it feigns.
const WINDOWS_PATIENCE: u64 = 8;

/// What this replica has relayed to the leader of this view.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    /// Relayed and not ordered yet, with the moment of the relay and of its last repetition. At most `RELAY_PLACES`.
    outstanding: BTreeMap<Name, (Instant, Instant)>,
    /// When anything new was last ordered.
    ordered_at: Instant,
    /// The latest first sight among all requests that were ordered in this view.
    newest_ordered: Instant,
    /// How long relays to this leader wait for their order, a moving average; 0 while none was ordered.
    wait_us: u64,
}

impl Relays {
    pub(crate) fn len(&self) -> usize {
        self.outstanding.len()
    }

    /// A view begins: everything goes to its leader anew.
    pub(crate) fn begin(&mut self) {
        *self = Self::default();
    }

    /// A relayed request is ordered.
    fn measure(&mut self, name: &Name, now: Instant) {
        let Some((at, _)) = self.outstanding.remove(name) else { return };
        let (us, old) = (now.since(at), self.wait_us);
        self.wait_us = if old == 0 { us } else { old.saturating_sub(old / 8).saturating_add(us / 8) };
    }

    /// The earliest relay that is not ordered yet.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.outstanding.values().map(|(at, _)| *at).min()
    }
}

impl Replica {
    /// A request of our own client.
    pub(crate) fn on_request(&mut self, request: Request) {
        let (session, nonce) = (request.body.session, request.body.nonce);
        let bytes = request.encoded_bytes();
        // P8: cheap checks first; a verified request of a careless caller may still be too large for a batch.
        if bytes > MAX_REQUEST_BYTES || request.body.operations.is_empty() || nonce.0 == 0 {
            return self.out.push(Output::Refuse { session, nonce, busy: false });
        }
        let (requests_max, bytes_max) =
            (self.config.tunables.pool_requests_max, self.config.tunables.pool_bytes_max);
        let digest = request.digest();
        if self.pool.was_ordered(&session, nonce, digest) || self.pool.since(&(session, nonce)).is_some() {
            return;
        }
        // E10, P5: overload is refused early, and is nobody's fault.
        if self.is_execution_behind() {
            return self.out.push(Output::Refuse { session, nonce, busy: true });
        }
        // One for one: what a change of view put back, however much, was accepted and stays.
        if self.pool.untaken_own() >= self.waiting_max() && !self.give_way(&session) {
            return self.out.push(Output::Refuse { session, nonce, busy: true });
        }
        while !self.pool.has_room(bytes, requests_max, bytes_max) {
            if !self.give_way(&session) {
                return self.out.push(Output::Refuse { session, nonce, busy: true });
            }
        }
        if self.pool.offer(request, Source::Own, self.now) == Admission::Full {
            self.out.push(Output::Refuse { session, nonce, busy: true });
        }
    }

    /// P4: the session with the most waiting gives way to this one; `false` if none has more.
    fn give_way(&mut self, session: &PublicKey) -> bool {
        let Some(given) = self.pool.give_way(session) else { return false };
        let (session, nonce) = (given.body.session, given.body.nonce);
        self.relays.outstanding.remove(&(session, nonce));
        self.out.push(Output::Refuse { session, nonce, busy: true });
        true
    }

    /// Relays are for whoever leads, or leads next and has not noticed yet.
    pub(crate) fn takes_relays(&self) -> bool {
        self.is_leader() || self.quorum.leader(self.term.view.next()) == self.config.me
    }

    /// P3: relayed requests have places of their own, so they are never refused as busy.
    pub(crate) fn on_relay(&mut self, from: ReplicaId, requests: Vec<Request>) {
        if from == self.config.me || !self.takes_relays() {
            return;
        }
        for request in requests {
            let sane = request.encoded_bytes() <= MAX_REQUEST_BYTES
                && !request.body.operations.is_empty()
                && request.body.nonce.0 > 0;
            if !sane || self.pool.offer(request, Source::Peer(from), self.now) == Admission::Full {
                self.ignore(from, "P3 a relay beyond the reserved places");
            }
        }
    }

    /// How long a request may wait for a proposal before it is relayed.
    fn relay_patience_us(&self) -> u64 {
        // P1: half of T_request = 2T, or the debt time of the performance rule if that is shorter.
        self.performance_debt_us().map_or_else(|| self.window_us(), |debt| debt.min(self.window_us()))
    }

    pub(crate) fn relay_on_time(&mut self) {
        if self.is_leader() {
            return;
        }
        let patience = self.relay_patience_us();
        let mut requests = Vec::new();
        while self.relays.len() < RELAY_PLACES {
            let Some((since, key, nonce)) = self.pool.lowest.front().copied() else { break };
            let name = (key, nonce);
            // P2: only a session's lowest unordered nonce is relayed; the others' turn comes.
            let current = self.pool.relayable(&name).filter(|_| !self.relays.outstanding.contains_key(&name));
            let Some(request) = current.cloned() else {
                self.pool.lowest.pop_front();
                continue;
            };
            if since.plus(patience) > self.now && !self.hands_on(since) {
                break;
            }
            self.pool.lowest.pop_front();
            self.relays.outstanding.insert(name, (self.now, self.now));
            requests.push(request);
        }
        self.send_relays(requests);
    }

    fn send_relays(&mut self, requests: Vec<Request>) {
        if planted::is_on(Bug::RequestsForgotten) {
            return;
        }
        let mut leader = self.leader();
        if planted::is_on(Bug::RelaysToLastLeader) {
            leader = self.quorum.leader(outvote_types::View(self.term.view.0.saturating_sub(1)));
        }
        let mut bundle = Vec::new();
        let mut bytes = 0usize;
        for request in requests {
            let size = request.encoded_bytes();
            if !bundle.is_empty() && bytes.saturating_add(size) > MAX_MESSAGE_BYTES / 2 {
                let full = BoundedVec::truncated(core::mem::take(&mut bundle));
                self.send_ready(Recipients::One(leader), Message::Relay(full));
                bytes = 0;
            }
            bytes = bytes.saturating_add(size);
            bundle.push(request);
        }
        if !bundle.is_empty() {
            self.send_ready(Recipients::One(leader), Message::Relay(BoundedVec::truncated(bundle)));
        }
    }

    /// T6: relays are sent again while they are not ordered; the leader knows them by their names.
    pub(crate) fn resend_relays(&mut self) {
        if self.is_leader() {
            return;
        }
        let (now, half) = (self.now, self.window_us() / 2);
        let mut requests = Vec::new();
        let mut gone = Vec::new();
        for (name, (_, sent)) in &mut self.relays.outstanding {
            match self.pool.relayable(name) {
                None => gone.push(*name),
                Some(request) if now.since(*sent) >= half => {
                    *sent = now;
                    requests.push(request.clone());
                }
                Some(_) => {}
            }
        }
        for name in gone {
            self.relays.outstanding.remove(&name);
        }
        self.send_relays(requests);
    }

    pub(crate) fn relay_due(&self) -> Option<Instant> {
        if self.is_leader() || self.relays.len() >= RELAY_PLACES {
            return None;
        }
        let first = self.pool.lowest.front()?;
        Some(if self.hands_on(first.0) { self.now } else { first.0.plus(self.relay_patience_us()) })
    }

    /// V2: when a relayed request counts as bypassed.
    pub(crate) fn bypassed_at(&self) -> Option<Instant> {
        // E10: while execution is behind here, it is the load and not the leader that holds requests back.
        if self.is_execution_behind() || !self.is_open() || planted::is_on(Bug::BypassTolerated) {
            return None;
        }
        let window = self.window_us();
        // A leader that more is asked of than it can order serves all in turn, so no wait is many times as long as another; a
        // censor's victim waits for ever.
        let patience = window.saturating_add(self.relays.wait_us.saturating_mul(WAITS_PATIENCE));
        let patience = patience.min(window.saturating_mul(WINDOWS_PATIENCE));
        let relays = self.relays.outstanding.iter().filter(|(name, _)| self.pool.relayable(name).is_some());
        let due = relays.map(|(_, (at, _))| {
            if self.relays.newest_ordered > *at {
                // Requests that were relayed or first seen later were ordered.
                at.plus(patience)
            } else {
                // Nothing at all was ordered.
                (*at).max(self.relays.ordered_at).plus(window)
            }
        });
        due.min()
    }

    /// A block that we voted for, or that is certified: its requests are ordered.
    pub(crate) fn on_ordered(&mut self, id: Digest) {
        for id in self.chain.path_to(id) {
            let Some(entry) = self.chain.entries.get_mut(&id) else { continue };
            if core::mem::replace(&mut entry.ordered, true) {
                continue;
            }
            let Some(block) = entry.block.clone() else { continue };
            let outstanding_before = self.relays.len();
            let fresh = self.take_note(&block);
            self.on_proposed(fresh, outstanding_before);
        }
    }

    /// Marks a block's requests as taken; says how many were new.
    fn take_note(&mut self, block: &Block) -> usize {
        let mut fresh = 0usize;
        for request in block.batches.iter().flat_map(|batch| batch.requests.iter()) {
            let name = (request.body.session, request.body.nonce);
            self.relays.measure(&name, self.now);
            if self.pool.is_nonce_ordered(&name) {
                // N17: a repeated request is legal. P11: it counts as nothing proposed.
                continue;
            }
            fresh = fresh.saturating_add(1);
            let since = self.pool.since(&name).unwrap_or(self.now);
            self.relays.newest_ordered = self.relays.newest_ordered.max(since);
            self.pool.mark_taken(&name, self.now);
        }
        if fresh > 0 {
            self.relays.ordered_at = self.now;
        }
        fresh
    }

    pub(crate) fn on_requests_committed(&mut self, block: &Block) {
        let mut fresh = 0usize;
        for request in block.batches.iter().flat_map(|batch| batch.requests.iter()) {
            let name = (request.body.session, request.body.nonce);
            fresh = fresh.saturating_add(usize::from(!self.pool.is_nonce_ordered(&name)));
            self.relays.outstanding.remove(&name);
            self.pool.commit(&name, request.digest());
        }
        self.count_turnover(block.header.body.sequence, fresh);
    }

    /// P7: a new view: what the old one's blocks held and did not commit waits again, ahead of newer requests.
    pub(crate) fn return_requests(&mut self) {
        let leads = self.is_leader();
        self.pool.release_all(self.now, leads);
        let mut returned = Vec::new();
        for entry in self.chain.entries.values_mut() {
            entry.ordered = false;
            if leads
                && entry.header.body.view < self.term.view
                && let Some(block) = &entry.block
            {
                returned.extend(block.batches.iter().flat_map(|batch| batch.requests.iter().cloned()));
            }
        }
        if planted::is_on(Bug::RequestsForgotten) {
            returned.clear();
        }
        for request in returned {
            let _ = self.pool.offer(request, Source::Returned, self.now);
        }
        // P1: the new leader gets everything relayed at once.
        for entry in &mut self.pool.lowest {
            entry.0 = Instant(0);
        }
    }
}
