//! Proposes one request at a time.

use crate::hand::{Hand, read};
use crate::liar::Liar;
use outvote_replica::{Action, Event};
use outvote_types::{BoundedVec, Instant, Message, decode, encode};

/// How long it waits for its own proposal before it hears another request.
const PATIENCE_US: u64 = 20_000;

/// The miser: its replica hears of one request, and of no other until that one is proposed, so that each batch holds one.
#[derive(Default)]
pub struct Miser {
    /// Since when one is with the replica.
    heard: Option<Instant>,
}

impl Miser {
    fn has_room(&mut self, now: Instant) -> bool {
        if self.heard.is_some_and(|heard| now.since(heard) < PATIENCE_US) {
            return false;
        }
        self.heard = Some(now);
        true
    }
}

impl Liar for Miser {
    fn hear(&mut self, _: &mut Hand, now: Instant, event: Event) -> Option<Event> {
        match event {
            Event::Request(_) => self.has_room(now).then_some(event),
            Event::Frame { from, bytes } if bytes.first() == Some(&13) => match decode(&bytes) {
                Ok(Message::Relay(requests)) => {
                    let first = requests.iter().take(1).filter(|_| self.has_room(now)).cloned().collect();
                    let message = Message::Relay(BoundedVec::truncated(first));
                    Some(Event::Frame { from, bytes: encode(&message) })
                }
                _ => Some(Event::Frame { from, bytes }),
            },
            other => Some(other),
        }
    }

    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if let Action::Send { frame, .. } = &action
            && frame.first() == Some(&0)
            && matches!(read(frame), Some(Message::Propose(propose)) if !propose.batches.is_empty())
        {
            self.heard = None;
        }
        out.push(action);
    }
}
