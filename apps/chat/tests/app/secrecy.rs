//! What is said in an invite-only room is told to its members, whatever is asked and however: rule and check are one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::common::Town;
use outvote_chat::{Access, ChatAnswer, ChatOperation, ChatQuestion};
use outvote_types::{Answer, PublicKey, Sequence};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Names that begin each other, and one that sorts between: ranges must not run from one room into the next.
const ROOMS: [&str; 4] = ["attic", "attic!", "atti", "atticA"];
const PEOPLE: u8 = 5;
/// Stands in whatever is said, with the number of its room.
const SECRET: &str = "the secret of ";

fn key(number: u8) -> PublicKey {
    PublicKey([number; 32])
}

/// One step of a life in closed rooms.
#[derive(Clone, Debug)]
enum Step {
    Invite(u8, usize, u8),
    Remove(u8, usize, u8),
    Leave(u8, usize),
    Join(u8, usize),
    Post(u8, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, room) = (|| 0..PEOPLE, || 0..ROOMS.len());
    prop_oneof![
        3 => (who(), room(), who()).prop_map(|(by, room, whom)| Step::Invite(by, room, whom)),
        2 => (who(), room(), who()).prop_map(|(by, room, whom)| Step::Remove(by, room, whom)),
        1 => (who(), room()).prop_map(|(by, room)| Step::Leave(by, room)),
        1 => (who(), room()).prop_map(|(by, room)| Step::Join(by, room)),
        4 => (who(), room()).prop_map(|(by, room)| Step::Post(by, room)),
    ]
}

/// A number at an edge or anywhere.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(u64::MAX - 1), 0..20u64, any::<u64>()]
}

fn question() -> impl Strategy<Value = ChatQuestion> {
    let room = || {
        prop_oneof![
            6 => prop::sample::select(ROOMS.to_vec()).prop_map(str::to_string),
            1 => any::<String>(),
        ]
    };
    let reader = || prop::option::of((0..PEOPLE + 1).prop_map(key));
    let limit = || prop_oneof![Just(0), Just(1), Just(u32::MAX), any::<u32>()];
    prop_oneof![
        4 => (room(), prop::option::of(edge()), prop::option::of(edge()), limit(), reader()).prop_map(
            |(room, before, after, limit, reader)| ChatQuestion::History { room, before, after, limit, reader }
        ),
        2 => (room(), reader(), reader(), limit())
            .prop_map(|(room, reader, after, limit)| ChatQuestion::Members { room, reader, after, limit }),
        2 => (reader(), prop::option::of(room()), limit())
            .prop_map(|(as_key, after, limit)| ChatQuestion::Rooms { as_key, after, limit }),
        1 => room().prop_map(|room| ChatQuestion::Room { room }),
        1 => room().prop_map(|room| ChatQuestion::Head { room }),
        1 => (room(), edge()).prop_map(|(room, at)| ChatQuestion::IndexAt { room, sequence: Sequence(at) }),
        1 => any::<String>().prop_map(|name| ChatQuestion::IdentityByName { name }),
    ]
}

/// Who is in which room, counted without the state machine. Each room's owner is the person of its number.
struct Register(BTreeMap<usize, BTreeSet<u8>>);

impl Register {
    fn new() -> Self {
        Self((0..ROOMS.len()).map(|room| (room, BTreeSet::from([owner(room)]))).collect())
    }

    fn is_in(&self, room: usize, who: u8) -> bool {
        self.0[&room].contains(&who)
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Invite(by, room, whom) if by == owner(room) => drop(self.room(room).insert(whom)),
            Step::Remove(by, room, whom) if by == owner(room) => drop(self.room(room).remove(&whom)),
            Step::Leave(by, room) => drop(self.room(room).remove(&by)),
            // Nobody joins a closed room: whoever is in it was invited, be it by themselves as its owner.
            _ => {}
        }
    }

    fn room(&mut self, room: usize) -> &mut BTreeSet<u8> {
        self.0.entry(room).or_default()
    }
}

