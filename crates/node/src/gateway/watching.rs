//! Which connection waits for the results of which sessions.

use super::ConnectionId;
use outvote_types::PublicKey;
use std::collections::{BTreeMap, BTreeSet};

/// Sessions that one connection may watch at most.
const SESSIONS_PER_CONNECTION_MAX: usize = 16_384;
/// Sessions that one connection may watch however full the table is, so that nobody can fill it for the others.
const SESSIONS_PER_CONNECTION_SURE: usize = 128;
/// Entries above which a connection gets no more than its sure ones.
const ENTRIES_MAX: usize = 262_144;

/// Both directions of the table.
#[derive(Debug, Default)]
pub(super) struct Watching {
    by_session: BTreeMap<PublicKey, BTreeSet<ConnectionId>>,
    by_connection: BTreeMap<ConnectionId, BTreeSet<PublicKey>>,
    entries: usize,
}

impl Watching {
    /// B1: what does not fit is left out; its client hears of its results when it asks for them.
    pub(super) fn watch(&mut self, id: ConnectionId, sessions: Vec<PublicKey>) {
        let watched = self.by_connection.entry(id).or_default();
        for session in sessions {
            let is_full = self.entries >= ENTRIES_MAX && watched.len() >= SESSIONS_PER_CONNECTION_SURE;
            if is_full || watched.len() >= SESSIONS_PER_CONNECTION_MAX {
                break;
            }
            if watched.insert(session) {
                self.entries += 1;
                self.by_session.entry(session).or_default().insert(id);
            }
        }
    }

    pub(super) fn stop(&mut self, id: ConnectionId) {
        for session in self.by_connection.remove(&id).unwrap_or_default() {
            self.entries -= 1;
            if let Some(watchers) = self.by_session.get_mut(&session) {
                watchers.remove(&id);
                if watchers.is_empty() {
                    self.by_session.remove(&session);
                }
            }
        }
    }

    /// Who watches this session.
    pub(super) fn of(&self, session: &PublicKey) -> impl Iterator<Item = ConnectionId> + '_ {
        self.by_session.get(session).into_iter().flatten().copied()
    }

    /// The same, copied.
    pub(super) fn who(&self, session: &PublicKey) -> Vec<ConnectionId> {
        self.of(session).collect()
    }
}
