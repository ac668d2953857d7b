//! Says nothing to anybody.

use crate::hand::Hand;
use crate::liar::Liar;
use outvote_replica::Action;
use outvote_types::{Instant, ToClient};

/// The mute replica: it follows in silence.
#[derive(Default)]
pub struct Mute;

impl Liar for Mute {
    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if !matches!(action, Action::Send { .. } | Action::Reply(_) | Action::Refuse { .. }) {
            out.push(action);
        }
    }

    fn answer(&mut self, _: &mut Hand, answer: ToClient) -> Option<ToClient> {
        // Whoever told it to be mute hears that it is: that is no word of a member.
        matches!(answer, ToClient::Behaved { .. }).then_some(answer)
    }
}
