//! One link: connect, move frames both ways, connect again.

use outvote_transport::{FrameReader, FrameWriter, Limits, TransportError, connect_client};
use outvote_types::client::ToClient;
use outvote_types::{PublicKey, ReplicaId, decode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Frames that wait for one link at most; more are dropped, and sent again by the session's own clocks.
const MAX_QUEUED_FRAMES: usize = 4096;
/// Frames written together at most.
const MAX_FRAMES_PER_WRITE: usize = 64;
/// The first pause before connecting again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause before connecting again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A link that lived this long was a good one: the next pause before connecting starts small again. One that a liar ends at
/// once must not cost this client a handshake at every turn.
const GOOD_LINK: Duration = Duration::from_secs(1);

/// An encoded message.
pub(crate) type Frame = Arc<[u8]>;

/// What a link tells the task that owns the pool.
pub(crate) enum LinkEvent {
    /// It is up; frames go in here until it is down.
    Up(ReplicaId, mpsc::Sender<Frame>),
    /// It is down, or could not be made.
    Down(ReplicaId, String),
    /// A message came.
    Message(ReplicaId, Box<ToClient>),
}

/// Keeps a link up for as long as somebody listens to `events`.
pub(crate) async fn serve(
    replica: ReplicaId,
    address: String,
    key: PublicKey,
    limits: Limits,
    events: mpsc::Sender<LinkEvent>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let why = match connect_client(&address, key, &limits).await {
            Ok((reader, writer)) => {
                let since = Instant::now();
                let (queue, frames) = mpsc::channel(MAX_QUEUED_FRAMES);
                if events.send(LinkEvent::Up(replica, queue)).await.is_err() {
                    return;
                }
                let why = tokio::select! {
                    why = read(replica, reader, &events) => why,
                    why = write(writer, frames) => why,
                };
                if since.elapsed() >= GOOD_LINK {
                    pause = FIRST_PAUSE;
                }
                why
            }
            Err(error) => error.to_string(),
        };
        tracing::debug!(replica = replica.0, %address, %why, "link down");
        if events.send(LinkEvent::Down(replica, why)).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = events.closed() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn read(replica: ReplicaId, mut reader: FrameReader, events: &mpsc::Sender<LinkEvent>) -> String {
    loop {
        let frame = match reader.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return "the replica closed the connection".into(),
            Err(error) => return error.to_string(),
        };
        match decode::<ToClient>(&frame) {
            Ok(message) => {
                if events.send(LinkEvent::Message(replica, Box::new(message))).await.is_err() {
                    return "nobody listens any more".into();
                }
            }
            Err(error) => return format!("the replica sent bytes that are no message: {error}"),
        }
    }
}

async fn write(mut writer: FrameWriter, mut frames: mpsc::Receiver<Frame>) -> String {
    let mut together = Vec::with_capacity(MAX_FRAMES_PER_WRITE);
    while frames.recv_many(&mut together, MAX_FRAMES_PER_WRITE).await > 0 {
        let sent: Result<(), TransportError> = writer.send(&together).await;
        if let Err(error) = sent {
            return error.to_string();
        }
        together.clear();
    }
    writer.close().await;
    "closed by this client".into()
}
