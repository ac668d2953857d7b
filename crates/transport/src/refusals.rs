//! Connections that were refused, by us or by others: counted, and said in the log once for each reason.

use outvote_types::ReplicaId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Different reasons of strangers that are said in one period at most. They can make up reasons, by showing one key after the
/// other; they must not fill a disk with them, nor keep members' reasons out of the log.
const STRANGERS_REASONS_MAX: usize = 64;
/// The same for each member: a liar may vary its reasons, too.
const MEMBERS_REASONS_MAX: usize = 8;
/// After this long a reason that is still there is said again.
const PERIOD: Duration = Duration::from_secs(600);

/// Between whom there is no connection, and why in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody who did not show a member's key.
    Stranger(String),
    /// A member.
    Member(ReplicaId, String),
}

impl Reason {
    /// In words.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Stranger(words) | Self::Member(_, words) => words,
        }
    }
}

impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        Self::Stranger(words.into())
    }
}

impl From<String> for Reason {
    fn from(words: String) -> Self {
        Self::Stranger(words)
    }
}

#[derive(Debug)]
struct Said {
    since: Instant,
    strangers: BTreeSet<String>,
    members: BTreeMap<ReplicaId, BTreeSet<String>>,
    count: u64,
    last: Option<String>,
}

/// The refusals of one side.
#[derive(Debug)]
pub struct Refusals(Mutex<Said>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Mutex::new(Said {
            since: Instant::now(),
            strangers: BTreeSet::new(),
            members: BTreeMap::new(),
            count: 0,
            last: None,
        }))
    }
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, Said> {
        // Plain counts and texts: whole whatever a holder did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a refusal; says whether its reason is to be said now.
    pub fn count(&self, now: Instant, reason: &Reason) -> bool {
        let mut said = self.lock();
        said.count += 1;
        said.last = Some(reason.words().to_owned());
        if now.saturating_duration_since(said.since) >= PERIOD {
            said.since = now;
            said.strangers.clear();
            said.members.clear();
        }
        let (max, reasons) = match reason {
            Reason::Stranger(_) => (STRANGERS_REASONS_MAX, &mut said.strangers),
            Reason::Member(id, _) => (MEMBERS_REASONS_MAX, said.members.entry(*id).or_default()),
        };
        reasons.len() < max && reasons.insert(reason.words().to_owned())
    }

    /// How many there were, and why the last one was.
    #[must_use]
    pub fn so_far(&self) -> (u64, Option<String>) {
        let said = self.lock();
        (said.count, said.last.clone())
    }
}
