//! Frames on a stream: four bytes of length, little endian, and so many bytes.

use crate::error::TransportError;
use crate::limits::WRITE_BATCH_BYTES;
use bytes::{Buf as _, BytesMut};
use outvote_types::planted::{self, Bug};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes of a length field.
const HEADER_BYTES: usize = 4;
/// How much a lying length may make us reserve ahead of the bytes themselves.
const RESERVE_STEP_BYTES: usize = 64 * 1024;
/// A buffer that grew beyond this is given back when it is empty.
const KEEP_BYTES: usize = 256 * 1024;

/// Takes frames out of a stream of bytes, however it was cut.
#[derive(Debug)]
pub struct FrameBuffer {
    bytes: BytesMut,
    frame_max: usize,
}

impl FrameBuffer {
    /// For frames of at most so many bytes.
    #[must_use]
    pub fn new(frame_max: usize) -> Self {
        Self { bytes: BytesMut::new(), frame_max }
    }

    /// Appends bytes that came in.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// When a length is above the bound: the stream can never be understood again.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let Some(length) = self.bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let found = u32::from_le_bytes(*length);
        let length = usize::try_from(found)
            .ok()
            .filter(|length| *length <= self.frame_max || planted::is_on(Bug::FrameUnbounded))
            .ok_or(TransportError::FrameTooLong { found: u64::from(found), limit: self.frame_max })?;
        if self.bytes.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        self.bytes.advance(HEADER_BYTES);
        Ok(Some(self.bytes.split_to(length).to_vec()))
    }

    /// Reads once, then takes out all whole frames. `false` when the stream has ended between two frames.
    ///
    /// # Errors
    /// When the stream breaks, ends inside a frame, or holds a length above the bound.
    pub async fn read_frames<R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut R,
        frames: &mut Vec<Vec<u8>>,
    ) -> Result<bool, TransportError> {
        if self.bytes.is_empty() && self.bytes.capacity() > KEEP_BYTES {
            self.bytes = BytesMut::new();
        }
        self.bytes.reserve(RESERVE_STEP_BYTES);
        if reader.read_buf(&mut self.bytes).await? == 0 {
            let ended = "the other end closed it inside a frame";
            let whole = self.bytes.is_empty() || planted::is_on(Bug::FrameEndUnnoticed);
            return if whole {
                Ok(false)
            } else {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, ended).into())
            };
        }
        while let Some(frame) = self.next_frame()? {
            frames.push(frame);
        }
        Ok(true)
    }
}

/// Writes frames so that many small ones share one record and one system call.
///
/// # Errors
/// When the stream breaks, or a frame is longer than a length field can say.
pub async fn write_frames<W: AsyncWrite + Unpin, F: AsRef<[u8]>>(
    writer: &mut W,
    frames: &[F],
    scratch: &mut Vec<u8>,
) -> io::Result<()> {
    scratch.clear();
    for frame in frames {
        let frame = frame.as_ref();
        let length = u32::try_from(frame.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame above 4 GiB"))?;
        scratch.extend_from_slice(&length.to_le_bytes());
        if scratch.len() + frame.len() <= WRITE_BATCH_BYTES {
            scratch.extend_from_slice(frame);
        } else {
            writer.write_all(scratch).await?;
            scratch.clear();
            // A long frame is not copied first.
            writer.write_all(frame).await?;
        }
    }
    writer.write_all(scratch).await?;
    writer.flush().await
}
