//! What a client asks of the store: operations that change it, questions that only read.

#[cfg(doc)]
use crate::answer::KvAnswer;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::encode;

/// What changes the store. Keys have at most 1023 bytes; key and value together at most 68 KiB, as any operation.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum KvOperation {
    /// Stores a value, whatever was there. Answered by [`KvAnswer::Stored`].
    Put {
        /// Under which key.
        #[borsh(deserialize_with = "outvote_types::bounded::bytes")]
        key: Vec<u8>,
        /// The value.
        #[borsh(deserialize_with = "outvote_types::bounded::bytes")]
        value: Vec<u8>,
    },
    /// Compare and set: changes the value only if it is the expected one. Answered by [`KvAnswer::Stored`] or
    /// [`KvAnswer::Mismatch`].
    Cas {
        /// Which key.
        #[borsh(deserialize_with = "outvote_types::bounded::bytes")]
        key: Vec<u8>,
        /// What must be there; `None` for nothing.
        #[borsh(deserialize_with = "outvote_types::bounded::maybe_bytes")]
        expected: Option<Vec<u8>>,
        /// What shall be there; `None` for nothing.
        #[borsh(deserialize_with = "outvote_types::bounded::maybe_bytes")]
        value: Option<Vec<u8>>,
    },
    /// Removes a key. Answered by [`KvAnswer::Deleted`].
    Delete {
        /// Which key.
        #[borsh(deserialize_with = "outvote_types::bounded::bytes")]
        key: Vec<u8>,
    },
}

/// What only reads.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum KvQuestion {
    /// The value under a key. Answered by [`KvAnswer::Value`].
    Get {
        /// Which key.
        #[borsh(deserialize_with = "outvote_types::bounded::bytes")]
        key: Vec<u8>,
    },
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
