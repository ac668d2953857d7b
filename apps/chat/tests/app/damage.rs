//! Rows of the chat's state that are whole for the database, and nothing that the chat writes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::common::{ADA, BOB, EVE};
use outvote_chat::{Access, Chat, ChatAnswer, ChatError, ChatOperation, ChatQuestion};
use outvote_execution::{Answer, Application, Context, Sandbox, StateReader, StateWriter};
use outvote_types::{PublicKey, decode, encode};

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Begins an operation that no chat has: a row's new value, or none.
const SPOIL: &[u8] = b"\xffspoil";
/// A question that no chat has: all rows.
const SHOW: &[u8] = b"\xffshow";
const ROWS_MAX: usize = 1000;

/// The chat on a disk that can be spoilt.
struct Spoilt;

impl Application for Spoilt {
    fn apply(&self, context: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        let Some(change) = operation.strip_prefix(SPOIL) else {
            return Chat.apply(context, operation, state);
        };
        let (key, value): (Vec<u8>, Option<Vec<u8>>) = decode(change).unwrap();
        match value {
            Some(value) => state.put(&key, &value),
            None => state.delete(&key),
        }
        Answer::done(Vec::new())
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        if question == SHOW {
            return Answer::done(encode(&state.prefix(&[], ROWS_MAX)));
        }
        Chat.query(question, state)
    }
}

struct Town(Sandbox<Spoilt>);

impl Town {
    /// Ada has opened a room for members and let Bob in; both have said something, and a public room is empty.
    fn new() -> Self {
        let mut town = Self(Sandbox::new(Spoilt));
        let room = || "attic".to_string();
        let post = |text: &str| ChatOperation::Post { room: room(), text: text.into() };
        for (who, operation) in [
            (ADA, ChatOperation::Register { name: "ada".into() }),
            (BOB, ChatOperation::Register { name: "bob".into() }),
            (ADA, ChatOperation::CreateRoom { room: room(), access: Access::InviteOnly }),
            (ADA, ChatOperation::CreateRoom { room: "lobby".into(), access: Access::Public }),
            (ADA, ChatOperation::Invite { room: room(), member: BOB }),
            (ADA, post("hello")),
            (BOB, post("hi")),
        ] {
            town.act(who, &operation).expect("taken");
        }
        town
    }

    fn act(&mut self, who: PublicKey, operation: &ChatOperation) -> Result<ChatAnswer, ChatError> {
        ChatAnswer::parse(&self.0.apply(who, &operation.encode()))
    }

    fn ask(&self, question: &ChatQuestion) -> Result<ChatAnswer, ChatError> {
        ChatAnswer::parse(&self.0.query(&question.encode()))
    }

    fn rows(&self) -> Rows {
        let Answer::Done(bytes) = self.0.query(SHOW) else { panic!("all rows are shown") };
        let rows: Rows = decode(&bytes).unwrap();
        assert!(rows.len() < ROWS_MAX, "all rows are shown");
        rows
    }

    fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        let change = encode(&(key.to_vec(), value.map(<[u8]>::to_vec)));
        self.0.apply(ADA, &[SPOIL, &change].concat());
    }
}

/// Whatever anybody can want of these rooms.
fn wishes() -> (Vec<(PublicKey, ChatOperation)>, Vec<ChatQuestion>) {
    let attic = || "attic".to_string();
    let mut operations = Vec::new();
    for who in [ADA, BOB, EVE] {
        operations.extend(
            [
                ChatOperation::Register { name: "ada".into() },
                ChatOperation::CreateRoom { room: attic(), access: Access::Public },
                ChatOperation::Join { room: attic() },
                ChatOperation::Leave { room: attic() },
                ChatOperation::Invite { room: attic(), member: BOB },
                ChatOperation::Remove { room: attic(), member: BOB },
                ChatOperation::Post { room: attic(), text: "more".into() },
            ]
            .map(|operation| (who, operation)),
        );
    }
    let reader = Some(ADA);
    let page = |before, after| ChatQuestion::History { room: attic(), before, after, limit: 0, reader };
    let questions = vec![
        ChatQuestion::Rooms { as_key: reader, after: None, limit: 0 },
        ChatQuestion::Rooms { as_key: Some(BOB), after: None, limit: 0 },
        ChatQuestion::Room { room: attic() },
        ChatQuestion::Members { room: attic(), reader, after: None, limit: 0 },
        page(None, None),
        page(None, Some(u64::MAX)),
        ChatQuestion::Head { room: attic() },
        ChatQuestion::Identity { key: ADA },
        ChatQuestion::IdentityByName { name: "ada".into() },
    ];
    (operations, questions)
}

