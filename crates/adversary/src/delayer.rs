//! Lets proposals, or votes, leave late: by a fixed time, each one or every other one.

use crate::hand::{Hand, read};
use crate::liar::Liar;
use outvote_replica::Action;
use outvote_types::{Instant, Message};

/// How late the votes of a replica leave that always votes last: later than any honest one on a local network, and long before
/// anybody loses patience.
const VOTES_LATE_BY_US: u64 = 50_000;
/// How late every other proposal of a smart leader leaves: just below the base window.
const SMART_LATE_BY_US: u64 = 400_000;

/// What leaves late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Proposals,
    Votes,
}

/// The delayer. Unlike the laggard it does not wait for one message before it holds back the next.
#[derive(Debug)]
pub struct Delayer {
    what: What,
    late_by_us: u64,
    /// One in so many is late.
    one_in: u64,
    seen: u64,
}

impl Delayer {
    /// A leader whose proposals all leave so much later, microseconds.
    #[must_use]
    pub const fn of_proposals(late_by_us: u64) -> Self {
        Self { what: What::Proposals, late_by_us, one_in: 1, seen: 0 }
    }

    /// A leader that is as slow as the performance rule lets it: half of its rounds are late, and late by almost the window.
    #[must_use]
    pub const fn smart() -> Self {
        Self { what: What::Proposals, late_by_us: SMART_LATE_BY_US, one_in: 2, seen: 0 }
    }

    /// A replica that votes last.
    #[must_use]
    pub const fn of_votes() -> Self {
        Self { what: What::Votes, late_by_us: VOTES_LATE_BY_US, one_in: 1, seen: 0 }
    }

    fn is_meant(&self, action: &Action) -> bool {
        let Action::Send { frame, .. } = action else { return false };
        // The tag says which of them are worth reading.
        let is_near = frame.first().is_some_and(|tag| *tag <= 2);
        is_near
            && match read(frame) {
                Some(Message::Propose(_)) => self.what == What::Proposals,
                Some(Message::Prepare(_) | Message::Commit(_)) => self.what == What::Votes,
                _ => false,
            }
    }
}

impl Liar for Delayer {
    fn act(&mut self, hand: &mut Hand, now: Instant, action: Action, out: &mut Vec<Action>) {
        if !self.is_meant(&action) {
            out.push(action);
            return;
        }
        self.seen = self.seen.wrapping_add(1);
        if self.seen.is_multiple_of(self.one_in) {
            hand.keep(now.plus(self.late_by_us), action, out);
        } else {
            out.push(action);
        }
    }
}
