//! Frames over TCP: `length u32, id u64, kind u8, body`, little-endian. Many questions may wait on one connection; what waits
//! together is written together.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

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
const READ_BYTES: usize = 1 << 18;
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

    async fn read(from: &mut BufReader<OwnedReadHalf>) -> io::Result<Self> {
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

async fn write(mut half: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Frame>) {
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

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Frame>>>>;

fn locked(waiting: &Waiting) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Frame>>> {
    // A map stays valid even if a holder panicked.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The asking end of a connection.
#[derive(Clone, Debug)]
pub struct Connection {
    next: Arc<AtomicU64>,
    waiting: Waiting,
    frames: mpsc::UnboundedSender<Frame>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (read, half) = stream.into_split();
        let (frames, outgoing) = mpsc::unbounded_channel();
        let waiting = Waiting::default();
        tokio::spawn(write(half, outgoing));
        let answered = waiting.clone();
        tokio::spawn(async move {
            let mut read = BufReader::with_capacity(READ_BYTES, read);
            while let Ok(frame) = Frame::read(&mut read).await {
                if let Some(asker) = locked(&answered).remove(&frame.id) {
                    // An asker that lost patience is no trouble.
                    let _ = asker.send(frame);
                }
            }
            // Whoever waits learns by the dropped sender that no answer comes.
            locked(&answered).clear();
        });
        Ok(Self { next: Arc::default(), waiting, frames })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn ask(&self, kind: u8, body: Vec<u8>) -> io::Result<Frame> {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        locked(&self.waiting).insert(id, sender);
        if self.frames.send(Frame { id, kind, body }).is_err() {
            locked(&self.waiting).remove(&id);
            return Err(broken());
        }
        receiver.await.map_err(|_| broken())
    }
}

/// Answers every question of every connection, each in a task of its own.
///
/// # Errors
/// When the listener fails.
pub async fn serve<Answer, Answered>(listener: TcpListener, answer: Answer) -> io::Result<()>
where
    Answer: Fn(Frame) -> Answered + Clone + Send + 'static,
    Answered: Future<Output = (u8, Vec<u8>)> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (read, half) = stream.into_split();
        let (frames, outgoing) = mpsc::unbounded_channel();
        tokio::spawn(write(half, outgoing));
        let answer = answer.clone();
        tokio::spawn(async move {
            let mut read = BufReader::with_capacity(READ_BYTES, read);
            while let Ok(question) = Frame::read(&mut read).await {
                let (frames, id, answered) = (frames.clone(), question.id, answer(question));
                tokio::spawn(async move {
                    let (kind, body) = answered.await;
                    // Nobody waits any more if the connection is gone.
                    let _ = frames.send(Frame { id, kind, body });
                });
            }
        });
    }
}
