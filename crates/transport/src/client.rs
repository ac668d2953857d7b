//! Connections between a client and a member, seen from either side: frames in, frames out.

use crate::admission::ClientPlace;
use crate::dial::{Stream, dial, secure};
use crate::error::TransportError;
use crate::frame::{FrameBuffer, write_frames};
use crate::limits::Limits;
use crate::tls::ClientSide;
use outvote_types::PublicKey;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

/// A client that came through the listener. It has shown no key: what it signs proves who it is.
#[derive(Debug)]
pub struct ClientConnection {
    /// Where it comes from.
    pub remote: SocketAddr,
    /// What it says.
    pub reader: FrameReader,
    /// What it is told.
    pub writer: FrameWriter,
}

impl ClientConnection {
    pub(crate) fn new(
        remote: SocketAddr,
        stream: Stream,
        place: Option<ClientPlace>,
        limits: &Limits,
    ) -> Self {
        let (reader, writer) = halves(stream, place, limits);
        Self { remote, reader, writer }
    }
}

fn halves(stream: Stream, place: Option<ClientPlace>, limits: &Limits) -> (FrameReader, FrameWriter) {
    let place = place.map(Arc::new);
    let (reader, writer) = tokio::io::split(stream);
    let reader = FrameReader {
        reader,
        buffer: FrameBuffer::new(limits.bulk_frame_max),
        ready: VecDeque::new(),
        scratch: Vec::new(),
        _place: place.clone(),
    };
    (reader, FrameWriter { writer, scratch: Vec::new(), stall: limits.stall_timeout, _place: place })
}

/// Frames that come in.
pub struct FrameReader {
    reader: ReadHalf<Stream>,
    buffer: FrameBuffer,
    ready: VecDeque<Vec<u8>>,
    scratch: Vec<Vec<u8>>,
    _place: Option<Arc<ClientPlace>>,
}

impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}

impl FrameReader {
    /// The next frame; `None` when the other end closed the connection between two frames. May be cancelled and called
    /// again without losing a byte.
    ///
    /// # Errors
    /// When the connection breaks, or a frame is longer than allowed.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        while self.ready.is_empty() {
            let open = self.buffer.read_frames(&mut self.reader, &mut self.scratch).await;
            self.ready.extend(self.scratch.drain(..));
            if !open? {
                break;
            }
        }
        Ok(self.ready.pop_front())
    }
}

/// Frames that go out.
pub struct FrameWriter {
    writer: WriteHalf<Stream>,
    scratch: Vec<u8>,
    stall: Duration,
    _place: Option<Arc<ClientPlace>>,
}

impl fmt::Debug for FrameWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameWriter")
    }
}

impl FrameWriter {
    /// Writes these frames, joined where they are small. Not to be cancelled: half a frame would be on its way.
    ///
    /// # Errors
    /// When the connection breaks, or the other end reads too slowly.
    pub async fn send<F: AsRef<[u8]>>(&mut self, frames: &[F]) -> Result<(), TransportError> {
        let writing = write_frames(&mut self.writer, frames, &mut self.scratch);
        match tokio::time::timeout(self.stall, writing).await {
            Ok(written) => Ok(written?),
            Err(_) => {
                let stalled = io::Error::new(io::ErrorKind::TimedOut, "the other end reads too slowly");
                Err(TransportError::Broken(stalled))
            }
        }
    }

    /// Says goodbye, so that the other end sees an end and not a break.
    pub async fn close(&mut self) {
        // A connection that is broken already needs no goodbye.
        let _ = tokio::time::timeout(self.stall, self.writer.shutdown()).await;
    }
}

/// Connects a client to the member that owns the link key `expected`, and to nobody else.
///
/// # Errors
/// When nobody, somebody else or something else answers; each error names the address and the cure.
pub async fn connect_client(
    address: &str,
    expected: PublicKey,
    limits: &Limits,
) -> Result<(FrameReader, FrameWriter), TransportError> {
    let side = ClientSide::new(expected, None)?;
    in_time(address, limits, dial(address, &side, None, limits)).await
}

/// The same over a TCP connection that stands already: for whoever chose where it comes from. `address` is for errors alone.
///
/// # Errors
/// See [`connect_client`].
pub async fn connect_client_over(
    socket: TcpStream,
    address: &str,
    expected: PublicKey,
    limits: &Limits,
) -> Result<(FrameReader, FrameWriter), TransportError> {
    let side = ClientSide::new(expected, None)?;
    in_time(address, limits, secure(socket, address, &side, None, limits)).await
}

async fn in_time(
    address: &str,
    limits: &Limits,
    dialling: impl Future<Output = Result<Stream, TransportError>>,
) -> Result<(FrameReader, FrameWriter), TransportError> {
    let stream = tokio::time::timeout(limits.handshake_timeout, dialling).await.map_err(|_| {
        let limit_ms = u64::try_from(limits.handshake_timeout.as_millis()).unwrap_or(u64::MAX);
        TransportError::Deadline { address: address.into(), limit_ms }
    })??;
    Ok(halves(stream, None, limits))
}
