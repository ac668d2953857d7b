//! Rotation of a leader that did nothing wrong (P12). Off by default.

use crate::replica::Replica;
use crate::term::Mode;
use outvote_types::{Instant, Sequence};

/// The block that every view begins with, even if there is no work. It counts for no tenure: otherwise an idle cluster
/// would go round for ever.
const OPENING_BLOCKS: u64 = 1;

impl Replica {
    /// P12: whether this leader has had its turn with what it proposed up to `tip`. It proposes nothing more then, so that
    /// the slots in flight come to an end.
    pub(crate) fn is_turn_over(&self, tip: Sequence) -> bool {
        let most = self.config.committee.parameters.tenure_blocks;
        let open = tip.since(self.chain.committed.max(self.term.base));
        let blocks = self.term.blocks_committed.saturating_add(open);
        (most > 0 && blocks.saturating_sub(OPENING_BLOCKS) >= most)
            || self.tenure_ended_at().is_some_and(|at| at <= self.now)
    }

    /// A block of the current view was committed.
    pub(crate) fn count_tenure(&mut self) {
        self.term.blocks_committed = self.term.blocks_committed.saturating_add(1);
        let blocks = self.term.blocks_committed.saturating_sub(OPENING_BLOCKS);
        let parameters = &self.config.committee.parameters;
        if blocks == 1 && parameters.tenure_ms > 0 {
            // P12: the clock of a tenure begins with work, so whoever leads an idle cluster goes on leading it.
            self.term.tenure_ends_at = Some(self.now.plus(parameters.tenure_ms.saturating_mul(1_000)));
        }
        if parameters.tenure_blocks > 0 && blocks >= parameters.tenure_blocks {
            let by_time = self.term.tenure_ends_at.unwrap_or(self.now);
            self.term.tenure_ends_at = Some(by_time.min(self.now));
        }
    }

    const fn tenure_ended_at(&self) -> Option<Instant> {
        self.term.tenure_ends_at
    }

    /// P12: when another leader is due: once the slots in flight are done. A leader that goes on proposing gains no more
    /// than one window by it.
    pub(crate) fn tenure_at(&self) -> Option<Instant> {
        let at = self.tenure_ended_at().filter(|_| self.term.mode == Mode::Normal)?;
        let open = self.term.voted.is_some_and(|tip| tip.sequence > self.chain.committed);
        Some(if open { at.plus(self.window_us()) } else { at })
    }

    /// P12: whoever led the view before and rotates hands on at once what it was given and did not propose; its clients
    /// need not wait as if something had failed.
    pub(crate) fn hands_on(&self, since: Instant) -> bool {
        let rotates = self.config.committee.parameters.rotates();
        let before = outvote_types::View(self.term.view.0.saturating_sub(1));
        let led = self.quorum.leader(before) == self.config.me;
        rotates && led && self.term.view.0 > 0 && since < self.term.entered_at
    }
}
