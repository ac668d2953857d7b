//! What applications' clients say: the operations and questions of the chat and of the key-value store.

use super::{choice, chosen};
use crate::canonical::read;
use outvote_chat::{Access, ChatOperation, ChatQuestion};
use outvote_kv::{KvOperation, KvQuestion};
use outvote_types::PublicKey;

const ADA: PublicKey = PublicKey([1; 32]);

pub(crate) fn run(input: &[u8]) {
    match choice(input, 4) {
        Some((0, bytes)) => drop(read::<ChatOperation>(bytes)),
        Some((1, bytes)) => drop(read::<ChatQuestion>(bytes)),
        Some((2, bytes)) => drop(read::<KvOperation>(bytes)),
        Some((_, bytes)) => drop(read::<KvQuestion>(bytes)),
        None => {}
    }
}

/// Operations of the chat.
pub(super) fn of_chat() -> Vec<Vec<u8>> {
    let room = || String::from("lobby");
    let operations = [
        ChatOperation::Register { name: "ada".into() },
        ChatOperation::CreateRoom { room: room(), access: Access::InviteOnly },
        ChatOperation::Join { room: room() },
        ChatOperation::Invite { room: room(), member: ADA },
        ChatOperation::Post { room: room(), text: "hello \u{202e}\u{1f600}".into() },
        ChatOperation::Remove { room: room(), member: ADA },
        ChatOperation::Leave { room: room() },
    ];
    operations.iter().map(ChatOperation::encode).collect()
}

/// Questions to the chat.
pub(super) fn to_chat() -> Vec<Vec<u8>> {
    let room = || String::from("lobby");
    let (before, after) = (Some(u64::MAX), Some(0));
    let questions = [
        ChatQuestion::Rooms { as_key: Some(ADA), after: Some("a".into()), limit: 3 },
        ChatQuestion::Members { room: room(), reader: Some(ADA), after: None, limit: 0 },
        ChatQuestion::History { room: room(), before, after, limit: u32::MAX, reader: Some(ADA) },
        ChatQuestion::Head { room: room() },
    ];
    questions.iter().map(ChatQuestion::encode).collect()
}

/// Operations of the store.
pub(super) fn of_kv() -> Vec<Vec<u8>> {
    let (key, value) = (b"key".to_vec(), b"value".to_vec());
    let operations = [
        KvOperation::Put { key: key.clone(), value: value.clone() },
        KvOperation::Cas { key: key.clone(), expected: Some(value), value: None },
        KvOperation::Delete { key },
    ];
    operations.iter().map(KvOperation::encode).collect()
}

/// A question to the store.
pub(super) fn to_kv() -> Vec<u8> {
    KvQuestion::Get { key: b"key".to_vec() }.encode()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let with = |choice: u8, all: Vec<Vec<u8>>| all.into_iter().map(move |bytes| chosen(choice, bytes));
    with(0, of_chat())
        .chain(with(1, to_chat()))
        .chain(with(2, of_kv()))
        .chain(with(3, vec![to_kv()]))
        .collect()
}
