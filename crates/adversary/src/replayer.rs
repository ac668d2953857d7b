//! Says again what it and others said before.

use crate::hand::Hand;
use crate::liar::Liar;
use outvote_replica::{Action, Event, Recipients};
use outvote_types::{Instant, ReplicaId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames that it remembers.
const MAX_FRAMES: usize = 256;

/// The replayer.
#[derive(Default)]
pub struct Replayer {
    frames: VecDeque<Arc<[u8]>>,
}

impl Replayer {
    fn remember(&mut self, frame: Arc<[u8]>) {
        if self.frames.len() == MAX_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }
}

impl Liar for Replayer {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event {
            self.remember(Arc::from(bytes.as_slice()));
        }
        Some(event)
    }

    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if let Action::Send { frame, .. } = &action {
            self.remember(Arc::clone(frame));
            let others: Vec<ReplicaId> = hand.others().collect();
            let peer = others[hand.dice.below(others.len() as u64) as usize];
            let old = &self.frames[hand.dice.below(self.frames.len() as u64) as usize];
            let frame = Arc::clone(old);
            out.push(Action::Send { to: Recipients::One(peer), urgent: true, frame });
        }
        out.push(action);
    }
}
