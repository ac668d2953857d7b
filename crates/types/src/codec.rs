//! The one canonical encoding: borsh, fixed width, little endian. Each value has one encoding; trailing bytes are an error.

use crate::planted::{self, Bug};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Bytes that are not the canonical encoding of the expected type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical {expected}: {reason}")]
pub struct DecodeError {
    /// What the bytes were taken for.
    pub expected: &'static str,
    /// What was wrong with them.
    pub reason: String,
}

/// The canonical bytes of `value`.
#[must_use]
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    encode_into(value, &mut bytes);
    bytes
}

/// Appends the canonical bytes of `value`.
pub fn encode_into<T: BorshSerialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) {
    // Writing to a vector cannot fail, and our own values keep their bounds; a failure here is a bug of ours.
    if value.serialize(bytes).is_err() {
        unreachable!("a value of ours exceeds the lengths that its own type allows");
    }
}

/// Decodes the whole of `bytes`.
///
/// # Errors
/// When the bytes are not exactly the canonical encoding of one `T`.
pub fn decode<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    // M1: trailing bytes and every other spelling are refused.
    let mut rest = bytes;
    let lenient = planted::is_on(Bug::TrailingBytesTaken).then(|| T::deserialize(&mut rest));
    lenient.unwrap_or_else(|| borsh::from_slice(bytes)).map_err(|error| DecodeError {
        expected: core::any::type_name::<T>().rsplit("::").next().unwrap_or("value"),
        reason: error.to_string(),
    })
}
