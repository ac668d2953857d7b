//! What every decoder of the canonical encoding must keep.

use crate::allocation::bounded;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::{decode, encode};

/// A decoded value may take this many times its bytes: an operation with nothing in it has 6 bytes on the wire and 40 in memory,
/// and a vector that grows has room for twice as many.
const TIMES: usize = 16;
/// What decoders reserve before they have seen the bytes, all levels together.
const CONSTANT: usize = 96 * 1024;

/// Decodes the bytes, and asserts that they are the one spelling of the value and that a lying length allocated nothing.
///
/// # Panics
/// When the value has another spelling, or decoding held too much memory.
pub fn read<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Option<T> {
    let value = bounded(bytes.len(), TIMES, CONSTANT, || decode::<T>(bytes).ok())?;
    assert!(encode(&value) == bytes, "two spellings of one {}", std::any::type_name::<T>());
    Some(value)
}
