//! Questions for single pieces of the chain: one per piece, however many needs wait for it (C10).

use crate::window::Missing;
use alloc::vec::Vec;
use outvote_types::{Instant, ReplicaId};

/// A missing piece, and who was asked for it.
#[derive(Debug)]
pub(crate) struct Question {
    /// Who is said to hold it.
    pub(crate) sources: Vec<ReplicaId>,
    tries: usize,
    /// How often nobody answered in time.
    unanswered: usize,
    /// When it is asked again.
    pub(crate) due: Instant,
    /// What was lacking when it was asked last; nothing, if it never was.
    asked: Option<Missing>,
    /// Whether it waits for a range instead of having been asked.
    pub(crate) waits_for_range: bool,
}

impl Question {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { sources: Vec::new(), tries: 0, unanswered: 0, due: now, asked: None, waits_for_range: false }
    }

    pub(crate) fn add_sources(&mut self, sources: impl Iterator<Item = ReplicaId>) {
        for source in sources {
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
    }

    /// Goes on to the next peer if this was asked before (C10: one that does not answer is not waited for).
    pub(crate) fn turn(&mut self, missing: Missing, due: Instant) {
        if self.asked == Some(missing) {
            self.tries = self.tries.wrapping_add(1);
            self.unanswered = self.unanswered.saturating_add(1);
        } else {
            self.unanswered = 0;
        }
        self.asked = Some(missing);
        self.due = due;
    }

    /// Whose turn it is.
    pub(crate) fn source(&self) -> Option<ReplicaId> {
        self.sources.get(self.tries % self.sources.len().max(1)).copied()
    }

    /// Whether all who are said to hold it were asked in vain so many times, exactly or more often.
    pub(crate) fn rounds_unanswered(&self) -> usize {
        self.unanswered / self.sources.len().max(1)
    }

    /// Whether this very question completes the given number of rounds in vain.
    pub(crate) fn completes_round(&self, rounds: usize) -> bool {
        self.unanswered == self.sources.len().saturating_mul(rounds)
    }

    /// Whether it was asked before, in vain.
    pub(crate) const fn is_repeated(&self) -> bool {
        self.unanswered > 0
    }

    /// The chain went on, so it was waited for with reason.
    pub(crate) const fn forgive(&mut self) {
        self.unanswered = 0;
    }

    /// The peer does not have it: the next one is asked at once, each once before the question waits. Says whether it is.
    pub(crate) fn on_gone(&mut self, from: ReplicaId, now: Instant) -> bool {
        let sources = self.sources.len().max(1);
        let is_asked = !self.waits_for_range && self.source() == Some(from);
        let goes_on = is_asked && self.unanswered % sources != sources.saturating_sub(1);
        if goes_on {
            self.due = now;
        }
        goes_on
    }
}
