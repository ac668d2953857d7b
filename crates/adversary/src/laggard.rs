//! Proposes just before the others lose patience.

use crate::hand::{Hand, read};
use crate::liar::Liar;
use outvote_replica::Action;
use outvote_types::{Instant, Message};

/// How late its proposals leave: nine tenths of the base window.
pub const LATE_BY_US: u64 = 450_000;

/// The laggard: a leader that is slow on purpose.
#[derive(Default)]
pub struct Laggard {
    last: Instant,
}

impl Liar for Laggard {
    fn act(&mut self, hand: &mut Hand, now: Instant, action: Action, out: &mut Vec<Action>) {
        let is_proposal = match &action {
            Action::Send { frame, .. } => {
                frame.first() == Some(&0) && matches!(read(frame), Some(Message::Propose(_)))
            }
            _ => false,
        };
        if !is_proposal {
            out.push(action);
            return;
        }
        // One at a time, each as late as it dares.
        self.last = self.last.max(now).plus(LATE_BY_US);
        if self.last > now.plus(2 * LATE_BY_US) {
            self.last = now.plus(2 * LATE_BY_US);
        }
        hand.keep(self.last, action, out);
    }
}
