//! What is known on the screen.

use super::work::Update;
use outvote_chat::{MessageView, RoomView};
use serde_json::Value;

/// Messages of a room that are kept at most.
const MESSAGES_MAX: usize = 1000;
/// Own messages whose fate is shown at most.
const OUTGOING_MAX: usize = 20;

/// What became of an own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// On its way.
    Sent,
    /// The cluster refused it, for this reason.
    Rejected(String),
    /// The deadline passed; it may still be agreed.
    Pending,
}

/// An own message that does not stand in the room yet. One that is agreed is shown among the messages instead.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) id: u64,
    pub(super) room: String,
    pub(super) text: String,
    pub(super) sending: Sending,
}

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct State {
    pub(super) me: String,
    pub(super) rooms: Vec<RoomView>,
    pub(super) room: Option<String>,
    pub(super) messages: Vec<MessageView>,
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) status: Value,
    pub(super) input: String,
    pub(super) trouble: Option<String>,
    next_id: u64,
}

impl State {
    pub(super) fn new(me: String, room: Option<String>) -> Self {
        Self {
            me,
            rooms: Vec::new(),
            room,
            messages: Vec::new(),
            outgoing: Vec::new(),
            status: Value::Null,
            input: String::new(),
            trouble: None,
            next_id: 0,
        }
    }

    /// Takes in what the worker found.
    pub(super) fn learn(&mut self, update: Update) {
        match update {
            Update::Rooms(rooms) => self.rooms = rooms,
            Update::Messages { room, messages } if self.room.as_ref() == Some(&room) => {
                self.trouble = None;
                let next = self.messages.last().map_or(0, |message| message.index + 1);
                self.messages.extend(messages.into_iter().filter(|message| message.index >= next));
                let surplus = self.messages.len().saturating_sub(MESSAGES_MAX);
                self.messages.drain(..surplus);
            }
            // Of a room that was left meanwhile.
            Update::Messages { .. } => {}
            Update::Status(status) => self.status = status,
            Update::Agreed { id } => self.outgoing.retain(|outgoing| outgoing.id != id),
            Update::Fate { id, sending } => {
                if let Some(outgoing) = self.outgoing.iter_mut().find(|outgoing| outgoing.id == id) {
                    outgoing.sending = sending;
                }
            }
            Update::Trouble(trouble) => self.trouble = Some(trouble),
        }
    }

    /// Goes to another room.
    pub(super) fn enter(&mut self, room: String) {
        if self.room.as_ref() != Some(&room) {
            self.messages.clear();
            self.trouble = None;
            self.room = Some(room);
        }
    }

    /// The room `step` places further down the list.
    pub(super) fn neighbour(&self, step: isize) -> Option<String> {
        let count = isize::try_from(self.rooms.len()).ok().filter(|count| *count > 0)?;
        let at = self.rooms.iter().position(|room| Some(&room.room) == self.room.as_ref());
        let next = match at {
            Some(at) => (isize::try_from(at).unwrap_or(0) + step).rem_euclid(count),
            None => 0,
        };
        self.rooms.get(usize::try_from(next).unwrap_or(0)).map(|room| room.room.clone())
    }

    /// Takes what was typed as a message on its way.
    pub(super) fn submit(&mut self) -> Option<(u64, String, String)> {
        let room = self.room.clone()?;
        if self.input.trim().is_empty() {
            return None;
        }
        let text = std::mem::take(&mut self.input);
        self.next_id += 1;
        if self.outgoing.len() >= OUTGOING_MAX {
            self.outgoing.remove(0);
        }
        let outgoing =
            Outgoing { id: self.next_id, room: room.clone(), text: text.clone(), sending: Sending::Sent };
        self.outgoing.push(outgoing);
        Some((self.next_id, room, text))
    }
}
