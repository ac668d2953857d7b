//! SHA-256, the digest of everything that is signed or proven: every language and every browser has it.

use alloc::string::String;
use borsh::io::{Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use core::cmp::Ordering;
use core::fmt;
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// All zero; stands for "none" where a field must be present.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_parts(&[bytes])
    }

    /// The digest of the concatenation of `parts`. Callers keep the parts of fixed length, or prefix lengths.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut gatherer = Gatherer::new();
        for part in parts {
            gatherer.add(part);
        }
        gatherer.finish()
    }

    /// The digest of `prefix` and a value's canonical bytes, which are hashed as they are made.
    #[must_use]
    pub fn of_prefixed<T: BorshSerialize + ?Sized>(prefix: &[u8], value: &T) -> Self {
        let mut gatherer = Gatherer::new();
        gatherer.add(prefix);
        // Writing to a hash cannot fail, and our own values keep their bounds; a failure here is a bug of ours.
        if value.serialize(&mut gatherer).is_err() {
            unreachable!("a value of ours exceeds the lengths that its own type allows");
        }
        gatherer.finish()
    }

    /// The digest of a value's canonical bytes.
    #[must_use]
    pub fn of_canonical<T: BorshSerialize + ?Sized>(value: &T) -> Self {
        Self::of_prefixed(&[], value)
    }

    /// Lower-case hexadecimal, 64 characters.
    #[must_use]
    pub fn to_hex(&self) -> String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        text
    }

    /// Parses 64 hexadecimal characters of either case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        let mut out = [0u8; 32];
        for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *slot = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(out))
    }
}

impl Ord for Digest {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of the bytes. What is as good as random differs in its first word as a rule, and that needs no loop.
#[inline]
pub(crate) fn compare(one: &[u8; 32], other: &[u8; 32]) -> Ordering {
    let first = |bytes: &[u8; 32]| bytes.first_chunk().map(|word| u64::from_be_bytes(*word));
    first(one).cmp(&first(other)).then_with(|| one.cmp(other))
}

/// Bytes of one step of SHA-256.
const BLOCK_BYTES: usize = 64;
/// Bytes that are gathered before they are hashed.
const GATHERED_BYTES: usize = 4 * BLOCK_BYTES;
/// The state of SHA-256 before the first step (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Gathers what is to be hashed. Canonical values come as many pieces of a few bytes, and a call of the hash function for
/// each costs more than the hashing; most values fit into the buffer as a whole.
struct Gatherer {
    /// What did not fit.
    hasher: Option<Sha256>,
    /// One block more than is gathered, for the padding; zeros behind what is used.
    buffer: [u8; GATHERED_BYTES + BLOCK_BYTES],
    used: usize,
}

impl Gatherer {
    const fn new() -> Self {
        Self { hasher: None, buffer: [0; GATHERED_BYTES + BLOCK_BYTES], used: 0 }
    }

    #[inline]
    fn add(&mut self, bytes: &[u8]) {
        let end = self.used.saturating_add(bytes.len());
        if end <= GATHERED_BYTES && self.hasher.is_none() {
            self.buffer[self.used..end].copy_from_slice(bytes);
            self.used = end;
        } else {
            self.overflow(bytes);
        }
    }

    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        let gathered = &self.buffer[..self.used];
        self.hasher.get_or_insert_with(|| Sha256::new_with_prefix(gathered)).update(bytes);
    }

    fn finish(mut self) -> Digest {
        if let Some(hasher) = self.hasher {
            return Digest(hasher.finalize().into());
        }
        // The padding of SHA-256 (FIPS 180-4, 5.1.1): a one, zeros, and the length in bits in the last eight bytes of a block.
        self.buffer[self.used] = 0x80;
        let blocks = (self.used + 1 + size_of::<u64>()).div_ceil(BLOCK_BYTES);
        let length = &mut self.buffer[blocks * BLOCK_BYTES - size_of::<u64>()..blocks * BLOCK_BYTES];
        length.copy_from_slice(&(self.used as u64 * 8).to_be_bytes());
        let mut state = INITIAL;
        compress256(&mut state, &self.buffer.as_chunks().0[..blocks]);
        let mut digest = [0; 32];
        for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
            *place = word.to_be_bytes();
        }
        Digest(digest)
    }
}

impl Write for Gatherer {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.add(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}
