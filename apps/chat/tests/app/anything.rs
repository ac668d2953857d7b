//! Whatever people do in whatever order: no panic, dense indexes, and two replicas that agree.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::common::Town;
use outvote_chat::{Access, ChatAnswer, ChatOperation, ChatQuestion};
use outvote_types::{Answer, PublicKey};
use proptest::prelude::*;

const ROOMS: [&str; 3] = ["a", "b", "a\u{1}"];
const PEOPLE: u8 = 5;

fn operation() -> impl Strategy<Value = ChatOperation> {
    let room = prop::sample::select(ROOMS.to_vec()).prop_map(str::to_string).boxed();
    let key = (0..PEOPLE).prop_map(|number| PublicKey([number; 32])).boxed();
    let access = prop::sample::select(vec![Access::Public, Access::InviteOnly]);
    prop_oneof![
        2 => prop_oneof!["[ab ]{0,3}", any::<String>()].prop_map(|name| ChatOperation::Register { name }),
        2 => (prop_oneof![2 => room.clone(), 1 => any::<String>()], access)
            .prop_map(|(room, access)| ChatOperation::CreateRoom { room, access }),
        1 => room.clone().prop_map(|room| ChatOperation::Join { room }),
        1 => room.clone().prop_map(|room| ChatOperation::Leave { room }),
        2 => (room.clone(), key.clone()).prop_map(|(room, member)| ChatOperation::Invite { room, member }),
        1 => (room.clone(), key).prop_map(|(room, member)| ChatOperation::Remove { room, member }),
        6 => (room, any::<String>()).prop_map(|(room, text)| ChatOperation::Post { room, text }),
    ]
}

/// Operations as bytes, some of them bent.
fn step() -> impl Strategy<Value = (PublicKey, Vec<u8>)> {
    let bytes = prop_oneof![
        9 => operation().prop_map(|operation| operation.encode()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => (operation(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(operation, at, byte)| {
            let mut bytes = operation.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        }),
    ];
    (0..PEOPLE, bytes).prop_map(|(author, bytes)| (PublicKey([author; 32]), bytes))
}

/// The rooms' messages as their members see them; an absent or closed room has none.
fn shown(town: &Town) -> Vec<Answer> {
    let readers = (0..PEOPLE).map(|number| Some(PublicKey([number; 32]))).chain([None]);
    let questions = readers.flat_map(|reader| {
        ROOMS.map(|room| {
            ChatQuestion::History { room: room.into(), before: None, after: None, limit: 0, reader }.encode()
        })
    });
    questions.map(|question| town.0.query(&question)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // Faults: P08
    #[test]
    fn two_replicas_agree_and_indexes_are_dense(steps in prop::collection::vec(step(), 0..120)) {
        let (mut one, mut other) = (Town::empty(), Town::empty());
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        for (author, bytes) in &steps {
            let answer = one.0.apply(*author, bytes);
            prop_assert_eq!(&answer, &other.0.apply(*author, bytes));
            if let Ok(ChatAnswer::Posted { room, index, .. }) = ChatAnswer::parse(&answer) {
                let count = counts.entry(room).or_default();
                prop_assert_eq!(index, *count);
                *count += 1;
            }
        }
        prop_assert_eq!(shown(&one), shown(&other));
        for (room, count) in counts {
            let head = one.ask(&ChatQuestion::Head { room: room.clone() });
            prop_assert_eq!(head, Ok(ChatAnswer::Head { room, next_index: count }));
        }
    }

    // Faults: M01
    #[test]
    fn no_question_panics(steps in prop::collection::vec(step(), 0..20), question in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut town = Town::empty();
        for (author, bytes) in &steps {
            town.0.apply(*author, bytes);
        }
        let answer = town.0.query(&question);
        let is_answered = matches!(answer, Answer::Done(_));
        prop_assert!(!is_answered || ChatQuestion::decode(&question).is_ok());
    }
}
