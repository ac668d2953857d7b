//! Which signatures were found good before.

use crate::scheme::Check;
use outvote_types::Digest;
use outvote_types::planted::{self, Bug};
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

/// Remembered signatures in one generation at most (two generations of about 50 bytes each).
pub const SIGNATURE_CACHE_MAX: usize = 16_384;

/// Remembers good signatures only, each by the digest of key, bytes and signature together.
///
/// Two generations: when the young one is full it becomes the old one.
#[derive(Debug)]
pub struct SignatureCache {
    young: HashSet<Name>,
    old: HashSet<Name>,
    max: usize,
}

/// A signature's name in a table. It is a digest, so its first bytes are as good as all of them to find a place for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name(Digest);

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first)));
    }
}

impl Default for SignatureCache {
    fn default() -> Self {
        Self::of(SIGNATURE_CACHE_MAX)
    }
}

/// The name of a signature.
#[must_use]
pub fn name(check: &Check) -> Digest {
    // M7: of key, message and signature together, never of the message alone.
    let signature: &[u8] = if planted::is_on(Bug::KnownWithoutSignature) { &[] } else { &check.signature.0 };
    let key: &[u8] = if planted::is_on(Bug::KnownWithoutKey) { &[] } else { &check.key.0 };
    Digest::of_parts(&[key, &check.bytes, signature])
}

impl SignatureCache {
    /// Remembers so many in one generation at most.
    #[must_use]
    pub fn of(max: usize) -> Self {
        Self { young: HashSet::new(), old: HashSet::new(), max }
    }

    /// Whether this very signature was found good.
    #[must_use]
    pub fn has(&self, check: &Check) -> bool {
        self.has_name(&name(check))
    }

    /// Whether the signature of this name was found good.
    #[must_use]
    pub fn has_name(&self, name: &Digest) -> bool {
        self.young.contains(&Name(*name)) || self.old.contains(&Name(*name))
    }

    /// Remembers a good signature.
    pub fn insert(&mut self, check: &Check) {
        self.insert_name(name(check));
    }

    /// Remembers the name of a good signature.
    pub fn insert_name(&mut self, name: Digest) {
        if self.young.len() >= self.max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(Name(name));
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
