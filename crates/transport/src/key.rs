//! Link keys: Ed25519 keys for TLS alone, apart from the keys that sign votes.

use outvote_crypto::KeyPair;
use outvote_types::{PublicKey, Signature};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before the 32 bytes of an Ed25519 seed in a PKCS #8 version 1 key (RFC 8410).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A node's own link key.
pub struct LinkKey {
    pair: KeyPair,
}

impl LinkKey {
    /// From the pair in the home's link key file.
    #[must_use]
    pub const fn new(pair: KeyPair) -> Self {
        Self { pair }
    }

    /// The public half, which the committee names.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.pair.public_key()
    }

    /// Another handle to the same key.
    pub(crate) fn again(&self) -> Self {
        Self::new(KeyPair::from_seed(*self.pair.seed()))
    }

    /// Signs a statement of this process (D27). TLS signs nothing that begins as these do.
    pub(crate) fn sign(&self, statement: &[u8; 65]) -> Signature {
        self.pair.sign_bytes(statement)
    }

    /// The key as TLS wants it: the raw public key in the certificate's place.
    pub(crate) fn certified(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, rustls::Error> {
        let mut der = Zeroizing::new(PKCS8_PREFIX.to_vec());
        der.reserve_exact(32);
        der.extend_from_slice(self.pair.seed().as_ref());
        // The provider's own copy of the seed lives as long as the configuration does.
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.as_slice())).clone_key();
        let key = provider.key_provider.load_private_key(private)?;
        let mut public = SPKI_PREFIX.to_vec();
        public.extend_from_slice(&self.public_key().0);
        Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], key)))
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkKey({:?})", self.public_key())
    }
}

/// The Ed25519 key in a SubjectPublicKeyInfo, if it is one.
pub(crate) fn key_of(spki: &[u8]) -> Option<PublicKey> {
    let key = spki.strip_prefix(&SPKI_PREFIX)?;
    Some(PublicKey(key.try_into().ok()?))
}
