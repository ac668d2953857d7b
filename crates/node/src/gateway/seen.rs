//! Requests of before this process started: the replica's pool has forgotten that they were executed.
//!
//! A client that repeats one would have this replica relay it, and blame the leader for not ordering it again. So the first
//! requests of each session are looked up in the archive, until one is new.

use crate::archive::Archive;
use outvote_types::{PublicKey, Request};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sessions remembered at most; one that is forgotten is looked up again.
const SESSIONS_MAX: usize = 65_536;

/// Which sessions have shown a new request to this process.
#[derive(Clone)]
pub(crate) struct Seen {
    archive: Archive,
    sessions: Arc<Mutex<BTreeSet<PublicKey>>>,
}

impl Seen {
    pub(crate) fn new(archive: Archive) -> Self {
        Self { archive, sessions: Arc::default() }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeSet<PublicKey>> {
        // One insertion or removal at a time: a panic elsewhere leaves the set whole.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this session has shown a new request: then nothing of it need be looked up.
    pub(super) fn is_known(&self, session: &PublicKey) -> bool {
        self.sessions().contains(session)
    }

    /// Whether this very request was executed before, by an earlier process of this replica.
    pub(super) fn was_executed(&self, request: &Request) -> bool {
        let (session, nonce) = (request.body.session, request.body.nonce);
        let block = self.archive.executed_at(&session, nonce).ok().flatten();
        let block = block.and_then(|at| self.archive.block(at).ok().flatten());
        let digest = request.digest();
        let was = block.is_some_and(|block| {
            let mut results = block.results.iter();
            results.any(|result| result.is_result_of(&session, nonce) && result.leaf.request == digest)
        });
        if !was {
            let mut sessions = self.sessions();
            if sessions.len() >= SESSIONS_MAX {
                sessions.pop_first();
            }
            sessions.insert(session);
        }
        was
    }
}
