//! The asking end.

use crate::frame::{Frame, READ_BYTES, write};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

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
