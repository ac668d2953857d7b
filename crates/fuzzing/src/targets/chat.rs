//! The chat: its operations and questions, and the state machine that takes any bytes from anybody.

use crate::canonical::read;
use outvote_chat::{Access, Chat, ChatAnswer, ChatError, ChatOperation, ChatQuestion};
use outvote_execution::Sandbox;
use outvote_types::{Answer, PublicKey};

const ADA: PublicKey = PublicKey([1; 32]);

/// Operations and questions stand one after the other, each with its author or kind and its length before it.
pub(crate) fn run(input: &[u8]) {
    let _ = read::<ChatOperation>(input);
    let _ = read::<ChatQuestion>(input);
    let mut sandbox = Sandbox::new(Chat);
    let mut rest = input;
    while let [who, length, more @ ..] = rest {
        let (bytes, behind) = more.split_at(more.len().min(usize::from(*length)));
        rest = behind;
        let answer = match who {
            0..128 => sandbox.apply(PublicKey([who % 4; 32]), bytes),
            _ => sandbox.query(bytes),
        };
        let foreign = matches!(ChatAnswer::parse(&answer), Err(ChatError::Foreign(_)));
        assert!(!foreign, "the chat answers in its own words");
        if let Answer::Refused { code, message } = answer {
            assert!(code.len() < 64 && message.len() < 1024, "a refusal repeats no more than a name");
        }
    }
}

fn step(who: u8, bytes: &[u8]) -> Vec<u8> {
    [&[who, u8::try_from(bytes.len()).unwrap_or(u8::MAX)], bytes].concat()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
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
    let questions = [
        ChatQuestion::Rooms { as_key: Some(ADA), after: Some("a".into()), limit: 3 },
        ChatQuestion::Members { room: room(), reader: Some(ADA), after: None, limit: 0 },
        ChatQuestion::History {
            room: room(),
            before: Some(u64::MAX),
            after: Some(0),
            limit: u32::MAX,
            reader: Some(ADA),
        },
        ChatQuestion::Head { room: room() },
    ];
    let operations: Vec<Vec<u8>> = operations.iter().map(ChatOperation::encode).collect();
    let questions: Vec<Vec<u8>> = questions.iter().map(ChatQuestion::encode).collect();
    let script = operations.iter().map(|bytes| step(1, bytes));
    let script: Vec<u8> = script.chain(questions.iter().map(|bytes| step(200, bytes))).flatten().collect();
    [operations, questions, vec![script]].concat()
}
