//! The answering end.

use crate::frame::{Frame, READ_BYTES, write};
use std::future::Future;
use std::io;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

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
