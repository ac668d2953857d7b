//! Doors for fuzzers alone: both ends of a handshake without sockets.

use crate::key::LinkKey;
use crate::tls::{ClientSide, REPLICA_ALPN, ServerSide};
use outvote_types::PublicKey;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{ClientConnection, ServerConnection};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};

/// Both ends' configurations.
#[derive(Debug)]
pub struct Handshakes {
    listens: ServerSide,
    dials: ClientSide,
}

impl Handshakes {
    /// Of a member with this key, among these.
    ///
    /// # Errors
    /// When TLS does not take the key.
    pub fn new(key: &LinkKey, members: &[PublicKey]) -> Result<Self, rustls::Error> {
        let expected = members.first().copied().unwrap_or_default();
        Ok(Self { listens: ServerSide::new(key, members)?, dials: ClientSide::new(expected, Some(key))? })
    }

    /// The first bytes of one that dials.
    #[must_use]
    pub fn hello(&self) -> Vec<u8> {
        let mut hello = Vec::new();
        if let Some(mut connection) = self.dialled() {
            // Writing to a vector cannot fail.
            let _ = connection.write_tls(&mut hello);
        }
        hello
    }

    /// Gives a stranger's bytes to one that listens, as its listener does; says whether the stranger got in.
    #[must_use]
    pub fn listen(&self, bytes: &[u8]) -> bool {
        let (mut acceptor, mut rest) = (Acceptor::default(), bytes);
        while !rest.is_empty() {
            if acceptor.read_tls(&mut rest).is_err() {
                return false;
            }
            let Ok(accepted) = acceptor.accept() else { return false };
            let Some(accepted) = accepted else { continue };
            let is_member =
                accepted.client_hello().alpn().is_some_and(|mut all| all.any(|one| one == REPLICA_ALPN));
            let config = if is_member { &self.listens.replicas } else { &self.listens.clients };
            let Ok(connection) = accepted.into_connection(config.clone()) else { return false };
            return listened(connection, rest);
        }
        false
    }

    /// Gives a stranger's bytes to one that dials; says whether it takes the stranger for the expected member.
    #[must_use]
    pub fn dial(&self, bytes: &[u8]) -> bool {
        let Some(mut connection) = self.dialled() else { return false };
        let mut rest = bytes;
        while !rest.is_empty() {
            if connection.read_tls(&mut rest).is_err() || connection.process_new_packets().is_err() {
                return false;
            }
        }
        !connection.is_handshaking()
    }

    fn dialled(&self) -> Option<ClientConnection> {
        let name = ServerName::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        ClientConnection::new(self.dials.config.clone(), name).ok()
    }
}

fn listened(mut connection: ServerConnection, mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        if connection.read_tls(&mut rest).is_err() || connection.process_new_packets().is_err() {
            return false;
        }
        // What was said is taken out, as a reader would.
        let _ = connection.reader().read(&mut [0; 4096]);
    }
    !connection.is_handshaking()
}
