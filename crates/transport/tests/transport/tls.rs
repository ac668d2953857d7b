//! What exactly is negotiated, and who gets no further than the handshake.

use crate::common::*;
use outvote_transport::{Limits, tls};
use rustls::pki_types::ServerName;
use rustls::{CipherSuite, NamedGroup, ProtocolVersion};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn stranger(
    address: &str,
    alpn: &[&[u8]],
    raw: bool,
    restrict: impl FnOnce(&mut rustls::crypto::CryptoProvider),
) -> io::Result<TlsStream<TcpStream>> {
    let config = stranger::config(alpn, raw, restrict);
    let socket = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("outvote").unwrap(), socket).await
}

fn alone(limits: Limits) -> (Member, String) {
    let (listener, address) = loopback();
    let members = vec![(1, address.clone()), (2, "127.0.0.1:1".into())];
    (Member::start(config(0, &members, limits), &key(1), listener), address)
}

#[tokio::test]
async fn the_key_exchange_is_hybrid_and_the_cipher_the_agreed_one() {
    let (_member, address) = alone(limits());
    let stream = stranger(&address, &[tls::CLIENT_ALPN], true, |_| {}).await.unwrap();
    let connection = stream.get_ref().1;
    let group = connection.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    let suite = connection.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, CipherSuite::TLS13_AES_128_GCM_SHA256);
    assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(connection.alpn_protocol(), Some(tls::CLIENT_ALPN));
}

// Faults: N17
#[tokio::test]
async fn a_member_link_without_a_members_key_gets_no_further_than_the_handshake() {
    let (mut member, address) = alone(limits());
    for alpn in [&[tls::REPLICA_ALPN][..], &[tls::CLIENT_ALPN, tls::REPLICA_ALPN]] {
        // In TLS 1.3 the client finishes first; the refusal comes with the first read.
        if let Ok(mut stream) = stranger(&address, alpn, true, |_| {}).await {
            let _ = stream.write_all(&[1; 34]).await;
            assert!(stream.read_u8().await.is_err());
        }
    }
    assert_eq!(member.sender.refusals().0, 2);
    assert!(member.events.try_recv().is_err() && member.clients.try_recv().is_err());
}

// Faults: C07, M11, X16
#[tokio::test]
async fn other_protocols_ciphers_and_certificates_are_refused() {
    let (mut member, address) = alone(limits());
    assert!(stranger(&address, &[b"h2"], true, |_| {}).await.is_err(), "another protocol");
    assert!(stranger(&address, &[tls::CLIENT_ALPN], false, |_| {}).await.is_err(), "X.509 certificates");
    let chacha = |provider: &mut rustls::crypto::CryptoProvider| {
        provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    };
    assert!(stranger(&address, &[tls::CLIENT_ALPN], true, chacha).await.is_err(), "another cipher");
    assert!(member.clients.try_recv().is_err());
}

// Faults: X02
#[tokio::test]
async fn a_flood_of_handshakes_from_a_stranger_is_cut_off() {
    let slow = Limits { handshakes_per_second_max: 3, member_handshakes_max: 0, ..limits() };
    let (listener, address) = loopback();
    // No member's address is on loopback, so that we are strangers there.
    let members = vec![(1, "192.0.2.1:1".into()), (2, "192.0.2.2:1".into())];
    let member = Member::start(config(0, &members, slow), &key(1), listener);
    let mut refused = 0;
    for _ in 0..8 {
        if stranger(&address, &[tls::CLIENT_ALPN], true, |_| {}).await.is_err() {
            refused += 1;
        }
    }
    assert!(refused >= 2, "eight in well under two seconds, three allowed in each");
    assert_eq!(member.sender.refusals().1.unwrap(), "too many handshakes at once");
}
