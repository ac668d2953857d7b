//! What must be true of a chat: one order for all, nothing lost, nothing twice, and nobody speaks who was removed.

use std::collections::{BTreeMap, BTreeSet};

/// How the cluster answered a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It stands at this place of the room.
    Stands(u64),
    /// Refused, with this code.
    Refused(String),
    /// Nobody knows.
    Nothing,
}

/// A message that somebody asked to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// By whom.
    pub person: u32,
    /// Where.
    pub room: String,
    /// Counts up for each person.
    pub number: u64,
    /// When it was asked: nanoseconds since the load's start.
    pub invoked: u64,
    /// What came of it.
    pub heard: Heard,
}

/// The text that a person's message has.
#[must_use]
pub fn text_of(person: u32, number: u64) -> String {
    format!("{person}-{number}")
}

/// A room's messages in their order, as one replica shows them.
pub type Shown = Vec<String>;

/// Somebody was put out of a room, as acknowledged at this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Who.
    pub person: u32,
    /// From where.
    pub room: String,
    /// When it was acknowledged: nanoseconds since the load's start.
    pub at: u64,
}

/// Everything that is wrong with a room, given what each replica shows of it.
#[must_use]
pub fn wrong_in(room: &str, posted: &[Posted], shown: &[Shown], removal: Option<&Removal>) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(first) = shown.first() else { return vec![format!("nobody shows {room}")] };
    for (id, other) in shown.iter().enumerate().filter(|(_, other)| *other != first) {
        let at =
            first.iter().zip(other).position(|(one, two)| one != two).unwrap_or(first.len().min(other.len()));
        wrong.push(format!("{room}: replica {id} shows another order than replica 0 from message {at} on"));
    }
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    for (place, text) in (0..).zip(first) {
        if let Some(earlier) = places.insert(text, place) {
            wrong.push(format!("{room}: {text} stands twice, at {earlier} and {place}"));
        }
    }
    let own: Vec<&Posted> = posted.iter().filter(|one| one.room == room).collect();
    let mut known = BTreeSet::new();
    let mut last: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for one in own {
        let text = text_of(one.person, one.number);
        let place = places.get(text.as_str()).copied();
        match (&one.heard, place) {
            (Heard::Stands(at), Some(place)) if *at != place => {
                wrong.push(format!("{room}: {text} was said to stand at {at} and stands at {place}"));
            }
            (Heard::Stands(at), None) => {
                wrong.push(format!("{room}: {text} was said to stand at {at} and is lost"))
            }
            (Heard::Refused(code), Some(place)) => {
                wrong.push(format!("{room}: {text} was refused ({code}) and stands at {place}"));
            }
            _ => {}
        }
        if let Some(removal) = removal.filter(|removal| removal.person == one.person && removal.room == room)
            && one.invoked > removal.at
            && place.is_some()
        {
            wrong.push(format!("{room}: {text} stands, though its author had been removed"));
        }
        if let Some(place) = place {
            let before = last.insert(one.person, (one.number, place));
            if before.is_some_and(|(number, earlier)| number < one.number && earlier > place) {
                wrong.push(format!("{room}: {text} stands before what the same person said before"));
            }
        }
        known.insert(text);
    }
    let foreign = first.iter().filter(|text| !known.contains(*text));
    wrong.extend(foreign.map(|text| format!("{room}: nobody said {text}")));
    wrong
}
