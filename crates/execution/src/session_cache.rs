//! Sessions as they are worked on: decoded once, encoded once per digest or flush, however many requests they had between.

use crate::layout;
use crate::session::{Session, SessionError, decode_session};
use crate::store::{Source as _, Store};
use outvote_types::planted::{self, Bug};
use outvote_types::{PublicKey, encode};
use std::collections::BTreeMap;

use crate::backend::Value;

/// What a session takes in memory, roughly; counted like the overlay, whose flush empties this too.
const SESSION_BYTES: usize = 1536;

/// A session, and what the store has of it.
#[derive(Clone)]
pub(crate) struct CachedSession {
    pub(crate) session: Session,
    stored: Option<Value>,
    is_changed: bool,
}

impl CachedSession {
    /// Whether the agreed state does not know it yet.
    pub(crate) fn is_new(&self) -> bool {
        self.stored.is_none() && !self.is_changed
    }

    /// E8: it belongs into the agreed state, from which nothing ever removes a session.
    pub(crate) fn mark_changed(&mut self) {
        self.is_changed = true;
    }
}

/// The sessions since the last flush.
#[derive(Default)]
pub(crate) struct SessionCache {
    sessions: BTreeMap<PublicKey, CachedSession>,
}

impl SessionCache {
    /// Takes a session out to work on it; [`Self::put`] brings it back.
    pub(crate) fn take(&mut self, store: &Store, key: &PublicKey) -> Result<CachedSession, SessionError> {
        match self.sessions.remove(key) {
            Some(found) => Ok(found),
            None => load(store, key),
        }
    }

    pub(crate) fn put(&mut self, key: PublicKey, session: CachedSession) {
        self.sessions.insert(key, session);
    }

    /// Where a session stands that may not exist yet.
    pub(crate) fn look(&self, store: &Store, key: &PublicKey) -> Result<Session, SessionError> {
        match self.sessions.get(key) {
            Some(found) => Ok(found.session.clone()),
            None => load(store, key).map(|found| found.session),
        }
    }

    /// Brings the store up to date.
    pub(crate) fn write_back(&mut self, store: &mut Store) {
        for (key, cached) in self
            .sessions
            .iter_mut()
            .filter(|(_, cached)| cached.is_changed && !planted::is_on(Bug::SessionsNotFlushed))
        {
            let value = Value::from(encode(&cached.session));
            store.write_known(layout::session(key), cached.stored.as_ref(), Value::clone(&value));
            cached.stored = Some(value);
            cached.is_changed = false;
        }
    }

    /// Forgets all that is written back.
    pub(crate) fn clear(&mut self) {
        self.sessions.clear();
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.sessions.len() * SESSION_BYTES
    }
}

fn load(store: &Store, key: &PublicKey) -> Result<CachedSession, SessionError> {
    let stored = store.get(&layout::session(key)).map_err(Some)?;
    let session = stored.as_ref().map_or_else(|| Ok(Session::new()), |bytes| decode_session(bytes))?;
    Ok(CachedSession { session, stored, is_changed: false })
}
