//! What the core is told, from any thread: what members and this replica's own threads say first, and what clients ask for in
//! small portions beside it.

use crate::core_thread::CoreEvent;
use outvote_types::{Request, Verified};
use std::collections::VecDeque;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Events that are handed out at once.
const EVENTS_PER_ROUND: usize = 256;
/// Clients' requests that are handed out at once. Each costs the core some 20 microseconds: a round without end would keep votes
/// waiting, and a slot that is left open that long has its leader suspected.
const REQUESTS_PER_ROUND: usize = 32;

/// Clients' requests whose signatures hold, and the room that they take up until the last of them is dealt with.
struct Portion {
    requests: VecDeque<Verified<Request>>,
    room: Box<dyn Send>,
}

/// Where the core is told things. What waits is bounded by whoever tells: bytes per peer and per client.
#[derive(Clone)]
pub(crate) struct CoreSender {
    events: UnboundedSender<CoreEvent>,
    portions: UnboundedSender<Portion>,
}

impl CoreSender {
    /// Tells the core. False if it has ended.
    pub(crate) fn send(&self, event: CoreEvent) -> bool {
        self.events.send(event).is_ok()
    }

    /// Hands over clients' requests; the room is given back after the round that takes the last of them.
    pub(crate) fn submit(&self, requests: Vec<Verified<Request>>, room: Box<dyn Send>) {
        // A core that has ended takes nothing any more.
        let _ = self.portions.send(Portion { requests: requests.into(), room });
    }
}

/// The core's end.
pub(crate) struct Inbox {
    events: UnboundedReceiver<CoreEvent>,
    portions: UnboundedReceiver<Portion>,
    /// What is left of the portion that is being handed out.
    begun: Option<Portion>,
}

/// What the core does next.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) events: Vec<CoreEvent>,
    pub(crate) requests: Vec<Verified<Request>>,
    /// The room of portions of which these requests are the last.
    pub(crate) done: Vec<Box<dyn Send>>,
}

/// Both ends of the core's queues.
pub(crate) fn inbox() -> (CoreSender, Inbox) {
    let (events, told) = unbounded_channel();
    let (portions, asked) = unbounded_channel();
    (CoreSender { events, portions }, Inbox { events: told, portions: asked, begun: None })
}

impl Inbox {
    /// Waits until there is something to do, and fills the empty `round` with it. False when nobody is left who could tell
    /// anything. Nothing is lost when this is dropped before its end.
    pub(crate) async fn fill(&mut self, round: &mut Round) -> bool {
        if self.begun.is_none() {
            tokio::select! {
                biased;
                count = self.events.recv_many(&mut round.events, EVENTS_PER_ROUND) => if count == 0 { return false },
                Some(portion) = self.portions.recv() => self.begun = Some(portion),
            }
        }
        while round.events.len() < EVENTS_PER_ROUND
            && let Ok(event) = self.events.try_recv()
        {
            round.events.push(event);
        }
        self.portion(round);
        true
    }

    fn portion(&mut self, round: &mut Round) {
        while round.requests.len() < REQUESTS_PER_ROUND {
            let Some(mut portion) = self.begun.take().or_else(|| self.portions.try_recv().ok()) else {
                return;
            };
            let left = REQUESTS_PER_ROUND - round.requests.len();
            round.requests.extend(portion.requests.drain(..left.min(portion.requests.len())));
            if portion.requests.is_empty() {
                round.done.push(portion.room);
            } else {
                self.begun = Some(portion);
            }
        }
    }
}
