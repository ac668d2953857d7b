//! Whoever works for a replica is watched: when one of them fails or panics, all of it ends. There is no half-alive state.

use crate::error::NodeError;
use futures_util::FutureExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::runtime::Handle;

/// Starts threads and tasks, and hears of the first thing that goes wrong in each.
#[derive(Clone)]
pub(crate) struct Watch {
    on_failure: Arc<dyn Fn(NodeError) + Send + Sync>,
}

impl Watch {
    /// Calls this, on the thread or task that failed, with what ended it.
    pub(crate) fn new(on_failure: impl Fn(NodeError) + Send + Sync + 'static) -> Self {
        Self { on_failure: Arc::new(on_failure) }
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn thread(
        &self,
        name: &str,
        body: impl FnOnce() -> Result<(), NodeError> + Send + 'static,
    ) -> Result<JoinHandle<()>, NodeError> {
        self.thread_of(name, (), |()| body())
    }

    /// Starts a thread that works on `own`, which is let go of only when its failure has been heard of: letting go may have to
    /// wait for a disk that never finishes.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn thread_of<T: Send + 'static>(
        &self,
        name: &str,
        mut own: T,
        body: impl FnOnce(&mut T) -> Result<(), NodeError> + Send + 'static,
    ) -> Result<JoinHandle<()>, NodeError> {
        let watch = self.clone();
        let run = move || {
            // What the body leaves behind is never looked at again: the replica ends.
            match catch_unwind(AssertUnwindSafe(|| body(&mut own))) {
                Ok(Ok(())) => {}
                // D20: a failed write or flush stops the node.
                Ok(Err(error)) => (watch.on_failure)(error),
                Err(_) => (watch.on_failure)(NodeError::Panicked),
            }
            drop(own);
        };
        thread::Builder::new().name(name.into()).spawn(run).map_err(NodeError::Thread)
    }

    /// Starts a task on this runtime. Whoever aborts it hears nothing of it.
    pub(crate) fn task(
        &self,
        runtime: &Handle,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let watch = self.clone();
        runtime.spawn(async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                (watch.on_failure)(NodeError::Panicked);
            }
        })
    }
}
