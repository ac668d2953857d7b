//! What the links tell their consumer.

use outvote_types::ReplicaId;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One thing that happened on the links.
#[derive(Debug)]
pub enum LinkEvent {
    /// Both connections to this member work.
    Up(ReplicaId),
    /// One of them ended. What was queued may be lost.
    Down(ReplicaId),
    /// Two processes with this member's key live at once; the younger one was there just now, and was shown the proof (D27).
    Twins(ReplicaId),
    /// This process is the younger one of two with our key: it must end (D27).
    Younger {
        /// Who showed the proof.
        shown_by: ReplicaId,
        /// How much earlier the other one says that it was started, microseconds.
        earlier_us: u64,
    },
    /// Whole frames, in the order in which one connection brought them.
    Frames {
        /// The authenticated other end.
        peer: ReplicaId,
        /// Whether they came on the urgent connection.
        urgent: bool,
        /// The frames.
        frames: Vec<Vec<u8>>,
        /// Counts against the connection's bound until it is dropped: keep it until the frames are dealt with.
        budget: Budget,
    },
}

/// A hold on a connection's allowance of received and undigested bytes. While too much is held, nothing more is read.
#[derive(Debug)]
pub struct Budget {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Takes events. Called from network tasks: it must hand them over and return, never wait.
pub trait LinkSink: Send + Sync + 'static {
    /// Takes one event.
    fn on_link(&self, event: LinkEvent);
}

impl<F: Fn(LinkEvent) + Send + Sync + 'static> LinkSink for F {
    fn on_link(&self, event: LinkEvent) {
        self(event);
    }
}

/// The allowance of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    permits: Arc<Semaphore>,
    total: u32,
}

impl Allowance {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        Self { permits: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits until these bytes fit; more than the whole allowance counts as all of it, so that one long batch passes
    /// when everything before it is digested.
    pub(crate) async fn take(&self, bytes: usize) -> Budget {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).clamp(1, self.total);
        Budget { _permit: self.permits.clone().acquire_many_owned(wanted).await.ok() }
    }
}
