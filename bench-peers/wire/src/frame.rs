//! Frames, and how they are read and written.

use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

/// A client's operation.
pub const PUT: u8 = 0;
/// A client asks who leads; the answer's body is the leader's number, one byte.
pub const WHO_LEADS: u8 = 1;
/// The first kind that is the members' own affair.
pub const OWN: u8 = 16;
/// An answer: done.
pub const DONE: u8 = 0;
/// An answer: not done, by this member at least.
pub const NOT_DONE: u8 = 1;

/// Bytes of a frame at most.
const FRAME_MAX: usize = 64 << 20;
/// Bytes that are read at once.
pub(crate) const READ_BYTES: usize = 1 << 18;
/// Bytes that are written at once, about.
const WRITE_BYTES: usize = 1 << 18;

/// A question or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The same in a question and its answer.
    pub id: u64,
    /// What it is.
    pub kind: u8,
    /// The rest.
    pub body: Vec<u8>,
}

impl Frame {
    fn encode(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.body.len() + 9).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.push(self.kind);
        out.extend_from_slice(&self.body);
    }

    pub(crate) async fn read(from: &mut BufReader<OwnedReadHalf>) -> io::Result<Self> {
        let length = from.read_u32_le().await? as usize;
        if !(9..=FRAME_MAX).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame of a forbidden length"));
        }
        let (id, kind) = (from.read_u64_le().await?, from.read_u8().await?);
        let mut body = vec![0; length - 9];
        from.read_exact(&mut body).await?;
        Ok(Self { id, kind, body })
    }
}

pub(crate) async fn write(mut half: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Frame>) {
    let mut bytes = Vec::with_capacity(WRITE_BYTES);
    while let Some(frame) = frames.recv().await {
        bytes.clear();
        frame.encode(&mut bytes);
        while bytes.len() < WRITE_BYTES
            && let Ok(frame) = frames.try_recv()
        {
            frame.encode(&mut bytes);
        }
        if half.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
