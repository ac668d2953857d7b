//! Requests that wait to be ordered: bounded, fair between clients and between peers (P rules).

use crate::limits::{NONCES_REMEMBERED, RELAY_PLACES, REQUESTS_PER_SESSION, SESSIONS_REMEMBERED};
use crate::sizes::Sizes;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Digest, Instant, Nonce, PublicKey, ReplicaId, Request};

/// Through whom a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// It was in a block that was dropped with its view; goes first (P7).
    Returned,
    /// One of our own clients.
    Own,
    /// Relayed by a peer; each has its own places (P3).
    Peer(ReplicaId),
}

/// What became of a request that was offered to the pool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It waits.
    Added,
    /// It waits already, or was ordered.
    Known,
    /// There is no room for it.
    Full,
}

/// A request's name: session and nonce.
pub(crate) type Name = (PublicKey, Nonce);

#[derive(Debug)]
struct Waiting {
    request: Request,
    bytes: usize,
    source: Source,
    since: Instant,
    /// In a block of this view that we voted for or proposed.
    taken: bool,
}

#[derive(Debug, Default)]
struct Session {
    waiting: BTreeMap<Nonce, Waiting>,
    /// How many of them are our own client's; bounded by `REQUESTS_PER_SESSION`.
    own: usize,
    /// Its place among the sessions that have something to propose.
    ready: Option<(Source, Nonce)>,
}

/// Nonces that were ordered lately, to avoid proposing them again. The executor alone decides what is executed.
type Ordered = BTreeMap<Nonce, Digest>;

/// The pool.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    sessions: BTreeMap<PublicKey, Session>,
    /// Sessions whose lowest free request came through this source.
    ready: BTreeMap<Source, BTreeSet<PublicKey>>,
    /// Who was served last, per source and among the sources.
    last_session: BTreeMap<Source, PublicKey>,
    last_source: Option<Source>,
    /// Free requests by age.
    free: BTreeSet<(Instant, PublicKey, Nonce)>,
    free_bytes: usize,
    total: usize,
    own: usize,
    own_bytes: usize,
    per_peer: BTreeMap<ReplicaId, usize>,
    /// Sessions by how many of their own requests wait (P4).
    load: BTreeSet<(usize, PublicKey)>,
    ordered: BTreeMap<PublicKey, Ordered>,
    ordered_queue: VecDeque<PublicKey>,
    /// Requests that became their session's lowest free one, for relays (P2).
    pub(crate) lowest: VecDeque<(Instant, PublicKey, Nonce)>,
    /// The counter of the batches that we cut.
    pub(crate) lane_sequence: u64,
}

impl Pool {
    /// Requests that wait, taken or not.
    pub(crate) const fn len(&self) -> usize {
        self.total
    }

    /// Requests that no proposal of this view holds.
    pub(crate) fn untaken(&self) -> usize {
        self.free.len()
    }

    /// Those of them that no peer's places hold (P3).
    pub(crate) fn untaken_own(&self) -> usize {
        self.free.len().saturating_sub(self.per_peer.values().sum())
    }

    /// Everything that waits is forgotten: a state was installed that may hold the outcome of any of it, in blocks that are never
    /// seen here. Whoever still waits sends again (R4, T6).
    pub(crate) fn forget_waiting(&mut self) {
        *self = Self {
            ordered: core::mem::take(&mut self.ordered),
            ordered_queue: core::mem::take(&mut self.ordered_queue),
            lane_sequence: self.lane_sequence,
            ..Self::default()
        };
    }

    pub(crate) const fn untaken_bytes(&self) -> usize {
        self.free_bytes
    }

    pub(crate) fn oldest_untaken(&self) -> Option<Instant> {
        self.free.first().map(|(since, ..)| *since)
    }

    /// Whether a place is free for an own client's request of this size.
    pub(crate) const fn has_room(&self, bytes: usize, requests_max: usize, bytes_max: usize) -> bool {
        self.own < requests_max && self.own_bytes.saturating_add(bytes) <= bytes_max
    }

    /// P4: the session with the most waiting requests gives up its newest, if it has more than `session` would have.
    pub(crate) fn give_way(&mut self, session: &PublicKey) -> Option<Request> {
        let (most, key) = *self.load.last()?;
        let mine = self.sessions.get(session).map_or(0, |session| session.own);
        if most <= mine.saturating_add(1) || planted::is_on(Bug::NobodyGivesWay) {
            return None;
        }
        let waiting = &self.sessions.get(&key)?.waiting;
        let newest = waiting.iter().rev().find(|(_, w)| w.source == Source::Own && !w.taken)?;
        let nonce = *newest.0;
        self.remove(&(key, nonce))
    }