fn owner(room: usize) -> u8 {
    u8::try_from(room).unwrap()
}

fn does(town: &mut Town, step: &Step) -> Result<ChatAnswer, String> {
    let name = |room: usize| ROOMS[room].to_string();
    let (by, operation) = match *step {
        Step::Invite(by, room, whom) => (by, ChatOperation::Invite { room: name(room), member: key(whom) }),
        Step::Remove(by, room, whom) => (by, ChatOperation::Remove { room: name(room), member: key(whom) }),
        Step::Leave(by, room) => (by, ChatOperation::Leave { room: name(room) }),
        Step::Join(by, room) => (by, ChatOperation::Join { room: name(room) }),
        Step::Post(by, room) => {
            (by, ChatOperation::Post { room: name(room), text: format!("{SECRET}{room}.") })
        }
    };
    town.act(key(by), &operation)
}

fn reader_of(question: &ChatQuestion) -> Option<PublicKey> {
    match question {
        ChatQuestion::History { reader, .. } | ChatQuestion::Members { reader, .. } => *reader,
        ChatQuestion::Rooms { as_key, .. } => *as_key,
        _ => None,
    }
}

/// The rooms of which an answer tells something that is for members: what was said, who is there, that it is there at all.
fn tells_of(question: &ChatQuestion, answer: &Answer) -> Vec<usize> {
    let Answer::Done(bytes) = answer else { return Vec::new() };
    let text = String::from_utf8_lossy(bytes.as_ref()).into_owned();
    let mut told: Vec<usize> =
        (0..ROOMS.len()).filter(|room| text.contains(&format!("{SECRET}{room}."))).collect();
    let named = |name: &str| ROOMS.iter().position(|room| *room == name);
    match (question, ChatAnswer::parse(answer)) {
        (ChatQuestion::Members { room, .. }, Ok(ChatAnswer::Members { members, .. }))
            if !members.is_empty() =>
        {
            told.extend(named(room));
        }
        (_, Ok(ChatAnswer::Rooms { rooms, .. })) => {
            told.extend(rooms.iter().filter_map(|room| named(&room.room)))
        }
        _ => {}
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    // Faults: W10, W12, K14
    #[test]
    fn no_question_tells_of_a_closed_room_to_who_is_not_in_it(
        steps in prop::collection::vec(step(), 0..60),
        questions in prop::collection::vec(question(), 1..40),
    ) {
        let (mut town, mut register) = (Town::empty(), Register::new());
        for number in 0..PEOPLE {
            town.register(key(number), &format!("person {number}")).unwrap();
        }
        for (room, name) in ROOMS.iter().enumerate() {
            town.create(key(owner(room)), name, Access::InviteOnly).unwrap();
        }
        for step in &steps {
            let done = does(&mut town, step);
            if let Step::Post(by, room) = *step {
                prop_assert_eq!(done.is_ok(), register.is_in(room, by), "{:?}: {:?}", step, done);
            }
            register.take(step);
        }
        for question in &questions {
            let answer = town.0.query(&question.encode());
            let reader = reader_of(question);
            for room in tells_of(question, &answer) {
                let may_know = (0..PEOPLE).any(|who| reader == Some(key(who)) && register.is_in(room, who))
                    // An owner who left sees the room in the list, and may come back.
                    || matches!(question, ChatQuestion::Rooms { .. }) && reader == Some(key(owner(room)));
                prop_assert!(may_know, "{:?} tells of {:?}", question, ROOMS[room]);
            }
        }
        // The check is not there because nothing is ever told.
        for (room, name) in ROOMS.iter().enumerate() {
            for who in (0..PEOPLE).filter(|who| register.is_in(room, *who)) {
                prop_assert!(town.history(name, Some(key(who))).is_ok());
            }
        }
    }
}
