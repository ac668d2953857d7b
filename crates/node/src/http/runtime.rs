//! Threads of the HTTP side's own.

use crate::error::NodeError;
use crate::priority;
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads at most: pages and their streams are light work.
const THREADS_MAX: usize = 4;

/// The runtime of the HTTP side. Its threads give way to the replica's own, so that a flood of questions uses what the protocol
/// leaves of the processor (B3).
pub(crate) struct HttpRuntime(Option<Runtime>);

impl HttpRuntime {
    pub(crate) fn new() -> Result<Self, NodeError> {
        let threads =
            thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, THREADS_MAX));
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("http")
            .on_thread_start(priority::give_way)
            .enable_all()
            .build();
        Ok(Self(Some(runtime.map_err(NodeError::Thread)?)))
    }

    /// Has this runtime, and no longer the one that made it, watch the socket.
    pub(crate) fn adopt(&self, socket: TcpListener) -> Result<TcpListener, NodeError> {
        let _inside = self.handle().map(Handle::enter);
        socket.into_std().and_then(TcpListener::from_std).map_err(NodeError::Socket)
    }

    /// Where its tasks are started; `None` once it has ended.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for HttpRuntime {
    fn drop(&mut self) {
        // Whoever drops it may be a task itself, which must not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
