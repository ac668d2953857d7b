//! Vectors whose decoder knows their longest length, so that a lying length field cannot allocate.

use crate::planted::{self, Bug};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::io::{Error, ErrorKind, Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use core::ops::Deref;

/// What a decoder reserves before it has seen the bytes.
const FIRST_ALLOCATION_ITEMS: usize = 64;
/// How many bytes of a blob are read at a time.
const READ_STEP_BYTES: usize = 4096;

/// At most `MAX` items.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoundedVec<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for BoundedVec<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> BoundedVec<T, MAX> {
    /// Takes the items, unless they are too many.
    #[must_use]
    pub fn new(items: Vec<T>) -> Option<Self> {
        (items.len() <= MAX).then_some(Self(items))
    }

    /// Takes the first `MAX` items and drops the rest. For our own output, where the producer already keeps the bound.
    #[must_use]
    pub fn truncated(mut items: Vec<T>) -> Self {
        items.truncate(MAX);
        Self(items)
    }

    /// Gives the vector back.
    #[must_use]
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Deref for BoundedVec<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a BoundedVec<T, MAX> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: BorshSerialize, const MAX: usize> BorshSerialize for BoundedVec<T, MAX> {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        length(self.0.len())?.serialize(writer)?;
        self.0.iter().try_for_each(|item| item.serialize(writer))
    }
}

impl<T: BorshDeserialize, const MAX: usize> BorshDeserialize for BoundedVec<T, MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let count = bounded_length::<R, MAX>(reader)?;
        let mut items = Vec::with_capacity(count.min(FIRST_ALLOCATION_ITEMS));
        for _ in 0..count {
            items.push(T::deserialize_reader(reader)?);
        }
        Ok(Self(items))
    }
}

/// At most `MAX` bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Blob<MAX> {
    /// Takes the bytes, unless they are too many.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= MAX).then_some(Self(bytes))
    }

    /// Gives the bytes back.
    #[must_use]
    pub fn into_inner(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> Deref for Blob<MAX> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Blob<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<const MAX: usize> BorshSerialize for Blob<MAX> {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        length(self.0.len())?.serialize(writer)?;
        writer.write_all(&self.0)
    }
}

impl<const MAX: usize> BorshDeserialize for Blob<MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let count = bounded_length::<R, MAX>(reader)?;
        read_steps(reader, count).map(Self)
    }
}

/// Reads so many bytes as they come: a length that lies costs a step and no more.
fn read_steps<R: Read>(reader: &mut R, count: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count.min(READ_STEP_BYTES));
    while bytes.len() < count {
        let start = bytes.len();
        bytes.resize(count.min(start + READ_STEP_BYTES), 0);
        reader.read_exact(&mut bytes[start..])?;
    }
    Ok(bytes)
}

/// Reads bytes without a bound of their own. What derives its decoder names this with `#[borsh(deserialize_with = ...)]`:
/// the library's own way believes any length up to 1 MiB.
///
/// # Errors
/// When there are fewer bytes than the length says.
pub fn bytes<R: Read>(reader: &mut R) -> Result<Vec<u8>> {
    let count = usize::try_from(u32::deserialize_reader(reader)?);
    // M1: what was not sent is never allocated.
    read_steps(reader, count.map_err(|_| Error::new(ErrorKind::InvalidData, "a length beyond memory"))?)
}

/// The same for bytes that may be missing.
///
/// # Errors
/// As [`bytes`].
pub fn maybe_bytes<R: Read>(reader: &mut R) -> Result<Option<Vec<u8>>> {
    is_some(reader)?.then(|| bytes(reader)).transpose()
}

/// The same for text.
///
/// # Errors
/// As [`bytes`], and when it is not UTF-8.
pub fn text<R: Read>(reader: &mut R) -> Result<String> {
    String::from_utf8(bytes(reader)?).map_err(|_| Error::new(ErrorKind::InvalidData, "a text is not UTF-8"))
}

/// The same for a text that may be missing.
///
/// # Errors
/// As [`text`].
pub fn maybe_text<R: Read>(reader: &mut R) -> Result<Option<String>> {
    is_some(reader)?.then(|| text(reader)).transpose()
}

fn is_some<R: Read>(reader: &mut R) -> Result<bool> {
    match u8::deserialize_reader(reader)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::new(ErrorKind::InvalidData, "neither some nor none")),
    }
}

fn length(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::new(ErrorKind::InvalidInput, "longer than 4 GiB"))
}

fn bounded_length<R: Read, const MAX: usize>(reader: &mut R) -> Result<usize> {
    let count = u32::deserialize_reader(reader)?;
    usize::try_from(count)
        .ok()
        // M1: refused before anything is allocated.
        .filter(|count| *count <= MAX || planted::is_on(Bug::LengthUnbounded))
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "a length exceeds its bound"))
}
