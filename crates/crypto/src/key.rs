//! One pair of keys. The public half is always derived from the secret one and never passed beside it: signing with a
//! mismatched public key would leak the secret.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use outvote_types::{PublicKey, Signature};
use std::fmt;
use zeroize::Zeroizing;

/// An Ed25519 key pair. The seed is wiped from memory when the pair is dropped.
pub struct KeyPair {
    seed: Zeroizing<[u8; 32]>,
    inner: Ed25519KeyPair,
    public: PublicKey,
}

impl KeyPair {
    /// A new pair from the system's randomness.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(Self::from_seed(*seed))
    }

    /// The pair that belongs to this seed. Every 32 bytes are a seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let Ok(inner) = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()) else {
            unreachable!("every 32 bytes are an Ed25519 seed");
        };
        let mut public = [0u8; 32];
        public.copy_from_slice(inner.public_key().as_ref());
        Self { seed, inner, public: PublicKey(public) }
    }

    /// The public half.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The secret half, for key files and for TLS. The copy wipes itself.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed.clone()
    }

    /// Signs any bytes. Deterministic: the same key and bytes give the same signature.
    #[must_use]
    pub fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        let mut signature = [0u8; 64];
        signature.copy_from_slice(self.inner.sign(bytes).as_ref());
        Signature(signature)
    }
}

impl fmt::Debug for KeyPair {
    /// Shows the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({:?})", self.public)
    }
}
