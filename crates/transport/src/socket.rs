//! A TCP socket under TLS: tuned, counted until its other end is authenticated, and read in large pieces.

use crate::error::TransportError;
use crate::limits::{Limits, MAX_UNAUTHENTICATED_BYTES};
use std::io::{self, ErrorKind, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What is read at once while nobody is authenticated.
const STRANGER_READ_BYTES: usize = 4 * 1024;
/// TCP asks whether a silent other end still lives after this long, and then as often.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// A socket with its read buffer. TLS asks for 4 KiB at a time, and a system call for each would cost more than the
/// copy.
#[derive(Debug)]
pub struct Socket {
    inner: TcpStream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// How much may still come in before authentication; `None` once that is done.
    allowance: Option<usize>,
}

impl Socket {
    /// Takes a connected socket, whose other end is a stranger.
    ///
    /// # Errors
    /// When the system refuses an option, because the connection has ended already.
    pub fn new(inner: TcpStream, limits: &Limits) -> io::Result<Self> {
        // A vote must not wait for the acknowledgement of the one before it.
        inner.set_nodelay(true)?;
        let options = socket2::SockRef::from(&inner);
        let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
        options.set_tcp_keepalive(&keepalive)?;
        // N11: what is not acknowledged for this long ends the connection; a black hole sends no reset.
        #[cfg(target_os = "linux")]
        options.set_tcp_user_timeout(Some(limits.user_timeout))?;
        #[cfg(not(target_os = "linux"))]
        let _ = limits;
        let buffer = vec![0; STRANGER_READ_BYTES].into_boxed_slice();
        Ok(Self { inner, buffer, start: 0, end: 0, allowance: Some(MAX_UNAUTHENTICATED_BYTES) })
    }

    /// The other end is known now: no more counting, and larger reads.
    pub fn trust(&mut self, read_bytes: usize) {
        self.allowance = None;
        let mut buffer = vec![0; read_bytes.max(self.end - self.start)].into_boxed_slice();
        buffer[..self.end - self.start].copy_from_slice(&self.buffer[self.start..self.end]);
        (self.end, self.start, self.buffer) = (self.end - self.start, 0, buffer);
    }

    /// Bounds what the system holds of this connection in each direction (twice as much, with what it costs to hold it).
    ///
    /// # Errors
    /// When the connection has ended already.
    pub fn bound(&self, bytes: usize) -> io::Result<()> {
        let options = socket2::SockRef::from(&self.inner);
        options.set_recv_buffer_size(bytes)?;
        options.set_send_buffer_size(bytes)
    }

    /// Has this runtime, and no longer the one that made it, watch the socket.
    ///
    /// # Errors
    /// When the system has no file descriptor left.
    pub fn rehome(&mut self) -> io::Result<()> {
        let twin = self.inner.as_fd().try_clone_to_owned()?;
        self.inner = TcpStream::from_std(twin.into())?;
        Ok(())
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut room))?;
        (self.start, self.end) = (0, room.filled().len());
        if let Some(allowance) = self.allowance.as_mut() {
            *allowance = allowance.checked_sub(self.end).ok_or_else(|| {
                io::Error::new(ErrorKind::InvalidData, "too much was sent before authentication")
            })?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.end {
            ready!(this.poll_fill(cx))?;
        }
        let count = out.remaining().min(this.end - this.start);
        out.put_slice(&this.buffer[this.start..this.start + count]);
        this.start += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, slices)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// Listens at an address.
///
/// # Errors
/// When the port is in use, or the system does not let us.
pub fn bind(address: SocketAddr) -> Result<TcpListener, TransportError> {
    let listener = TcpListener::bind(address).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => TransportError::PortInUse { address },
        _ => TransportError::Bind { address, source },
    })?;
    listener.set_nonblocking(true).map_err(|source| TransportError::Bind { address, source })?;
    Ok(listener)
}
