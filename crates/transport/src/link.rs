//! One authenticated connection between two members, from its greeting to its end.

use crate::dial::Stream;
use crate::error::TransportError;
use crate::event::LinkEvent;
use crate::frame::{FrameBuffer, write_frames};
use crate::hello::Class;
use crate::limits::WRITE_BATCH_BYTES;
use crate::links::Shared;
use outvote_types::ReplicaId;
use outvote_types::planted::{self, Bug};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves a connection where its class belongs, until it ends.
pub(crate) async fn serve(shared: &Arc<Shared>, peer: ReplicaId, class: Class, mut stream: Stream) {
    let Some(urgent) = shared.urgent.as_ref().filter(|_| class.is_urgent()) else {
        return run(shared, peer, class, stream).await;
    };
    let there = Arc::clone(shared);
    let serving = urgent.spawn(async move {
        match stream.get_mut().0.rehome() {
            Ok(()) => run(&there, peer, class, stream).await,
            Err(error) => tracing::warn!(%peer, %error, "a connection cannot be moved to its thread"),
        }
    });
    // Its thread ends only with the whole node.
    let _ = serving.await;
}

/// Moves frames both ways until the connection ends or a newer one replaces it.
async fn run(shared: &Shared, peer: ReplicaId, class: Class, stream: Stream) {
    let (generation, replaced) = shared.attach(peer, class);
    let (mut reader, mut writer) = tokio::io::split(stream);
    // Both directions at once: two members that only wrote to each other would wait for ever.
    let ended = tokio::select! {
        error = read(shared, peer, class, &mut reader) => error,
        error = write(shared, peer, class, &mut writer) => error,
        _ = replaced, if !planted::is_on(Bug::OldConnectionKept) => TransportError::Broken(io::Error::other("a newer connection took its place")),
        () = shared.stopped() => TransportError::Broken(io::Error::other("this node stops")),
    };
    tracing::debug!(%peer, ?class, %ended, "a link ended");
    shared.detach(peer, class, generation, &ended);
}

async fn read<R: AsyncRead + Unpin>(
    shared: &Shared,
    peer: ReplicaId,
    class: Class,
    reader: &mut R,
) -> TransportError {
    let limits = &shared.limits;
    let urgent = class.is_urgent();
    let mut buffer = FrameBuffer::new(if urgent { limits.urgent_frame_max } else { limits.bulk_frame_max });
    loop {
        let mut frames = Vec::new();
        match buffer.read_frames(reader, &mut frames).await {
            Ok(true) => {}
            Ok(false) => {
                let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "the other end closed it");
                return TransportError::Broken(ended);
            }
            Err(error) => return error,
        }
        if frames.is_empty() {
            continue;
        }
        let bytes = frames.iter().map(Vec::len).sum();
        // While the consumer holds too much, this waits, nothing more is read, and TCP slows the sender down.
        let budget = shared.allowance(peer, class).take(bytes).await;
        shared.sink.on_link(LinkEvent::Frames { peer, urgent, frames, budget });
    }
}

async fn write<W: AsyncWrite + Unpin>(
    shared: &Shared,
    peer: ReplicaId,
    class: Class,
    writer: &mut W,
) -> TransportError {
    let outbox = shared.outbox(peer, class);
    let (mut frames, mut scratch) = (Vec::new(), Vec::with_capacity(WRITE_BATCH_BYTES));
    loop {
        outbox.take(WRITE_BATCH_BYTES, &mut frames).await;
        let writing = write_frames(writer, &frames, &mut scratch);
        match tokio::time::timeout(shared.limits.stall_timeout, writing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return TransportError::Broken(error),
            // N13: a peer that reads a byte a second holds memory for ever; it is dropped.
            Err(_) => {
                let stalled = io::Error::new(io::ErrorKind::TimedOut, "the other end reads too slowly");
                return TransportError::Broken(stalled);
            }
        }
    }
}
