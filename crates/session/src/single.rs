//! One session by itself.

use crate::lane::SessionKey;
use crate::output::{Output, QueryId, ReceiptId, SubmitError, Ticket};
use crate::pool::Pool;
use crate::tunables::Tunables;
use crate::verifier::SharedVerify;
use outvote_types::client::ToClient;
use outvote_types::{
    Committee, Instant, Nonce, Operation, PublicKey, QuorumError, ReplicaId, Request, Sequence,
};

/// A pool with a single session, for the many programs that have one key.
pub struct Session {
    key: PublicKey,
    pool: Pool,
}

impl Session {
    /// The session of `signer`. Without `next`, the replicas are asked where it stands.
    ///
    /// # Errors
    /// When the committee has a size that Byzantine agreement cannot serve.
    pub fn new(
        committee: &Committee,
        verify: SharedVerify,
        signer: SessionKey,
        next: Option<Nonce>,
        tunables: Tunables,
    ) -> Result<Self, QuorumError> {
        let mut pool = Pool::new(committee, verify, tunables)?;
        let key = pool.open(Instant(0), signer, next);
        Ok(Self { key, pool })
    }

    /// The session's key.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// Signs the operations as one request and sends it. See [`Pool::submit`].
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit(&mut self, now: Instant, operations: Vec<Operation>) -> Result<Ticket, SubmitError> {
        self.pool.submit(now, &self.key, operations)
    }

    /// Sends a request of this session that is signed already. See [`Pool::submit_signed`].
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit_signed(&mut self, now: Instant, request: Request) -> Result<Ticket, SubmitError> {
        self.pool.submit_signed(now, request)
    }

    /// Asks again for a request whose deadline passed. See [`Pool::ask_again`].
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn ask_again(&mut self, now: Instant, ticket: Ticket) -> Result<(), SubmitError> {
        self.pool.ask_again(now, ticket)
    }

    /// Asks a question; it is ordered in this session if replicas do not agree in time. See [`Pool::query`].
    pub fn query(&mut self, now: Instant, question: Vec<u8>, min_sequence: Sequence) -> Option<QueryId> {
        self.pool.query(now, Some(self.key), question, min_sequence)
    }

    /// Asks for a receipt. See [`Pool::receipt`].
    pub fn receipt(&mut self, now: Instant, ticket: Ticket, index: u32) -> ReceiptId {
        self.pool.receipt(now, ticket, index)
    }

    /// The nonce of the next request.
    #[must_use]
    pub fn next_nonce(&self) -> Option<Nonce> {
        self.pool.next_nonce(&self.key)
    }

    /// Whether a request would be taken now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.pool.has_room(&self.key)
    }

    /// The highest sequence at which something of this session was seen committed.
    #[must_use]
    pub const fn seen(&self) -> Sequence {
        self.pool.seen()
    }

    /// Takes a message from a replica's authenticated link.
    pub fn on_message(&mut self, now: Instant, from: ReplicaId, message: ToClient) {
        self.pool.on_message(now, from, message);
    }

    /// A link came up or went down.
    pub fn on_link(&mut self, peer: ReplicaId, up: bool) {
        self.pool.on_link(peer, up);
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        self.pool.tick(now);
    }

    /// When [`Session::tick`] has something to do next.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.pool.wake_at()
    }

    /// All that is to be sent and reported, in order.
    #[must_use]
    pub fn drain(&mut self) -> Vec<Output> {
        self.pool.drain()
    }
}