    /// Offers a request; the caller has made room for it.
    pub(crate) fn offer(&mut self, request: Request, source: Source, now: Instant) -> Admission {
        let (key, nonce) = (request.body.session, request.body.nonce);
        let digest = request.digest();
        if self.was_ordered(&key, nonce, digest) {
            return Admission::Known;
        }
        let session = self.sessions.get(&key);
        if session.is_some_and(|session| session.waiting.contains_key(&nonce)) {
            return Admission::Known;
        }
        // B1, P3: bounded per session for our own clients, and per peer for relays.
        let is_full = match source {
            Source::Own => session.is_some_and(|session| session.own >= REQUESTS_PER_SESSION),
            Source::Peer(peer) => self.per_peer.get(&peer).is_some_and(|count| *count >= RELAY_PLACES),
            Source::Returned => false,
        };
        if is_full {
            return Admission::Full;
        }
        let bytes = request.encoded_bytes();
        self.count(&key, source, bytes, true);
        self.hold_place(source, true);
        let waiting = Waiting { request, bytes, source, since: now, taken: false };
        self.sessions.entry(key).or_default().waiting.insert(nonce, waiting);
        self.free.insert((now, key, nonce));
        self.free_bytes = self.free_bytes.saturating_add(bytes);
        self.place(&key, now);
        Admission::Added
    }

    fn count(&mut self, key: &PublicKey, source: Source, bytes: usize, add: bool) {
        let change = |number: usize, by: usize| {
            if add { number.saturating_add(by) } else { number.saturating_sub(by) }
        };
        self.total = change(self.total, 1);
        match source {
            Source::Own => {
                self.own = change(self.own, 1);
                self.own_bytes = change(self.own_bytes, bytes);
                let session = self.sessions.entry(*key).or_default();
                self.load.remove(&(session.own, *key));
                session.own = change(session.own, 1);
                if session.own > 0 {
                    self.load.insert((session.own, *key));
                }
            }
            Source::Peer(_) | Source::Returned => {}
        }
    }

    /// P3: a place is held from the relay to the proposal, as the peer counts it too.
    fn hold_place(&mut self, source: Source, add: bool) {
        if let Source::Peer(peer) = source {
            let count = self.per_peer.entry(peer).or_default();
            *count = if add { count.saturating_add(1) } else { count.saturating_sub(1) };
        }
    }

