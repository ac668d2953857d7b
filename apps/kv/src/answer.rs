//! What the store answers.

#[cfg(doc)]
use crate::operation::{KvOperation, KvQuestion};
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_execution::Answer;
use outvote_types::{DecodeError, decode};

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
