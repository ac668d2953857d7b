//! The applications' state machines: any bytes from anybody get an answer in the application's own words.

use super::operations::{of_chat, of_kv, to_chat, to_kv};
use super::{choice, chosen};
use outvote_chat::{Chat, ChatAnswer, ChatError};
use outvote_execution::{Application, Sandbox};
use outvote_kv::{Kv, KvAnswer, KvError};
use outvote_types::{Answer, PublicKey};

/// Operations and questions stand one after the other, each with its author or kind and its length before it.
fn play<A: Application>(application: A, script: &[u8], check: impl Fn(&Answer)) {
    let mut sandbox = Sandbox::new(application);
    let mut rest = script;
    while let [who, length, more @ ..] = rest {
        let (bytes, behind) = more.split_at(more.len().min(usize::from(*length)));
        rest = behind;
        let answer = match who {
            0..128 => sandbox.apply(PublicKey([who % 4; 32]), bytes),
            _ => sandbox.query(bytes),
        };
        check(&answer);
        if let Answer::Refused { code, message } = answer {
            assert!(code.len() < 64 && message.len() < 1024, "a refusal repeats no more than a name");
        }
    }
}

pub(crate) fn run(input: &[u8]) {
    match choice(input, 2) {
        Some((0, script)) => play(Chat, script, |answer| {
            let is_foreign = matches!(ChatAnswer::parse(answer), Err(ChatError::Foreign(_)));
            assert!(!is_foreign, "the chat answers in its own words");
        }),
        Some((_, script)) => play(Kv, script, |answer| {
            let is_foreign = matches!(KvAnswer::parse(answer), Err(KvError::Foreign(_)));
            assert!(!is_foreign, "the store answers in its own words");
        }),
        None => {}
    }
}

fn step(who: u8, bytes: &[u8]) -> Vec<u8> {
    [&[who, u8::try_from(bytes.len()).unwrap_or(u8::MAX)], bytes].concat()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let script = |operations: Vec<Vec<u8>>, questions: Vec<Vec<u8>>| {
        let operations = operations.into_iter().map(|bytes| step(1, &bytes));
        operations.chain(questions.into_iter().map(|bytes| step(200, &bytes))).collect::<Vec<_>>().concat()
    };
    vec![chosen(0, script(of_chat(), to_chat())), chosen(1, script(of_kv(), vec![to_kv()]))]
}