    /// Puts a session where its lowest free request belongs.
    fn place(&mut self, key: &PublicKey, now: Instant) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let lowest = session.waiting.iter().find(|(_, waiting)| !waiting.taken);
        let place = lowest.map(|(nonce, waiting)| (waiting.source, *nonce));
        if place == session.ready {
            return;
        }
        if let Some((source, _)) = session.ready
            && let Some(ready) = self.ready.get_mut(&source)
        {
            ready.remove(key);
        }
        session.ready = place;
        if let Some((source, nonce)) = place {
            self.ready.entry(source).or_default().insert(*key);
            // P2: it counts from the moment at which it became the lowest.
            self.lowest.push_back((now, *key, nonce));
            self.trim_lowest();
        }
    }

    /// B1: entries that were overtaken leave when there are too many.
    fn trim_lowest(&mut self) {
        if self.lowest.len() <= crate::limits::WATCHED_MAX {
            return;
        }
        let sessions = &self.sessions;
        self.lowest.retain(|(_, key, nonce)| {
            sessions.get(key).and_then(|session| session.ready).is_some_and(|(_, lowest)| lowest == *nonce)
        });
    }

    /// Takes requests for a batch: in order per client, in turn across clients and sources (P6).
    pub(crate) fn take(&mut self, count_max: usize, bytes_max: usize) -> Vec<Request> {
        let mut taken = Vec::new();
        let mut bytes = 0usize;
        while taken.len() < count_max {
            let Some((source, key)) = self.next_turn() else { break };
            let Some((_, nonce)) = self.sessions.get(&key).and_then(|session| session.ready) else { break };
            let Some(waiting) = self.sessions.get(&key).and_then(|s| s.waiting.get(&nonce)) else { break };
            if !taken.is_empty() && bytes.saturating_add(waiting.bytes) > bytes_max {
                break;
            }
            bytes = bytes.saturating_add(waiting.bytes);
            taken.push(waiting.request.clone());
            let now = waiting.since;
            self.last_source = Some(source);
            self.last_session.insert(source, key);
            self.mark_taken(&(key, nonce), now);
        }
        taken
    }

    /// The source and session whose turn it is.
    fn next_turn(&self) -> Option<(Source, PublicKey)> {
        let has_work = |source: &Source| self.ready.get(source).is_some_and(|ready| !ready.is_empty());
        // P7: what a dropped block held goes first.
        let source = if has_work(&Source::Returned) {
            Source::Returned
        } else {
            let sources: Vec<Source> = self.ready.keys().copied().filter(|source| has_work(source)).collect();
            let after = sources.iter().find(|source| {
                self.last_source.is_none_or(|last| **source > last) || planted::is_on(Bug::OwnClientsFirst)
            });
            // P3: relays and own clients in turn.
            *after.or_else(|| sources.first())?
        };
        let ready = self.ready.get(&source)?;
        let after = self.last_session.get(&source).and_then(|last| {
            ready.range((core::ops::Bound::Excluded(last), core::ops::Bound::Unbounded)).next()
        });
        Some((source, *after.filter(|_| !planted::is_on(Bug::OneSessionFirst)).or_else(|| ready.first())?))
    }

    /// The request is in a proposal of this view.
    pub(crate) fn mark_taken(&mut self, name: &Name, now: Instant) {
        let Some(waiting) = self.sessions.get_mut(&name.0).and_then(|s| s.waiting.get_mut(&name.1)) else {
            return;
        };
        if !core::mem::replace(&mut waiting.taken, true) {
            let source = waiting.source;
            self.free.remove(&(waiting.since, name.0, name.1));
            self.free_bytes = self.free_bytes.saturating_sub(waiting.bytes);
            self.hold_place(source, false);
            self.place(&name.0, now);
        }
    }

    /// P7: a view ended: what its proposals held waits again, and relays to its leader are the senders' business.
    pub(crate) fn release_all(&mut self, now: Instant, keeps_relays: bool) {
        let mut drop_names = Vec::new();
        let mut held = Vec::new();
        for (key, session) in &mut self.sessions {
            for (nonce, waiting) in &mut session.waiting {
                if matches!(waiting.source, Source::Peer(_)) && !keeps_relays {
                    drop_names.push((*key, *nonce));
                } else if core::mem::take(&mut waiting.taken) {
                    self.free.insert((waiting.since, *key, *nonce));
                    self.free_bytes = self.free_bytes.saturating_add(waiting.bytes);
                    held.push(waiting.source);
                }
            }
        }
        for source in held {
            self.hold_place(source, true);
        }
        for name in drop_names {
            self.remove(&name);
        }
        self.lowest.clear();
        let keys: Vec<PublicKey> = self.sessions.keys().copied().collect();
        for key in keys {
            if let Some(session) = self.sessions.get_mut(&key)
                && let Some((source, _)) = session.ready.take()
                && let Some(ready) = self.ready.get_mut(&source)
            {
                ready.remove(&key);
            }
            self.place(&key, now);
        }
    }

    pub(crate) fn remove(&mut self, name: &Name) -> Option<Request> {
        let session = self.sessions.get_mut(&name.0)?;
        let waiting = session.waiting.remove(&name.1)?;
        if !waiting.taken {
            self.hold_place(waiting.source, false);
            self.free.remove(&(waiting.since, name.0, name.1));
            self.free_bytes = self.free_bytes.saturating_sub(waiting.bytes);
        }
        self.count(&name.0, waiting.source, waiting.bytes, false);
        self.place(&name.0, waiting.since);
        if self.sessions.get(&name.0).is_some_and(|session| session.waiting.is_empty()) {
            self.sessions.remove(&name.0);
        }
        Some(waiting.request)
    }

    /// The request was committed: it waits no more, and is not proposed again.
    pub(crate) fn commit(&mut self, name: &Name, digest: Digest) {
        self.remove(name);
        if !self.ordered.contains_key(&name.0) {
            self.ordered_queue.push_back(name.0);
            while self.ordered_queue.len() > SESSIONS_REMEMBERED {
                let oldest = self.ordered_queue.pop_front();
                oldest.and_then(|key| self.ordered.remove(&key));
            }
        }
        let nonces = self.ordered.entry(name.0).or_default();
        nonces.insert(name.1, digest);
        while nonces.len() > NONCES_REMEMBERED {
            nonces.pop_first();
        }
    }

    /// Whether this very request is known to be committed. Another one under the same nonce is not: it is ordered too,
    /// and the executor answers "nonce reused".
    pub(crate) fn was_ordered(&self, key: &PublicKey, nonce: Nonce, digest: Digest) -> bool {
        self.ordered
            .get(key)
            .and_then(|nonces| nonces.get(&nonce))
            .is_some_and(|held| *held == digest && !planted::is_on(Bug::OrderedForgotten))
    }

    /// Whether any request under this name was committed lately.
    pub(crate) fn is_nonce_ordered(&self, name: &Name) -> bool {
        self.ordered.get(&name.0).is_some_and(|nonces| nonces.contains_key(&name.1))
    }

    /// When a waiting request was first seen.
    pub(crate) fn since(&self, name: &Name) -> Option<Instant> {
        self.sessions.get(&name.0)?.waiting.get(&name.1).map(|waiting| waiting.since)
    }

    /// The request, if it is its session's lowest free one and came from our own side.
    pub(crate) fn relayable(&self, name: &Name) -> Option<&Request> {
        let session = self.sessions.get(&name.0)?;
        let is_lowest = session.ready.is_some_and(|(_, nonce)| nonce == name.1);
        let waiting = session.waiting.get(&name.1).filter(|_| is_lowest)?;
        (!matches!(waiting.source, Source::Peer(_))).then_some(&waiting.request)
    }

    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.own_requests = self.own;
        sizes.own_request_bytes = self.own_bytes;
        sizes.own_requests_of_one = self.load.last().map_or(0, |(most, _)| *most);
        sizes.relayed_of_one = self.per_peer.values().copied().max().unwrap_or(0);
        sizes.watched = self.lowest.len();
        sizes.sessions_remembered = self.ordered.len();
    }

    pub(crate) fn assert_invariants(&self) {
        assert!(self.free.len() <= self.total, "free requests are among the waiting ones");
        let held: usize = self.per_peer.values().sum();
        assert!(held <= self.free.len(), "each place that is held has its free request");
    }
}
