//! Sends its batches to one half only, refuses them to the rest, and unplugs.

use crate::hand::{Hand, read, send_each};
use crate::liar::Liar;
use outvote_replica::{Action, Recipients};
use outvote_types::{BoundedVec, Data, Instant, Message};

/// How long it stays unplugged.
const UNPLUGGED_US: u64 = 3_000_000;
/// Half-sent proposals before it unplugs.
const PROPOSALS: u64 = 3;

/// The half-batch sender.
#[derive(Default)]
pub struct HalfBatch {
    sent: u64,
    unplugged_until: Instant,
}

impl Liar for HalfBatch {
    fn act(&mut self, hand: &mut Hand, now: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { to, frame, .. } = &action else {
            out.push(action);
            return;
        };
        if now < self.unplugged_until {
            return;
        }
        match (read(frame), to) {
            // Who lacks the batch shall not have it from here.
            (Some(Message::Data(Data::Batches(_) | Data::Block(_))), _) => {}
            (Some(Message::Propose(propose)), Recipients::Others) if !propose.batches.is_empty() => {
                let view = propose.header.body.view;
                let mut bare = propose.clone();
                bare.batches = BoundedVec::default();
                send_each(hand.others(), out, |peer| {
                    let chosen = if hand.is_in_second_half(peer, view) { &bare } else { &propose };
                    Some(Message::Propose(chosen.clone()))
                });
                self.sent += 1;
                if self.sent.is_multiple_of(PROPOSALS) {
                    self.unplugged_until = now.plus(UNPLUGGED_US);
                }
            }
            _ => out.push(action),
        }
    }
}
