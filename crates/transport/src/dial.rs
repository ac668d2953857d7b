//! Dialling: TCP, TLS, and an error that says what stands at the other end instead.

use crate::error::{TransportError, key_text};
use crate::limits::Limits;
use crate::socket::Socket;
use crate::tls::ClientSide;
use outvote_types::PublicKey;
use rustls::pki_types::ServerName;
use std::io;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

/// A stream under TLS, whichever side dialled.
pub(crate) type Stream = TlsStream<Socket>;
/// Read at once on a link between members.
pub(crate) const LINK_READ_BYTES: usize = 64 * 1024;
/// Read at once on a client's connection: there may be thousands.
pub(crate) const CLIENT_READ_BYTES: usize = 16 * 1024;

/// Connects and authenticates the other end. The caller bounds the time.
pub(crate) async fn dial(
    address: &str,
    side: &ClientSide,
    ours: Option<PublicKey>,
    limits: &Limits,
) -> Result<Stream, TransportError> {
    let socket = TcpStream::connect(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::InvalidInput => {
            TransportError::BadAddress { address: address.into(), why: source.to_string() }
        }
        _ => TransportError::Unreachable { address: address.into(), source },
    })?;
    secure(socket, address, side, ours, limits).await
}

/// Authenticates the other end of a connection that stands already. The caller bounds the time.
pub(crate) async fn secure(
    socket: TcpStream,
    address: &str,
    side: &ClientSide,
    ours: Option<PublicKey>,
    limits: &Limits,
) -> Result<Stream, TransportError> {
    let unreachable = |source| TransportError::Unreachable { address: address.into(), source };
    let socket = Socket::new(socket, limits).map_err(unreachable)?;
    // The name is never sent nor looked at: the key is what counts.
    let name = ServerName::try_from("outvote")
        .map_err(|error| TransportError::BadAddress { address: address.into(), why: error.to_string() })?;
    let mut stream = TlsConnector::from(side.config.clone())
        .connect(name, socket)
        .await
        .map_err(|error| explain(address, side, ours, error))?;
    let read_bytes = if ours.is_some() { LINK_READ_BYTES } else { CLIENT_READ_BYTES };
    stream.get_mut().0.trust(read_bytes);
    Ok(TlsStream::Client(stream))
}

/// What a failed handshake means to a person.
pub(crate) fn explain(
    address: &str,
    side: &ClientSide,
    ours: Option<PublicKey>,
    error: io::Error,
) -> TransportError {
    let address = address.to_owned();
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => TransportError::WrongKey {
            address,
            expected: side.expected.to_hex(),
            found: key_text(side.pinned.take_refused()),
        },
        Some(rustls::Error::AlertReceived(alert)) => {
            TransportError::Refused { address, ours: key_text(ours), why: format!("{alert:?}") }
        }
        Some(other) => TransportError::NotOurs { address, why: other.to_string() },
        None => TransportError::NotOurs { address, why: error.to_string() },
    }
}
