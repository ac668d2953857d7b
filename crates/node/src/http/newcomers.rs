//! Connections that have not sent a request's head yet: the first to give way when all places are taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::AbortHandle;

struct Newcomer {
    task: AbortHandle,
    has_spoken: Arc<AtomicBool>,
}

/// They come in order of their age, among others that have spoken or ended meanwhile.
pub(crate) struct Newcomers {
    queue: VecDeque<Newcomer>,
    max: usize,
}

impl Newcomers {
    /// For so many connections at once at most.
    pub(crate) fn new(max: usize) -> Self {
        Self { queue: VecDeque::new(), max }
    }

    /// Takes note of a connection that sets this flag with its first request.
    pub(crate) fn add(&mut self, task: AbortHandle, has_spoken: Arc<AtomicBool>) {
        if self.queue.len() >= self.max {
            self.queue.retain(Newcomer::is_one);
        }
        self.queue.push_back(Newcomer { task, has_spoken });
    }

    /// Ends the oldest one, if there is any.
    pub(crate) fn dismiss_oldest(&mut self) {
        while let Some(oldest) = self.queue.pop_front() {
            if oldest.is_one() {
                return oldest.task.abort();
            }
        }
    }
}

impl Newcomer {
    fn is_one(&self) -> bool {
        !self.has_spoken.load(Ordering::Relaxed) && !self.task.is_finished()
    }
}
