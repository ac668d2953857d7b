//! Signatures that cost next to nothing.
//!
//! A tag is a keyed hash of the signed bytes. It can be computed by anyone who has the key's number, so it would be
//! worthless outside; in here every actor is code of ours that signs only through the [`Scheme`] it was given.

use crate::random::little_endian;
use outvote_crypto::{Check, Ed25519, KeyPair, Scheme};
use outvote_session::{SessionKey, SharedVerify};
use outvote_types::{PublicKey, Signature};
use std::sync::Arc;

/// The stand-in for Ed25519.
#[derive(Clone, Copy, Debug)]
pub struct TagScheme {
    key: PublicKey,
}

impl TagScheme {
    /// The scheme of the actor with this number.
    #[must_use]
    pub fn new(seed: u64, actor: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&actor.to_le_bytes());
        key[8..16].copy_from_slice(&seed.to_le_bytes());
        key[31] = 1;
        Self { key: PublicKey(key) }
    }
}

fn tag(key: &PublicKey, bytes: &[u8; 65]) -> Signature {
    let (mut a, mut b) = (0x243f_6a88_85a3_08d3u64, 0x1319_8a2e_0370_7344u64);
    for word in little_endian(&key.0).chain(little_endian(bytes)) {
        a = (a ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        a ^= a >> 29;
        b = b.rotate_left(23) ^ a.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    let mut signature = [0; 64];
    signature[..8].copy_from_slice(&a.to_le_bytes());
    signature[8..16].copy_from_slice(&b.to_le_bytes());
    Signature(signature)
}

impl Scheme for TagScheme {
    fn sign(&self, bytes: &[u8; 65]) -> Signature {
        tag(&self.key, bytes)
    }
    fn public_key(&self) -> PublicKey {
        self.key
    }
    fn verify(&self, checks: &[Check]) -> Vec<bool> {
        checks.iter().map(|check| tag(&check.key, &check.bytes) == check.signature).collect()
    }
    fn is_usable_key(&self, key: &PublicKey) -> bool {
        key.0[31] == 1
    }
}

/// A session's key, and what judges the replicas' words for it.
#[must_use]
pub fn session(seed: u64, actor: u64, real: bool) -> (SessionKey, SharedVerify) {
    if real {
        let scheme = Arc::new(ed25519(seed, actor));
        (scheme.clone(), scheme)
    } else {
        let scheme = Arc::new(TagScheme::new(seed, actor));
        (scheme.clone(), scheme)
    }
}

fn ed25519(seed: u64, actor: u64) -> Ed25519 {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&actor.to_le_bytes());
    Ed25519::new(KeyPair::from_seed(bytes))
}

/// An actor's scheme: real Ed25519 or the stand-in.
#[must_use]
pub fn scheme(seed: u64, actor: u64, real: bool) -> Arc<dyn Scheme> {
    if !real {
        return Arc::new(TagScheme::new(seed, actor));
    }
    Arc::new(ed25519(seed, actor))
}
