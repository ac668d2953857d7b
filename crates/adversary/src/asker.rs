//! Asks its peers for their whole state, again and again.

use crate::hand::{Hand, send};
use crate::liar::Liar;
use outvote_replica::{Action, Event, Recipients};
use outvote_types::limits::STATE_BUCKETS;
use outvote_types::{Blob, Data, Fetch, Instant, Message, Sequence, decode};

/// Questions for each message of the replica's own.
const PER_ACTION: u64 = 8;

/// The asker: it needs nothing, and asks for everything.
#[derive(Default)]
pub struct Asker {
    checkpoint: Sequence,
    asked: u64,
}

impl Asker {
    fn question(&mut self, hand: &Hand) -> Fetch {
        let replica = hand.me;
        self.asked = self.asked.wrapping_add(1);
        match self.asked % 4 {
            0 => Fetch::Manifest { replica },
            1 => Fetch::Range {
                first: Sequence(1),
                last: Sequence(self.checkpoint.0.saturating_add(64)),
                replica,
            },
            _ => {
                let bucket = u16::try_from(self.asked % STATE_BUCKETS as u64).unwrap_or_default();
                Fetch::Bucket { checkpoint: self.checkpoint, bucket, after: Blob::default(), replica }
            }
        }
    }
}

impl Liar for Asker {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event
            && bytes.first() == Some(&15)
        {
            match decode(bytes) {
                Ok(Message::Data(Data::Manifest(snapshot))) => {
                    self.checkpoint = snapshot.header.body.sequence;
                    return None;
                }
                // What was asked for nothing is thrown away.
                Ok(Message::Data(Data::Bucket { .. })) => return None,
                _ => {}
            }
        }
        Some(event)
    }

    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if matches!(action, Action::Send { .. }) {
            for _ in 0..PER_ACTION {
                let fetch = self.question(hand);
                let message = Message::Fetch(hand.sign(fetch));
                out.push(send(Recipients::Others, &message));
            }
        }
        out.push(action);
    }
}
