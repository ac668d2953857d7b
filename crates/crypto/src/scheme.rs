//! Signing and judging signatures, behind one trait: Ed25519 here, a cheap stand-in in the simulator.

use crate::key::KeyPair;
use crate::usable;
use crate::verify::Verifier;
use outvote_types::{PublicKey, Signature};

/// One signature to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whose it should be.
    pub key: PublicKey,
    /// What it should sign.
    pub bytes: [u8; 65],
    /// The signature.
    pub signature: Signature,
}

/// A signature scheme together with this process's own key.
pub trait Scheme: Send + Sync {
    /// Signs with this process's own key.
    fn sign(&self, bytes: &[u8; 65]) -> Signature;

    /// The public half of that key.
    fn public_key(&self) -> PublicKey;

    /// Judges each signature; one verdict each, in order. The verdict on a signature never depends on its company.
    fn verify(&self, checks: &[Check]) -> Vec<bool>;

    /// Whether a key may stand for a session or an author. A stand-in whose keys are no points of the curve says so here.
    fn is_usable_key(&self, key: &PublicKey) -> bool {
        usable::is_usable_key(key)
    }
}

/// What can sign: a key pair, or a scheme with its own key.
pub trait Sign {
    /// Signs.
    fn sign(&self, bytes: &[u8; 65]) -> Signature;
    /// The public half of the key that signs.
    fn public_key(&self) -> PublicKey;
}

impl Sign for KeyPair {
    fn sign(&self, bytes: &[u8; 65]) -> Signature {
        self.sign_bytes(bytes)
    }
    fn public_key(&self) -> PublicKey {
        KeyPair::public_key(self)
    }
}

impl<S: Scheme + ?Sized> Sign for S {
    fn sign(&self, bytes: &[u8; 65]) -> Signature {
        Scheme::sign(self, bytes)
    }
    fn public_key(&self) -> PublicKey {
        Scheme::public_key(self)
    }
}

/// What can judge signatures: a scheme, or a bare [`Verifier`] that needs no key of its own.
pub trait Verify {
    /// Judges each signature; one verdict each, in order.
    fn verify(&self, checks: &[Check]) -> Vec<bool>;
    /// Whether a key may stand for a session or an author.
    fn is_usable_key(&self, key: &PublicKey) -> bool;
}

impl Verify for Verifier {
    fn verify(&self, checks: &[Check]) -> Vec<bool> {
        self.verify_all(checks)
    }
    fn is_usable_key(&self, key: &PublicKey) -> bool {
        Verifier::is_usable_key(self, key)
    }
}

impl<S: Scheme + ?Sized> Verify for S {
    fn verify(&self, checks: &[Check]) -> Vec<bool> {
        Scheme::verify(self, checks)
    }
    fn is_usable_key(&self, key: &PublicKey) -> bool {
        Scheme::is_usable_key(self, key)
    }
}

/// The production scheme: signatures by aws-lc, verdicts by ZIP-215.
#[derive(Debug)]
pub struct Ed25519 {
    keys: KeyPair,
    verifier: Verifier,
}

impl Ed25519 {
    /// The scheme of whoever owns these keys.
    #[must_use]
    pub fn new(keys: KeyPair) -> Self {
        Self { keys, verifier: Verifier::default() }
    }

    /// A scheme with a fresh key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        KeyPair::generate().map(Self::new)
    }

    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> &KeyPair {
        &self.keys
    }
}

impl Scheme for Ed25519 {
    fn sign(&self, bytes: &[u8; 65]) -> Signature {
        self.keys.sign_bytes(bytes)
    }
    fn public_key(&self) -> PublicKey {
        self.keys.public_key()
    }
    fn verify(&self, checks: &[Check]) -> Vec<bool> {
        self.verifier.verify_all(checks)
    }
    fn is_usable_key(&self, key: &PublicKey) -> bool {
        self.verifier.is_usable_key(key)
    }
}
