//! What is remembered of each other member.

use crate::limits::{PERFORMANCE_PERIOD_US, SILENT_LEADER_US};
use crate::reminder::{Shown, Words};
use outvote_types::{Instant, Status};

/// What is asked for. Each kind has an allowance of its own: a laggard that asks for each proposal's missing pieces must not
/// use up what the range or the state takes that would end its lagging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchKind {
    /// One block, or batches of one.
    Piece,
    /// Many blocks, or a part of the state.
    Stretch,
}

/// One other member as this replica sees it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Whether the authenticated link works.
    pub(crate) up: bool,
    /// Since when it does not, if it ever did.
    pub(crate) down_since: Option<Instant>,
    /// When anything was last heard from it; the start, if nothing was.
    pub(crate) heard: Instant,
    /// Whether anything ever was.
    pub(crate) has_spoken: bool,
    /// Its latest STATUS. A hint, never believed without certificates (C8).
    pub(crate) status: Option<Status>,
    /// When its STATUS was last answered.
    pub(crate) answered: Option<Instant>,
    /// What it has signed and must not forget (D22).
    pub(crate) words: Words,
    /// What of it was shown when the link came up.
    pub(crate) shown: Shown,
    fetch_period: Instant,
    fetches: [u32; 2],
}

impl Peer {
    pub(crate) fn new(now: Instant, words: Words) -> Self {
        Self {
            up: false,
            down_since: None,
            heard: now,
            has_spoken: false,
            status: None,
            answered: None,
            words,
            shown: Shown::default(),
            fetch_period: now,
            fetches: [0; 2],
        }
    }

    /// Whether it takes part, as far as this replica can tell.
    pub(crate) const fn is_reachable(&self, now: Instant) -> bool {
        self.up || (self.has_spoken && now.since(self.heard) < SILENT_LEADER_US)
    }

    /// Counts a fetch; whether it is still within the second's allowance of its kind.
    pub(crate) const fn may_fetch(&mut self, now: Instant, kind: FetchKind, most: u32) -> bool {
        if now.since(self.fetch_period) >= PERFORMANCE_PERIOD_US {
            self.fetch_period = now;
            self.fetches = [0; 2];
        }
        let count = &mut self.fetches[kind as usize];
        *count = count.saturating_add(1);
        *count <= most
    }
}
