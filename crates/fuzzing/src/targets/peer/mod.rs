//! A member with a valid key that follows the protocol, and then says something else: four replicas in the simulator's world, one
//! of which bends what it sends as the input wants, field by field, and signs it properly.
//!
//! After LOKI (Ma et al., "LOKI: State-aware fuzzing framework for the implementation of blockchain consensus protocols"): since
//! the liar's own replica goes on by the rules, what it bends is always what would be said in just this state.

mod bend;
mod resign;
mod script;

use crate::mutation::bent;
use bend::bend;
use outvote_adversary::hand::{read, send, send_each};
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::{Action, Event, Recipients};
use outvote_sim::plan::Plan;
use outvote_sim::random::Random;
use outvote_sim::world::World;
use outvote_types::{Instant, Message, ReplicaId};
use resign::resign;
use script::Script;
use std::sync::Arc;

/// Members.
const REPLICAS: usize = 4;
/// Requests of the one client.
const REQUESTS: u64 = 12;
/// While the liar may have its way, in simulated microseconds.
const LIES_US: u64 = 2_000_000;
/// All work must be done within this time after the liar has said all that the input has.
const PATIENCE_US: u64 = 60_000_000;
/// Messages of others that the liar remembers.
const REMEMBERED_MAX: usize = 64;

/// The liar's mind.
struct Bender {
    script: Script,
    random: Random,
    heard: Vec<Message>,
}

impl Bender {
    fn remember(&mut self, frame: &[u8]) {
        if let Some(message) = read(frame) {
            if self.heard.len() >= REMEMBERED_MAX {
                self.heard.remove(0);
            }
            self.heard.push(message);
        }
    }

    /// What is said instead of a message.
    fn other(&mut self, hand: &Hand, message: &Message) -> Message {
        let mut other = match self.script.next() % 8 {
            // Something that was heard before, from whoever it was.
            0 => self.heard.get(self.script.below(self.heard.len())).unwrap_or(message).clone(),
            // Any field that a byte belongs to.
            1 => self.bent(message),
            _ => message.clone(),
        };
        for _ in 0..=self.script.next() % 3 {
            bend(&mut other, &mut self.script, &self.heard);
        }
        resign(&mut other, hand, self.script.next().is_multiple_of(8));
        other
    }

    fn bent(&mut self, message: &Message) -> Message {
        let bytes = outvote_types::encode(message);
        let donor = self.heard.last().map(outvote_types::encode).unwrap_or_default();
        // Most bent bytes are no message, and those that are none would go no further than the decoder.
        let mut tries = (0..16).map(|_| bent(&mut self.random, &bytes, &donor, bytes.len() + 64));
        tries.find_map(|bytes| read(&bytes)).unwrap_or_else(|| message.clone())
    }
}

impl Liar for Bender {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event {
            self.remember(bytes);
        }
        Some(event)
    }

    fn act(&mut self, hand: &mut Hand, now: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { to, frame, urgent } = &action else { return out.push(action) };
        let Some(message) = read(frame) else { return out.push(action) };
        match self.script.next() % 16 {
            // A script that is over reads as zeros: the liar is honest from then on.
            0..6 => out.push(action),
            6 => {}
            7 => {
                let later = u64::from(self.script.next()) * 10_000;
                hand.keep(now.plus(later), action, out);
            }
            8 => {
                let frame = Arc::from(bent(&mut self.random, frame, frame, frame.len() + 64));
                out.push(Action::Send { to: *to, urgent: *urgent, frame });
            }
            9 => {
                // The one story for some, the other for the rest.
                let (other, mask) = (self.other(hand, &message), self.script.next());
                send_each(hand.others(), out, |peer| {
                    Some(if mask >> (peer.0 % 8) & 1 == 1 { other.clone() } else { message.clone() })
                });
            }
            10 => {
                out.push(send(Recipients::Others, &self.other(hand, &message)));
                out.push(action);
            }
            _ => out.push(send(*to, &self.other(hand, &message))),
        }
    }
}

/// The first bytes say who lies, which seed the world has, and who loses power meanwhile; the rest is the liar's script.
pub(crate) fn run(input: &[u8]) {
    let [who, seed, victim, when, script @ ..] = input else { return };
    let liar = ReplicaId(u16::from(who % 4));
    let mut plan = Plan::quiet(u64::from(*seed), REPLICAS);
    plan.liars = vec![(liar, Behaviour::Honest)];
    // Several checkpoints, so that there are some to lie about.
    plan.parameters.checkpoint_interval = 4;
    let mut world = World::new(plan);
    let mind =
        Bender { script: Script::new(script), random: Random::new(u64::from(*seed)), heard: Vec::new() };
    world.machines[liar.index()].adversary.lie(Box::new(mind));
    let client = world.add_client(REQUESTS);
    world.wake(client);
    let victim = ReplicaId(u16::from(victim % 8));
    if victim.index() < REPLICAS && victim != liar {
        world.run_for(u64::from(*when) * 4_000);
        world.crash(victim);
        world.run_for(LIES_US / 2);
        world.restart(victim);
    }
    world.run_for(LIES_US);
    let is_over = |world: &World| !world.checkers.found().is_empty() || world.all_is_done();
    let is_done = world.run_until(PATIENCE_US, is_over);
    let found = world.checkers.found();
    assert!(found.is_empty(), "one liar of four broke a rule: {found:?}");
    assert!(is_done, "one liar of four stopped the work");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for liar in 0..4u8 {
        seeds.push(vec![liar, liar, 7, 0]);
        let script = |step: u8| (0..120u8).map(move |at| at.wrapping_mul(step).wrapping_add(liar));
        seeds.push([liar, 10 + liar, 7, 0].into_iter().chain(script(37)).collect());
        seeds.push([liar, 20 + liar, (liar + 1) % 4, 60].into_iter().chain(script(91)).collect());
    }
    seeds
}
