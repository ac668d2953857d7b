//! What waits to be written to a client, counted in bytes: a client that does not read is disconnected before it costs
//! much, and all of them together have a bound too.

use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::tasks::{mpsc, oneshot};
use outvote_types::planted::{self, Bug};
use std::convert::Infallible;

/// Bytes that wait for one client at most.
pub(crate) const CLIENT_BYTES_MAX: usize = 24 << 20;
/// Bytes that wait for all clients together at most; above it whoever has more than an even share is disconnected.
pub(crate) const ALL_CLIENTS_BYTES_MAX: usize = 64 << 20;
/// Bytes on the way to a follower above which its stream pauses.
pub(crate) const STREAM_BYTES_MAX: usize = 256 << 10;
/// Bytes on the way to a client above which it is not told again what it was told before: a crowd that repeats and reads slowly would
/// have the room of all.
const REPEATED_BYTES_MAX: usize = 16 << 10;
/// What a waiting frame costs besides its bytes.
const FRAME_OVERHEAD_BYTES: usize = 128;

/// An encoded message that waits; it counts until it is dropped.
pub(crate) struct Waiting {
    bytes: Arc<[u8]>,
    own: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Waiting {
    fn cost(&self) -> usize {
        self.bytes.len() + FRAME_OVERHEAD_BYTES
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.own.fetch_sub(self.cost(), Ordering::Relaxed);
        self.all.fetch_sub(self.cost(), Ordering::Relaxed);
    }
}

/// The threads' end of a client's queue. The queue has no bound of its own: the bytes in it have.
pub(crate) struct Outgoing {
    frames: mpsc::UnboundedSender<Waiting>,
    own: Arc<AtomicUsize>,
    is_paused: Arc<AtomicBool>,
    /// Dropped with the first hand on this end: [`GivenUp`] ends.
    _alive: Option<oneshot::Sender<Infallible>>,
}

/// The writer's end.
pub(crate) struct Drain {
    pub(crate) frames: mpsc::UnboundedReceiver<Waiting>,
    own: Arc<AtomicUsize>,
    is_paused: Arc<AtomicBool>,
}

/// Ends when the gateway drops its end: what still waits is not worth a wait for a client that does not read.
pub(crate) type GivenUp = oneshot::Receiver<Infallible>;

/// A queue for one client.
pub(crate) fn queue() -> (Outgoing, Drain, GivenUp) {
    let (sender, frames) = mpsc::unbounded_channel();
    let (alive, given_up) = oneshot::channel();
    let (own, is_paused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let outgoing = Outgoing {
        frames: sender,
        own: Arc::clone(&own),
        is_paused: Arc::clone(&is_paused),
        _alive: Some(alive),
    };
    (outgoing, Drain { frames, own, is_paused }, given_up)
}

impl Outgoing {
    /// Another hand on the same queue, for a second thread; the client is given up when the first one is dropped.
    pub(crate) fn twin(&self) -> Self {
        let (own, is_paused) = (Arc::clone(&self.own), Arc::clone(&self.is_paused));
        Self { frames: self.frames.clone(), own, is_paused, _alive: None }
    }

    /// Queues a message among `clients` of them; false if this client must be disconnected.
    pub(crate) fn push(&self, bytes: Vec<u8>, all: &Arc<AtomicUsize>, clients: usize) -> bool {
        let waiting = Waiting { bytes: bytes.into(), own: Arc::clone(&self.own), all: Arc::clone(all) };
        let own = self.own.fetch_add(waiting.cost(), Ordering::Relaxed) + waiting.cost();
        let total = all.fetch_add(waiting.cost(), Ordering::Relaxed) + waiting.cost();
        let is_greedy = total > ALL_CLIENTS_BYTES_MAX && own > ALL_CLIENTS_BYTES_MAX / clients.max(1);
        own <= CLIENT_BYTES_MAX && !is_greedy && self.frames.send(waiting).is_ok()
    }

    /// Whether the client has yet to read what it was told.
    pub(crate) fn is_behind(&self) -> bool {
        self.own.load(Ordering::Relaxed) >= REPEATED_BYTES_MAX
    }

    /// Whether so much is on its way that the stream should wait. The writer then says when it may go on.
    ///
    /// The mark is set and then the bytes are read; the writer lets bytes go and then reads the mark. At least one of them must
    /// see what the other one did, or the stream waits for ever. Release and acquire promise only that whoever sees a change
    /// sees what came before it, and not that anybody sees one: each could read what was there before (a processor keeps a
    /// store back while it reads on). Hence one order for all four (`SeqCst`): the bytes that keep the stream waiting were read
    /// before the writer, having let them go, read their number; so the mark was set before the writer looked for it.
    pub(crate) fn should_pause(&self) -> bool {
        if self.own.load(Ordering::Relaxed) < STREAM_BYTES_MAX {
            return false;
        }
        self.is_paused.store(true, Ordering::SeqCst);
        // The writer may have emptied the queue before it could see the mark.
        self.own.load(Ordering::SeqCst) >= STREAM_BYTES_MAX / 2 || planted::is_on(Bug::PausedUnseen)
    }
}

impl Drain {
    /// Whether a paused stream may go on now; true once per pause. To be asked after each time that bytes were let go.
    pub(crate) fn may_resume(&self) -> bool {
        if planted::is_on(Bug::MarkClearedEarly) {
            return self.is_paused.swap(false, Ordering::SeqCst)
                && self.own.load(Ordering::SeqCst) < STREAM_BYTES_MAX / 2;
        }
        self.own.load(Ordering::SeqCst) < STREAM_BYTES_MAX / 2 && self.is_paused.swap(false, Ordering::SeqCst)
    }
}