/// Whether it was refused because of the damage; then it named the cure.
fn is_damage(answer: &Result<ChatAnswer, ChatError>) -> bool {
    match answer {
        Ok(_) => false,
        Err(ChatError::Refused { code, message }) if code == "state-damaged" => {
            assert!(message.contains("ask another one"), "{message}");
            true
        }
        Err(ChatError::Refused { .. }) => false,
        Err(error @ ChatError::Foreign(_)) => panic!("the chat answers in its own words: {error}"),
    }
}

/// How many of all wishes meet the damage. None of them panics, and whoever meets it changes nothing.
fn met(town: &mut Town) -> usize {
    let (operations, questions) = wishes();
    let mut met = questions.iter().filter(|question| is_damage(&town.ask(question))).count();
    for (who, operation) in operations {
        let before = town.rows();
        if is_damage(&town.act(who, &operation)) {
            met += 1;
            assert_eq!(town.rows(), before, "{operation:?} is undone");
        }
        for (key, _) in town.rows() {
            town.put(&key, None);
        }
        for (key, value) in before {
            town.put(&key, Some(&value));
        }
    }
    met
}

// B4
// Faults: M10
#[test]
fn a_damaged_row_of_any_kind_is_a_refusal_with_a_cure_and_the_rest_stands() {
    let mut town = Town::new();
    let whole = town.rows();
    assert_eq!(met(&mut town), 0, "nothing is damaged yet");
    for tag in [b'i', b'n', b'r', b'm', b'p'] {
        let rows: Vec<_> =
            whole.iter().filter(|(key, _)| key[0] == tag && !key.ends_with(b"lobby")).collect();
        assert!(!rows.is_empty(), "there is a row of kind {}", char::from(tag));
        for kind in 0..4 {
            for (key, value) in &rows {
                let bad = match kind {
                    0 => Vec::new(),
                    1 => value[..value.len() - 1].to_vec(),
                    2 => [&value[..], &[0]].concat(),
                    _ => vec![0xFF; 2 * value.len()],
                };
                town.put(key, Some(&bad));
            }
            assert!(met(&mut town) > 0, "kind {} is read by somebody", char::from(tag));
            for (key, value) in &rows {
                town.put(key, Some(value));
            }
        }
    }
    assert_eq!(town.rows(), whole);
    assert_eq!(met(&mut town), 0, "nothing was lost");
}

#[test]
fn a_row_that_is_missing_and_a_key_that_is_no_name_are_damage_too() {
    let mut town = Town::new();
    let message = town.rows().into_iter().find(|(key, _)| key[0] == b'm').unwrap();
    town.put(&message.0, None);
    assert!(met(&mut town) > 0, "a message that ought to stand is missing");
    town.put(&message.0, Some(&message.1));
    let room = town.rows().into_iter().find(|(key, _)| key[0] == b'r').unwrap();
    town.put(b"r\xff\xfe", Some(&room.1));
    assert!(met(&mut town) > 0, "a room whose name is no text");
}

// 2^64 messages never come: a room that claims to have them is damaged, and no counter overflows.
// Faults: M17
#[test]
fn a_room_that_counts_what_cannot_be_is_damaged_and_nobody_panics() {
    let mut town = Town::new();
    let (key, value) = town.rows().into_iter().find(|(key, _)| key.ends_with(b"rattic")).unwrap();
    // Access, owner and time stand before the two counts.
    let (next, members) = (1 + 32 + 8, 1 + 32 + 8 + 8);
    for at in [next, members] {
        let mut bad = value.clone();
        bad[at..at + 8].fill(0xFF);
        town.put(&key, Some(&bad));
        met(&mut town);
    }
    let mut bad = value.clone();
    bad[next..next + 8].fill(0xFF);
    town.put(&key, Some(&bad));
    let post = ChatOperation::Post { room: "attic".into(), text: "one more".into() };
    assert!(is_damage(&town.act(ADA, &post)));
}
