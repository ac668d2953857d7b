//! The bounded queue of frames on their way to one connection. Never makes the sender wait.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::tasks::Notify;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};
use outvote_types::planted::{self, Bug};
use std::collections::VecDeque;

/// What a queued frame costs beside its bytes, so that empty ones are bounded too.
const FRAME_COST_BYTES: usize = 64;

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Arc<[u8]>>,
    bytes: usize,
    connected: bool,
}

/// A queue with a bound in bytes. Above it the oldest frames are dropped: the rules retransmit what still matters.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    dropped: AtomicU64,
    bytes_max: usize,
    idle_bytes_max: usize,
}

impl Outbox {
    /// Bounded by so many bytes while connected, and so many while not.
    #[must_use]
    pub fn new(bytes_max: usize, idle_bytes_max: usize) -> Self {
        let (queue, wake, dropped) = (Mutex::default(), Notify::new(), AtomicU64::new(0));
        Self { queue, wake, dropped, bytes_max, idle_bytes_max: idle_bytes_max.min(bytes_max) }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame, dropping the oldest ones if it does not fit. Never waits.
    pub fn push(&self, frame: Arc<[u8]>) {
        if planted::is_on(Bug::FrameAnnouncedEarly) {
            self.wake.notify_one();
        }
        let mut queue = self.lock();
        queue.bytes += frame.len() + FRAME_COST_BYTES;
        queue.frames.push_back(frame);
        self.shed(&mut queue);
        drop(queue);
        if !planted::is_on(Bug::FrameAnnouncedEarly) {
            self.wake.notify_one();
        }
    }

    fn shed(&self, queue: &mut Queue) {
        let bound = if queue.connected { self.bytes_max } else { self.idle_bytes_max };
        while queue.bytes > bound && !planted::is_on(Bug::OutboxUnbounded) {
            let dropped = if planted::is_on(Bug::NewestFrameDropped) {
                queue.frames.pop_back()
            } else {
                queue.frames.pop_front()
            };
            let Some(oldest) = dropped else { break };
            queue.bytes -= oldest.len() + FRAME_COST_BYTES;
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says whether a connection drains this queue now.
    pub fn set_connected(&self, connected: bool) {
        let mut queue = self.lock();
        queue.connected = connected;
        self.shed(&mut queue);
    }

    /// Waits for frames and takes about `bytes_max` of them, at least one.
    pub async fn take(&self, bytes_max: usize, frames: &mut Vec<Arc<[u8]>>) {
        frames.clear();
        loop {
            {
                let mut queue = self.lock();
                let mut taken = 0;
                while let Some(frame) = queue.frames.front() {
                    if taken > 0 && taken + frame.len() > bytes_max {
                        break;
                    }
                    taken += frame.len();
                    let Some(frame) = queue.frames.pop_front() else { break };
                    queue.bytes -= frame.len() + FRAME_COST_BYTES;
                    frames.push(frame);
                }
                if !queue.frames.is_empty() && !planted::is_on(Bug::WakeNotPassedOn) {
                    // Two connections take from it for a moment when a newer one replaces an older one. This one may have used up
                    // the mark of a frame that it leaves behind, and end before it takes that.
                    self.wake.notify_one();
                }
            }
            if !frames.is_empty() {
                return;
            }
            // A frame queued since the lock was let go has left its mark in `wake`, so it is not missed.
            self.wake.notified().await;
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Frames that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
