//! Who is connected, as one of the threads that answer clients knows it.

use super::ConnectionId;
use super::outgoing::Outgoing;
use crate::behaviour::Lies;
use outvote_types::{ToClient, encode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// One thread's hands on the clients' queues.
pub(super) struct Connections {
    by_id: BTreeMap<ConnectionId, Outgoing>,
    /// Bytes that wait for all connections together, whichever thread put them there.
    waiting_bytes: Arc<AtomicUsize>,
    lies: Lies,
}

impl Connections {
    pub(super) fn new(waiting_bytes: Arc<AtomicUsize>, lies: Lies) -> Self {
        Self { by_id: BTreeMap::new(), waiting_bytes, lies }
    }

    pub(super) fn open(&mut self, id: ConnectionId, frames: Outgoing) {
        self.by_id.insert(id, frames);
    }

    pub(super) fn close(&mut self, id: ConnectionId) {
        self.by_id.remove(&id);
    }

    pub(super) fn has(&self, id: ConnectionId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Whether so much waits for this client already that its stream should wait too, or it is gone.
    pub(super) fn should_pause(&self, id: ConnectionId) -> bool {
        self.by_id.get(&id).is_none_or(Outgoing::should_pause)
    }

    /// Whether this client has yet to read what it was told, or it is gone.
    pub(super) fn is_behind(&self, id: ConnectionId) -> bool {
        self.by_id.get(&id).is_none_or(Outgoing::is_behind)
    }

    /// Answers in this way from now on (demonstration clusters only).
    pub(super) fn behave(&mut self, behaviour: &str) {
        // The core's liar was asked first and its word is what the user hears.
        drop(self.lies.switch(behaviour));
    }

    /// Queues a message; false if the client does not read: it must be disconnected, and asks again on a new connection.
    #[must_use]
    pub(super) fn send(&mut self, id: ConnectionId, message: ToClient) -> bool {
        let Some(outgoing) = self.by_id.get(&id) else { return true };
        let Some(message) = self.lies.answer(message) else { return true };
        outgoing.push(encode(&message), &self.waiting_bytes, self.by_id.len())
    }
}
