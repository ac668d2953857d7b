//! What a connection brings again and again: free as far as it also brought something new, and dear beyond (P8).
//!
//! A repeated request is cheap to drop, but it is even cheaper to send. A client repeats for a reason now and then, what waits
//! after a change of the leader for one, and hardly more often than it brings something new.

use outvote_types::Digest;
use std::collections::{BTreeSet, VecDeque};

/// Requests of one connection that are remembered.
const REMEMBERED: usize = 256;
/// Repetitions that a connection which brought nothing new is forgiven: as much as a session can have under way.
const FORGIVEN: usize = 64;
/// What a repetition beyond that costs of the connection's pace: as much as so many signatures.
const REPETITION_COST: usize = 100;

/// What one connection brought.
pub(super) struct Repeats {
    recent: VecDeque<u64>,
    known: BTreeSet<u64>,
    /// Repetitions that are still free.
    credit: usize,
}

impl Default for Repeats {
    fn default() -> Self {
        Self { recent: VecDeque::new(), known: BTreeSet::new(), credit: FORGIVEN }
    }
}

impl Repeats {
    /// What this request costs of the connection's pace besides its signatures; `is_done` if it was executed already.
    pub(super) fn cost(&mut self, request: &Digest, is_done: bool) -> usize {
        let mut first = [0; 8];
        first.copy_from_slice(&request.0[..8]);
        let name = u64::from_le_bytes(first);
        if self.known.insert(name) {
            self.recent.push_back(name);
            if self.recent.len() > REMEMBERED
                && let Some(oldest) = self.recent.pop_front()
            {
                self.known.remove(&oldest);
            }
            if !is_done {
                self.credit = self.credit.saturating_add(1);
                return 1;
            }
        }
        match self.credit.checked_sub(1) {
            Some(left) => {
                self.credit = left;
                1
            }
            None => REPETITION_COST,
        }
    }
}
