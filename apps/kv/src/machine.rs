//! The state machine: what operations do to the state and what questions read from it.

use crate::answer::KvAnswer;
use crate::operation::{KvOperation, KvQuestion};
use outvote_execution::{Answer, Application, Context, StateReader, StateWriter};
use outvote_types::{decode, encode};

/// The state machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kv;

impl Application for Kv {
    fn apply(&self, _: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        let Ok(operation) = decode::<KvOperation>(operation) else { return malformed() };
        Answer::done(encode(&run(operation, state)))
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        let Ok(KvQuestion::Get { key }) = decode(question) else { return malformed() };
        Answer::done(encode(&KvAnswer::Value(state.get(&key))))
    }
}

fn malformed() -> Answer {
    Answer::refused("malformed", "these bytes are no operation of the key-value application")
}

fn run(operation: KvOperation, state: &mut StateWriter<'_>) -> KvAnswer {
    match operation {
        KvOperation::Put { key, value } => {
            state.put(&key, &value);
            KvAnswer::Stored
        }
        KvOperation::Cas { key, expected, value } => {
            let found = state.get(&key);
            if found != expected {
                return KvAnswer::Mismatch { found };
            }
            match value {
                Some(value) => state.put(&key, &value),
                None => state.delete(&key),
            }
            KvAnswer::Stored
        }
        KvOperation::Delete { key } => {
            let existed = state.get(&key).is_some();
            state.delete(&key);
            KvAnswer::Deleted { existed }
        }
    }
}
