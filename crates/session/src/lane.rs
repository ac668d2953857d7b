//! One session: its key, its counter and its requests in flight.

use crate::output::{Outcome, SubmitError};
use crate::pending::Pending;
use crate::room::Room;
use outvote_crypto::{Sign, sign_request};
use outvote_types::limits::{MAX_REQUEST_BYTES, NONCE_WINDOW};
use outvote_types::{BoundedVec, Domain, Instant, Nonce, Operation, PublicKey, Request, RequestBody};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Outcomes that came after the deadline and wait for somebody to ask again, at most.
const MAX_LATE_OUTCOMES: usize = 64;

/// Requests of a session that are sent again at the same time at most. They are executed in their order, so those after them gain
/// nothing by it; and were all of them sent again whenever replicas are slow, they would keep the replicas slow.
const REPEATED_AT_ONCE: usize = 8;

/// What signs for a session: a key pair, or a scheme of the simulator.
pub type SessionKey = Arc<dyn Sign + Send + Sync>;

pub(crate) struct Lane {
    key: PublicKey,
    signer: SessionKey,
    /// The nonce of the next new request; unknown until the replicas have said where the session stands.
    next: Option<Nonce>,
    /// Nonces below `next` that no request used up, because theirs was refused before it counted.
    free: BTreeSet<Nonce>,
    /// Requests without an outcome, those whose deadline passed included.
    pub(crate) pending: BTreeMap<Nonce, Pending>,
    late: BTreeMap<Nonce, Outcome>,
    room: Room,
}

impl Lane {
    pub(crate) fn new(signer: SessionKey, next: Option<Nonce>) -> Self {
        let key = signer.public_key();
        Self {
            key,
            signer,
            next,
            free: BTreeSet::new(),
            pending: BTreeMap::new(),
            late: BTreeMap::new(),
            room: Room::default(),
        }
    }

    pub(crate) const fn is_ready(&self) -> bool {
        self.next.is_some()
    }

    pub(crate) const fn stands_at(&mut self, next: Nonce) {
        self.next = Some(next);
    }

    /// The nonce that the next new request will carry.
    pub(crate) fn next_nonce(&self) -> Option<Nonce> {
        self.free.first().copied().or(self.next)
    }

    pub(crate) fn room(&self, in_flight: u64) -> Result<Nonce, SubmitError> {
        let nonce = self.next_nonce().ok_or(SubmitError::NotReady)?;
        let lowest = self.pending.keys().next().copied().unwrap_or(nonce);
        let many = u64::try_from(self.pending.len()).unwrap_or(u64::MAX) >= in_flight;
        if many || nonce.since(lowest) >= NONCE_WINDOW {
            return Err(SubmitError::WindowFull);
        }
        Ok(nonce)
    }

    /// Signs a request under the next nonce.
    pub(crate) fn sign(
        &mut self,
        domain: &Domain,
        operations: Vec<Operation>,
        in_flight: u64,
    ) -> Result<Request, SubmitError> {
        let nonce = self.room(in_flight)?;
        if operations.is_empty() {
            return Err(SubmitError::Empty);
        }
        let operations = BoundedVec::new(operations).ok_or(SubmitError::TooLarge)?;
        let body = RequestBody { session: self.key, nonce, operations };
        let request = sign_request(&*self.signer, domain, body);
        if request.encoded_bytes() > MAX_REQUEST_BYTES {
            return Err(SubmitError::TooLarge);
        }
        Ok(request)
    }

    /// Takes a signed request of this session among those in flight.
    pub(crate) fn admit(&mut self, request: Request) -> Result<&mut Pending, SubmitError> {
        let (nonce, digest) = (request.body.nonce, request.digest());
        if self.pending.get(&nonce).is_some_and(|held| held.digest != digest) {
            return Err(SubmitError::NonceTaken);
        }
        if let Some(next) = self.next {
            if nonce.since(next) >= NONCE_WINDOW {
                return Err(SubmitError::WindowFull);
            }
            // Nonces that a caller jumped over can still be used, and must be before its own request can run.
            self.free.extend((next.0..nonce.0).map(Nonce));
        }
        self.next = Some(self.next.unwrap_or(nonce).max(nonce.next()));
        self.free.remove(&nonce);
        self.late.remove(&nonce);
        Ok(self.pending.entry(nonce).or_insert_with(|| Pending::new(request, digest)))
    }

    /// Requests that wait for an outcome, the earliest first.
    fn waiting(&self) -> impl Iterator<Item = (Nonce, &Pending)> {
        let waiting = self.pending.iter().filter(|(_, pending)| !pending.parked);
        waiting.map(|(nonce, pending)| (*nonce, pending))
    }

    /// Whether this request may be sent now: for the first time if it is within the session's room, again if it is among the earliest.
    /// Otherwise it is noted that it is to be.
    pub(crate) fn may_send(&mut self, nonce: Nonce) -> bool {
        let before = self.waiting().take_while(|(earlier, _)| *earlier < nonce).count();
        let room = self.room.get();
        let Some(pending) = self.pending.get_mut(&nonce) else { return false };
        let may = before < if pending.is_sent { room.min(REPEATED_AT_ONCE) } else { room };
        (pending.put_off, pending.is_sent) = (!may, pending.is_sent || may);
        may
    }

    /// Whether the session waits for this request before all others.
    pub(crate) fn is_first(&self, nonce: Nonce) -> bool {
        self.waiting().next().is_some_and(|(first, _)| first == nonce)
    }

    /// Requests that were put off and may be sent now.
    pub(crate) fn take_put_off(&mut self) -> Vec<Nonce> {
        let put_off = self.waiting().take(self.room.get()).filter(|(_, pending)| pending.put_off);
        let due: Vec<Nonce> = put_off.map(|(nonce, _)| nonce).collect();
        due.into_iter().filter(|nonce| self.may_send(*nonce)).collect()
    }

    /// Replicas had no room for a request of this session, and one of them at least was honest.
    pub(crate) fn on_full(&mut self, now: Instant) {
        let sent = self.pending.values().filter(|pending| pending.is_sent).count();
        self.room.shrink(now, sent);
    }

    /// A request had its outcome.
    pub(crate) fn on_outcome(&mut self) {
        self.room.grow();
    }

    /// Gives a nonce back that its request did not use up.
    pub(crate) fn release(&mut self, nonce: Nonce) {
        self.free.insert(nonce);
    }

    /// Keeps an outcome that came when nobody was waiting.
    pub(crate) fn keep_late(&mut self, nonce: Nonce, outcome: Outcome) {
        if self.late.len() >= MAX_LATE_OUTCOMES {
            self.late.pop_first();
        }
        self.late.insert(nonce, outcome);
    }

    pub(crate) fn take_late(&mut self, nonce: Nonce) -> Option<Outcome> {
        self.late.remove(&nonce)
    }
}
