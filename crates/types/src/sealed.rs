//! A value that never changes, with the digest of its canonical bytes beside it.

use crate::digest::Digest;
use alloc::sync::Arc;
use borsh::io::{Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use core::ops::Deref;

/// A shared value that cannot be changed any more. Its digest is computed once, where it is made or decoded, and copies cost
/// a count: a request is looked at by a gateway, a pool, a block, a log, an executor and an archive.
pub struct Sealed<T>(Arc<Inner<T>>);

struct Inner<T> {
    value: T,
    digest: Digest,
}

impl<T: BorshSerialize> Sealed<T> {
    /// Takes a value for good.
    #[must_use]
    pub fn new(value: T) -> Self {
        let digest = Digest::of_canonical(&value);
        Self(Arc::new(Inner { value, digest }))
    }
}

impl<T> Sealed<T> {
    /// SHA-256 of the value's canonical bytes: its identity (M5).
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Sealed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: BorshSerialize> From<T> for Sealed<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: PartialEq> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.digest == other.0.digest && self.0.value == other.0.value
    }
}

impl<T: Eq> Eq for Sealed<T> {}

impl<T: fmt::Debug> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

impl<T: BorshSerialize> BorshSerialize for Sealed<T> {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.0.value.serialize(writer)
    }
}

impl<T: BorshSerialize + BorshDeserialize> BorshDeserialize for Sealed<T> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        T::deserialize_reader(reader).map(Self::new)
    }
}
