//! A key-value application: example, benchmark load, and the subject of linearizability tests.
//!
//! [`Kv`] is what replicas run. Clients send an encoded [`KvOperation`], or an encoded [`KvQuestion`] as a query, and read
//! the reply with [`KvAnswer::parse`].

use borsh::{BorshDeserialize, BorshSerialize};
use outvote_execution::{Answer, Application, Context, StateReader, StateWriter};
use outvote_types::{DecodeError, decode, encode};

/// What changes the store. Keys have at most 1023 bytes; key and value together at most 68 KiB, as any operation.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum KvOperation {
    /// Stores a value, whatever was there. Answered by [`KvAnswer::Stored`].
    Put {
        /// Under which key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// Compare and set: changes the value only if it is the expected one. Answered by [`KvAnswer::Stored`] or
    /// [`KvAnswer::Mismatch`].
    Cas {
        /// Which key.
        key: Vec<u8>,
        /// What must be there; `None` for nothing.
        expected: Option<Vec<u8>>,
        /// What shall be there; `None` for nothing.
        value: Option<Vec<u8>>,
    },
    /// Removes a key. Answered by [`KvAnswer::Deleted`].
    Delete {
        /// Which key.
        key: Vec<u8>,
    },
}

/// What only reads.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum KvQuestion {
    /// The value under a key. Answered by [`KvAnswer::Value`].
    Get {
        /// Which key.
        key: Vec<u8>,
    },
}

/// The answer to a [`KvOperation`] or a [`KvQuestion`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum KvAnswer {
    /// The value stands as asked.
    Stored,
    /// Nothing was changed, since something else was there.
    Mismatch {
        /// What was there.
        found: Option<Vec<u8>>,
    },
    /// The key is gone.
    Deleted {
        /// Whether it was there.
        existed: bool,
    },
    /// What stands under the key.
    Value(Option<Vec<u8>>),
}

/// Why there is no [`KvAnswer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// All honest replicas refused alike.
    #[error("refused: {message} ({code})")]
    Refused {
        /// A stable word for programs: `malformed`, or the name of a limit.
        code: String,
        /// A sentence for people.
        message: String,
    },
    /// The answer is no answer of this application.
    #[error("the cluster does not run the key-value application: {0}")]
    Foreign(#[from] DecodeError),
}

impl KvOperation {
    /// The operation's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

impl KvQuestion {
    /// The question's bytes, for a query, ordered or not.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

impl KvAnswer {
    /// Reads what the cluster answered.
    ///
    /// # Errors
    /// When the cluster refused the operation, or runs another application.
    pub fn parse(answer: &Answer) -> Result<Self, KvError> {
        match answer {
            Answer::Done(bytes) => Ok(decode(bytes)?),
            Answer::Refused { code, message } => {
                Err(KvError::Refused { code: code.clone(), message: message.clone() })
            }
        }
    }
}

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
