//! What a behaviour may change.

use crate::hand::Hand;
use outvote_replica::{Action, Event};
use outvote_types::{Instant, ToClient};

/// One way to lie. The honest replica inside goes on by the rules and does not know what is made of its actions.
pub trait Liar: Send {
    /// Sees an event before the replica does, and may change it or keep it away.
    fn hear(&mut self, _hand: &mut Hand, _now: Instant, event: Event) -> Option<Event> {
        Some(event)
    }

    /// Sees an action before it is carried out; what is to be done instead goes to `out`.
    fn act(&mut self, hand: &mut Hand, now: Instant, action: Action, out: &mut Vec<Action>);

    /// Sees an answer to a client.
    fn answer(&mut self, _hand: &mut Hand, answer: ToClient) -> Option<ToClient> {
        Some(answer)
    }
}
