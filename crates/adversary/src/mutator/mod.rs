//! Follows the protocol, but for one field of a message now and then, and signs what comes of it (ByzzFuzz: Winter et al.,
//! "Randomized testing of Byzantine fault tolerant algorithms").
//!
//! A small change keeps a lie plausible: a view or sequence off by one, a value that was true a moment ago, a proof with
//! one vote too few. Any change is also known, for what a decoder or a rule forgets to look at.

mod deeds;
mod fields;
mod table;

pub use deeds::Deed;
pub use fields::Kind;
pub use table::{Mutation, all_mutations};

use crate::hand::{Hand, read, send, send_each};
use crate::liar::Liar;
use fields::{Slot, visit};
use outvote_replica::{Action, Event, MessageType, Recipients};
use outvote_types::{Instant, Message, Vote};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Earlier messages of a type that it remembers.
const MAX_OLDER: usize = 12;

/// How many of a hundred messages of a rare type are changed at least.
const RARE_PERCENT: u64 = 50;

/// How large its changes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// By one, or back to what was true before.
    Small,
    /// To anything.
    Any,
}

/// How a mutator behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// How large its changes are.
    pub scope: Scope,
    /// How many of a hundred messages it changes.
    pub percent: u64,
    /// Whether some receivers get the true message, and others the changed one.
    pub to_some: bool,
}

/// How often each mutation was made. Shared with whoever counts.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<Mutation, u64>>>);

impl Tally {
    fn table(&self) -> MutexGuard<'_, BTreeMap<Mutation, u64>> {
        // Counters have no invariant that a panic elsewhere could have broken half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Mutation, u64> {
        self.table().clone()
    }
}

/// The mutator.
pub struct Mutator {
    habits: Habits,
    tally: Tally,
    older: BTreeMap<MessageType, VecDeque<Message>>,
}

impl Mutator {
    /// A mutator with these habits, which counts what it does.
    #[must_use]
    pub const fn new(habits: Habits, tally: Tally) -> Self {
        Self { habits, tally, older: BTreeMap::new() }
    }

    fn remember(&mut self, message: &Message) {
        let older = self.older.entry(MessageType::of(message)).or_default();
        if older.len() == MAX_OLDER {
            older.pop_front();
        }
        older.push_back(message.clone());
    }

    fn older(&self, hand: &mut Hand, kind: MessageType) -> Option<Message> {
        let older = self.older.get(&kind)?;
        older.get(hand.dice.below(older.len() as u64) as usize).cloned()
    }

