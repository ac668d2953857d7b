//! Exactly once and in order, per session. Sessions are part of the agreed state and are never evicted.

use crate::backend::BackendError;
use crate::layout;
use crate::store::{Source, Store};
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::limits::NONCE_WINDOW;
use outvote_types::planted::{self, Bug};
use outvote_types::{Digest, Nonce, PublicKey, RequestBody, Sequence, WallTime, decode, encode};
use std::collections::VecDeque;

/// Bytes of held requests per session at most.
pub const MAX_HELD_BYTES_PER_SESSION: u64 = 4 * 1024 * 1024;
/// Bytes of held requests of all sessions at most.
pub const MAX_HELD_BYTES: u64 = 256 * 1024 * 1024;
/// New sessions per second of agreed time.
pub const NEW_SESSIONS_PER_SECOND: u64 = 10_000;
/// New sessions at once, after a quiet time.
pub const NEW_SESSIONS_BURST: u64 = 20_000;

const MICROSECONDS_PER_NEW_SESSION: u64 = 1_000_000 / NEW_SESSIONS_PER_SECOND;
/// Half a digest tells a client's own requests apart well enough: a collision takes 2^64 work and fools only itself.
type ShortDigest = [u8; 16];

fn shorten(digest: &Digest) -> ShortDigest {
    let mut short = [0; 16];
    short.copy_from_slice(&digest.0[..16]);
    short
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionStanding {
    /// The next nonce that will be executed; 1 for a new session.
    pub next: Nonce,
    /// The last executed request; zero for a new session.
    pub last_request: Digest,
    /// Merkle root over the result leaves of the last executed request.
    pub last_result: Digest,
    /// Requests held because an earlier nonce is missing.
    pub held: u32,
}

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Session {
    pub(crate) next: Nonce,
    last_request: Digest,
    last_result: Digest,
    held: u32,
    held_bytes: u64,
    /// The last executed requests, oldest first; at most [`NONCE_WINDOW`].
    executed: VecDeque<ShortDigest>,
}

/// A request that waits for an earlier nonce.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct HeldRequest {
    pub(crate) ordered_at: Sequence,
    pub(crate) request: Digest,
    pub(crate) body: RequestBody,
}

/// What is to be done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Apply,
    Ahead,
    Duplicate,
    NonceReused,
    TooFar,
    BadNonce,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            next: Nonce(1),
            last_request: Digest::ZERO,
            last_result: Digest::ZERO,
            held: 0,
            held_bytes: 0,
            executed: VecDeque::new(),
        }
    }

    /// Whose turn it is, by nonce and digest alone.
    pub(crate) fn turn(&self, nonce: Nonce, request: &Digest) -> Turn {
        // The largest nonce has no successor, so it could be executed twice; nonces start at 1.
        if nonce.0 == 0 || (nonce.0 == u64::MAX && !planted::is_on(Bug::LastNonceTaken)) {
            return Turn::BadNonce;
        }
        if nonce == self.next {
            // E2: strictly in the order of nonces.
            return Turn::Apply;
        }
        if nonce > self.next {
            // E3, E6: hold it if it lies within the window.
            return if nonce.since(self.next)
                <= NONCE_WINDOW - u64::from(planted::is_on(Bug::NonceWindowShort))
            {
                Turn::Ahead
            } else {
                Turn::TooFar
            };
        }
        let age = usize::try_from(self.next.since(nonce)).unwrap_or(usize::MAX);
        match self
            .executed
            .len()
            .checked_sub(age + usize::from(planted::is_on(Bug::DuplicatesShifted)))
            .and_then(|at| self.executed.get(at))
        {
            // E5: never given the first one's answer.
            Some(executed) if *executed != shorten(request) => Turn::NonceReused,
            // E4: executed before, or too old to tell, and then a no-op all the same.
            _ => Turn::Duplicate,
        }
    }

    /// Notes that the next request was executed.
    pub(crate) fn advance(&mut self, request: Digest, result: Digest) {
        self.next = self.next.next();
        self.last_request = request;
        self.last_result = result;
        self.executed.push_back(shorten(&request));
        if self.executed.len() as u64 > NONCE_WINDOW {
            self.executed.pop_front();
        }
    }

    pub(crate) fn standing(&self) -> SessionStanding {
        SessionStanding {
            next: self.next,
            last_request: self.last_request,
            last_result: self.last_result,
            held: self.held,
        }
    }
}

