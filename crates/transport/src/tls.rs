//! TLS 1.3 with raw public keys (RFC 7250): no names, no authorities, no dates; exactly the expected keys.

use crate::key::{LinkKey, key_of};
use outvote_types::PublicKey;
use outvote_types::planted::{self, Bug};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What members speak with each other.
pub const REPLICA_ALPN: &[u8] = b"outvote-replica/1";
/// What clients speak with a member.
pub const CLIENT_ALPN: &[u8] = b"outvote-client/1";

/// One cipher suite; the hybrid post-quantum key exchange first.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519];
    Arc::new(provider)
}

/// Accepts exactly these keys, and remembers the last other one for the error message.
#[derive(Debug)]
pub(crate) struct Pinned {
    keys: BTreeSet<PublicKey>,
    algorithms: WebPkiSupportedAlgorithms,
    refused: Mutex<Option<PublicKey>>,
}

impl Pinned {
    fn new(keys: impl IntoIterator<Item = PublicKey>, provider: &CryptoProvider) -> Arc<Self> {
        let algorithms = provider.signature_verification_algorithms;
        Arc::new(Self { keys: keys.into_iter().collect(), algorithms, refused: Mutex::new(None) })
    }

    /// The last key that was shown and not expected.
    pub(crate) fn take_refused(&self) -> Option<PublicKey> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn judge(&self, shown: &CertificateDer<'_>, more: &[CertificateDer<'_>]) -> Result<(), Error> {
        let key = key_of(shown).filter(|_| more.is_empty());
        if key.is_some_and(|key| self.keys.contains(&key) || planted::is_on(Bug::LinkKeyUnpinned)) {
            return Ok(());
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = key;
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }
}

/// What both ends' verifiers answer alike: raw Ed25519 keys under TLS 1.3, and nothing else. The two traits ask for it under
/// the same names without sharing a supertrait, so a macro is the one place to write it.
macro_rules! raw_ed25519_only {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(Error::General("TLS 1.2 is not spoken here".into()))
        }
        fn verify_tls13_signature(
            &self,
            message: &[u8],
            shown: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let spki = SubjectPublicKeyInfoDer::from(shown.as_ref());
            verify_tls13_signature_with_raw_key(message, &spki, signed, &self.algorithms)
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }
        fn requires_raw_public_keys(&self) -> bool {
            true
        }
    };
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }
    raw_ed25519_only!();
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }
    raw_ed25519_only!();
}

/// The listener's two configurations; the ClientHello's ALPN says which one is meant.
#[derive(Clone, Debug)]
pub(crate) struct ServerSide {
    pub(crate) replicas: Arc<ServerConfig>,
    pub(crate) clients: Arc<ServerConfig>,
    pub(crate) pinned: Arc<Pinned>,
}

impl ServerSide {
    /// Replicas must show a member's key; clients show none and prove themselves by what they sign.
    pub(crate) fn new(key: &LinkKey, members: &[PublicKey]) -> Result<Self, Error> {
        let provider = provider();
        let pinned = Pinned::new(members.iter().copied(), &provider);
        let own = Arc::new(AlwaysResolvesServerRawPublicKeys::new(key.certified(&provider)?));
        let builder =
            || ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13]);
        let mut replicas =
            builder()?.with_client_cert_verifier(pinned.clone()).with_cert_resolver(own.clone());
        let mut clients = builder()?.with_no_client_auth().with_cert_resolver(own);
        for (config, alpn) in [(&mut replicas, REPLICA_ALPN), (&mut clients, CLIENT_ALPN)] {
            config.alpn_protocols = vec![alpn.to_vec()];
            // N16: no session is resumed and no early data taken, so nothing of one can be replayed.
            config.send_tls13_tickets = 0;
            config.max_early_data_size = 0;
        }
        Ok(Self { replicas: Arc::new(replicas), clients: Arc::new(clients), pinned })
    }
}

/// The dialler's configuration: exactly one key is expected; `own` is shown to it, if given.
#[derive(Clone, Debug)]
pub(crate) struct ClientSide {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) pinned: Arc<Pinned>,
    pub(crate) expected: PublicKey,
}

impl ClientSide {
    pub(crate) fn new(expected: PublicKey, own: Option<&LinkKey>) -> Result<Self, Error> {
        let provider = provider();
        let pinned = Pinned::new([expected], &provider);
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(pinned.clone());
        let mut config = match own {
            Some(key) => {
                let key = AlwaysResolvesClientRawPublicKeys::new(key.certified(&provider)?);
                builder.with_client_cert_resolver(Arc::new(key))
            }
            None => builder.with_no_client_auth(),
        };
        let alpn = if own.is_some() { REPLICA_ALPN } else { CLIENT_ALPN };
        config.alpn_protocols = vec![alpn.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        config.enable_sni = false;
        Ok(Self { config: Arc::new(config), pinned, expected })
    }
}
