//! How the one key space of the backend is divided.
//!
//! | first bytes | what | in the digest |
//! | --- | --- | --- |
//! | `00 m ..` | local facts: format, genesis, executed up to, an unfinished transfer, one that just ended | no |
//! | `00 b row` | the sums of some buckets, 2048 bytes each; how many is for the backend to say | no |
//! | `00 i bucket key` | index by bucket: which keys a bucket has; no value | no |
//! | `01 a` | admission of new sessions | yes |
//! | `01 s key` | a session | yes |
//! | `01 h key nonce` | a held request | yes |
//! | `02 ..` | the application's keys | yes |
//!
//! The index costs one small write per inserted or removed key, none per changed value, and about the keys' own size on
//! disk. For that a bucket is served by reading that bucket and nothing else.

use outvote_types::limits::MAX_KEY_BYTES;
use outvote_types::{Nonce, PublicKey};
use std::ops::RangeInclusive;

/// Bytes of one key of the application's state at most; one byte of the wire's limit is the prefix.
pub const MAX_APPLICATION_KEY_BYTES: usize = MAX_KEY_BYTES - 1;

pub(crate) const FORMAT: &[u8] = b"\x00mformat";
pub(crate) const GENESIS: &[u8] = b"\x00mgenesis";
pub(crate) const EXECUTED: &[u8] = b"\x00mexecuted";
pub(crate) const INSTALLING: &[u8] = b"\x00minstalling";
/// A transfer ended here: what is marked is older than what it brought.
pub(crate) const INSTALLED: &[u8] = b"\x00minstalled";
pub(crate) const ADMISSION: &[u8] = b"\x01a";
const APPLICATION: u8 = 2;
/// The first digested key, and the first key behind all digested ones.
pub(crate) const DIGESTED: (&[u8], &[u8]) = (&[1], &[3]);

/// The rows of sums, so many in each: the key of each row, and its buckets.
pub(crate) fn sum_rows(sums: u8) -> impl Iterator<Item = (Vec<u8>, RangeInclusive<u8>)> {
    let sums = sums.max(1);
    (0..=u8::MAX / sums).map(move |row| {
        let first = row * sums;
        (vec![0, b'b', row], first..=first.saturating_add(sums - 1))
    })
}

pub(crate) fn index(bucket: u8, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 + key.len());
    out.extend_from_slice(&[0, b'i', bucket]);
    out.extend_from_slice(key);
    out
}

/// The digested key that an index key names.
pub(crate) fn indexed(index: &[u8]) -> &[u8] {
    index.get(3..).unwrap_or_default()
}

/// The first key behind the index of `bucket`.
pub(crate) fn index_end(bucket: u8) -> Vec<u8> {
    bucket.checked_add(1).map_or_else(|| vec![0, b'i' + 1], |next| vec![0, b'i', next])
}

pub(crate) fn session(key: &PublicKey) -> Vec<u8> {
    [&[1, b's'][..], &key.0].concat()
}

pub(crate) fn held(key: &PublicKey, nonce: Nonce) -> Vec<u8> {
    [&[1, b'h'][..], &key.0, &nonce.0.to_be_bytes()].concat()
}

pub(crate) fn application(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + key.len());
    out.push(APPLICATION);
    out.extend_from_slice(key);
    out
}

/// The first key behind all of the application's.
pub(crate) const APPLICATION_END: &[u8] = &[APPLICATION + 1];

/// Whether `key` belongs to the agreed state and not to this replica alone.
pub(crate) fn is_digested(key: &[u8]) -> bool {
    key >= DIGESTED.0 && key < DIGESTED.1
}

/// The smallest key above `key`.
pub(crate) fn just_above(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + 1);
    out.extend_from_slice(key);
    out.push(0);
    out
}