/// Bounds that all sessions share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Shared {
    /// When the admission of new sessions will have caught up with those admitted, microseconds of agreed time.
    busy_until_us: u64,
    /// Bytes of all held requests.
    held_bytes: u64,
}

/// The sessions in a store. Bytes that do not decode count as damage and come back as `Err(None)`.
pub(crate) struct Sessions<'a>(pub(crate) &'a mut Store);

/// The database failed, or (`None`) holds what we never wrote.
pub(crate) type SessionError = Option<BackendError>;

fn read<T: BorshDeserialize>(store: &Store, key: &[u8]) -> Result<Option<T>, SessionError> {
    store.get(key).map_err(Some)?.map(|bytes| decode(&bytes).map_err(|_| None)).transpose()
}

/// A session from the bytes of the state.
pub(crate) fn decode_session(bytes: &[u8]) -> Result<Session, SessionError> {
    let session: Session = decode(bytes).map_err(|_| None)?;
    // Counts that no program writes would not be damage but an overflow later.
    let is_ours = u64::from(session.held) <= NONCE_WINDOW && session.executed.len() as u64 <= NONCE_WINDOW;
    if is_ours { Ok(session) } else { Err(None) }
}

impl Sessions<'_> {
    fn shared(&self) -> Result<Shared, SessionError> {
        Ok(read(self.0, layout::ADMISSION)?.unwrap_or_default())
    }

    fn save_shared(&mut self, shared: &Shared) -> Result<(), SessionError> {
        self.0.write(layout::ADMISSION.to_vec(), Some(encode(shared).into()), None).map_err(Some)
    }

    /// Whether one more session may begin at this agreed time.
    pub(crate) fn admit(&mut self, time: WallTime) -> Result<bool, SessionError> {
        // E9: a bucket of tokens, written as the time at which it would be full again.
        let mut shared = self.shared()?;
        let busy_until_us = shared.busy_until_us.max(time.0).saturating_add(MICROSECONDS_PER_NEW_SESSION);
        let is_over =
            busy_until_us.saturating_sub(time.0) > NEW_SESSIONS_BURST * MICROSECONDS_PER_NEW_SESSION;
        if is_over && !planted::is_on(Bug::AdmissionUnbounded) {
            return Ok(false);
        }
        shared.busy_until_us = busy_until_us;
        self.save_shared(&shared)?;
        Ok(true)
    }

    /// The request that is held under a nonce.
    pub(crate) fn held(&self, key: &PublicKey, nonce: Nonce) -> Result<Option<HeldRequest>, SessionError> {
        read(self.0, &layout::held(key, nonce))
    }

    /// Whether a request of this size may be held.
    pub(crate) fn has_room(&self, session: &Session, bytes: u64) -> Result<bool, SessionError> {
        Ok((session.held_bytes.saturating_add(bytes) <= MAX_HELD_BYTES_PER_SESSION
            || planted::is_on(Bug::HeldUnbounded))
            && self.shared()?.held_bytes.saturating_add(bytes) <= MAX_HELD_BYTES)
    }

    /// Holds a request.
    pub(crate) fn hold(
        &mut self,
        key: &PublicKey,
        session: &mut Session,
        held: &HeldRequest,
    ) -> Result<(), SessionError> {
        let bytes = encode(held);
        let mut shared = self.shared()?;
        session.held += 1;
        session.held_bytes = session.held_bytes.saturating_add(bytes.len() as u64);
        shared.held_bytes = shared.held_bytes.saturating_add(bytes.len() as u64);
        self.save_shared(&shared)?;
        self.0.write(layout::held(key, held.body.nonce), Some(bytes.into()), None).map_err(Some)
    }

    /// Takes the held request whose turn it is, if there is one.
    pub(crate) fn release(
        &mut self,
        key: &PublicKey,
        session: &mut Session,
    ) -> Result<Option<HeldRequest>, SessionError> {
        if session.held == 0 || planted::is_on(Bug::HeldNotReleased) {
            return Ok(None);
        }
        let Some(held) = self.held(key, session.next)? else { return Ok(None) };
        let bytes = encode(&held).len() as u64;
        let mut shared = self.shared()?;
        session.held -= 1;
        session.held_bytes = session.held_bytes.saturating_sub(bytes);
        shared.held_bytes = shared.held_bytes.saturating_sub(bytes);
        self.save_shared(&shared)?;
        if !planted::is_on(Bug::HeldStays) {
            self.0.write(layout::held(key, session.next), None, None).map_err(Some)?;
        }
        Ok(Some(held))
    }
}