    /// Changes one field, or takes an older message for the whole; `None` if nothing is to be said at all.
    fn mutated(&self, hand: &mut Hand, message: &Message) -> Option<Message> {
        let kind = MessageType::of(message);
        let mut places = Vec::new();
        visit(&mut message.clone(), &mut |field, slot: Slot<'_>| places.push((field, slot.kind())));
        let small = |deed: &Deed| self.habits.scope == Scope::Any || *deed != Deed::Any;
        let mut deeds: Vec<(&'static str, Deed)> = Vec::new();
        for (field, value) in places {
            // A mark has no small change.
            let deed = |deed: &Deed| small(deed) || value == Kind::Mark;
            deeds.extend(value.deeds().iter().filter(|one| deed(one)).map(|one| (field, *one)));
        }
        deeds.extend([("", Deed::Unsaid), ("", Deed::Replayed)]);
        let (field, deed) = deeds[hand.dice.below(deeds.len() as u64) as usize];
        let older = self.older(hand, kind);
        let changed = match (deed, older) {
            (Deed::Unsaid, _) => None,
            (Deed::Replayed, older) => Some(older.unwrap_or_else(|| message.clone())),
            (_, older) => Some(changed(hand, message, field, deed, older)),
        };
        if changed.as_ref() != Some(message) {
            *self.tally.table().entry((kind, field, deed)).or_default() += 1;
        }
        changed
    }
}

fn changed(hand: &mut Hand, message: &Message, field: &str, deed: Deed, older: Option<Message>) -> Message {
    let (mut message, mut older) = (message.clone(), older);
    let members = hand.others().count() as u64 + 1;
    let dice = &mut hand.dice;
    visit(&mut message, &mut |name, slot| {
        if name != field {
            return;
        }
        let mut slot = Some(slot);
        if let Some(older) = older.as_mut().filter(|_| deed == Deed::Older) {
            visit(older, &mut |other, source| {
                if other == field
                    && let Some(slot) = slot.take()
                {
                    slot.change(deed, dice, members, Some(source));
                }
            });
        }
        if let Some(slot) = slot {
            slot.change(deed, dice, members, None);
        }
    });
    signed_again(hand, message, field)
}

/// The message under true signatures of this replica's own key, whoever it names.
fn signed_again(hand: &Hand, message: Message, field: &str) -> Message {
    match message {
        Message::Propose(mut m) => {
            let body = &m.header.body;
            if !field.starts_with("vote.") {
                // The vote goes with the header, or nobody would look at either.
                let (view, sequence, id) = (body.view, body.sequence, body.id());
                m.prepare.body = Vote { view, sequence, id, ..m.prepare.body };
            }
            m.header = hand.sign(m.header.body);
            m.prepare = hand.sign(m.prepare.body);
            Message::Propose(m)
        }
        Message::Prepare(mut m) => {
            m.vote = hand.sign(m.vote.body);
            if field == "echo" {
                m.vote = hand.sign(Vote { id: m.header.body.id(), ..m.vote.body });
            }
            Message::Prepare(m)
        }
        Message::Commit(m) => Message::Commit(hand.sign(m.body)),
        Message::Suspect(m) => Message::Suspect(hand.sign(m.body)),
        Message::ViewChange(mut m) => {
            m.head = hand.sign(m.head.body);
            Message::ViewChange(m)
        }
        Message::NewView(mut m) => {
            m.signed = hand.sign(m.signed.body);
            Message::NewView(m)
        }
        Message::Heartbeat(m) => Message::Heartbeat(hand.sign(m.body)),
        Message::Status(m) => Message::Status(hand.sign(m.body)),
        Message::Checkpoint(m) => Message::Checkpoint(hand.sign(m.body)),
        Message::Fetch(m) => Message::Fetch(hand.sign(m.body)),
        others @ (Message::Certificate(_)
        | Message::Timeout(_)
        | Message::Stable(_)
        | Message::Evidence(_)
        | Message::Relay(_)
        | Message::Data(_)
        | Message::Reminder(_)) => others,
    }
}

/// Whether messages of this type are few, and asked for mostly of those who have said nothing odd before.
const fn is_rare(message: &Message) -> bool {
    matches!(
        message,
        Message::Data(_)
            | Message::Fetch(_)
            | Message::Checkpoint(_)
            | Message::Stable(_)
            | Message::Evidence(_)
    )
}

impl Liar for Mutator {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event
            && let Some(message) = read(bytes)
        {
            self.remember(&message);
        }
        Some(event)
    }

    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { to, frame, .. } = &action else { return out.push(action) };
        let Some(message) = read(frame) else { return out.push(action) };
        let percent = self.habits.percent.max(if is_rare(&message) { RARE_PERCENT } else { 0 });
        let is_meant = hand.dice.chance(percent);
        let changed = is_meant.then(|| self.mutated(hand, &message));
        self.remember(&message);
        match changed {
            None => out.push(action),
            Some(changed) if self.habits.to_some && *to == Recipients::Others => {
                let ears = hand.dice.number();
                send_each(hand.others(), out, |peer| {
                    if ears >> (peer.0 % 64) & 1 == 1 { changed.clone() } else { Some(message.clone()) }
                });
            }
            Some(Some(changed)) => out.push(send(*to, &changed)),
            Some(None) => {}
        }
    }
}
