//! What was refused at the listener: counted, and said in the log once for each reason.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Different reasons that are said in one period at most. Strangers can make up reasons, by showing one key after the other;
/// they must not fill a disk with them.
const REASONS_MAX: usize = 64;
/// After this long a reason that is still there is said again.
const PERIOD: Duration = Duration::from_secs(600);

#[derive(Debug)]
struct Said {
    since: Instant,
    reasons: BTreeSet<String>,
    count: u64,
    last: Option<String>,
}

/// The refusals of one listener.
#[derive(Debug)]
pub struct Refusals(Mutex<Said>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Mutex::new(Said { since: Instant::now(), reasons: BTreeSet::new(), count: 0, last: None }))
    }
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, Said> {
        // Plain counts and texts: whole whatever a holder did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a refusal; says whether its reason is to be said now.
    pub fn count(&self, now: Instant, why: &str) -> bool {
        let mut said = self.lock();
        said.count += 1;
        said.last = Some(why.to_owned());
        if now.saturating_duration_since(said.since) >= PERIOD {
            said.since = now;
            said.reasons.clear();
        }
        said.reasons.len() < REASONS_MAX && said.reasons.insert(why.to_owned())
    }

    /// How many there were, and why the last one was.
    #[must_use]
    pub fn so_far(&self) -> (u64, Option<String>) {
        let said = self.lock();
        (said.count, said.last.clone())
    }
}
