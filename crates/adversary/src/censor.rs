//! Never proposes one client's requests.

use crate::hand::Hand;
use crate::liar::Liar;
use outvote_replica::{Action, Event};
use outvote_types::{BoundedVec, Instant, Message, PublicKey, decode, encode};

/// The censor: it does not hear one client, directly or through others. The victim is the first client that it meets, unless
/// it was told one.
#[derive(Default)]
pub struct Censor {
    victim: Option<PublicKey>,
}

impl Censor {
    /// Silences this client.
    #[must_use]
    pub const fn of(victim: PublicKey) -> Self {
        Self { victim: Some(victim) }
    }

    fn is_victim(&mut self, session: PublicKey) -> bool {
        *self.victim.get_or_insert(session) == session
    }
}

impl Liar for Censor {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        match event {
            Event::Request(request) if self.is_victim(request.body.session) => None,
            Event::Frame { from, bytes } if bytes.first() == Some(&13) => match decode(&bytes) {
                Ok(Message::Relay(requests)) => {
                    let kept = requests.iter().filter(|r| !self.is_victim(r.body.session)).cloned().collect();
                    let message = Message::Relay(BoundedVec::truncated(kept));
                    Some(Event::Frame { from, bytes: encode(&message) })
                }
                _ => Some(Event::Frame { from, bytes }),
            },
            other => Some(other),
        }
    }

    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        out.push(action);
    }
}
