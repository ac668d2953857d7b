//! Doors for fuzzers alone: readers of bytes that are part of no interface, and the HTTP side without a replica behind it.

use crate::archive::ArchivedBlock;
use crate::clock::Clock;
use crate::disk_watch::DiskWatch;
use crate::execution_thread::ExecutionJob;
use crate::handle::NodeHandle;
use crate::http::{self, AppRoutes};
use crate::shared::Shared;
use axum::Router;
use outvote_execution::Executor;
use outvote_session::CommitteeFile;
use outvote_types::{ReplicaId, decode, encode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast;

/// Reads the bytes of an archived block and writes it again.
#[must_use]
pub fn archived_block(bytes: &[u8]) -> Option<Vec<u8>> {
    decode::<ArchivedBlock>(bytes).ok().map(|block| encode(&block))
}

/// The HTTP side of a node that has executed what `executor` has, and never more.
pub struct HttpSide {
    router: Router,
    jobs: Receiver<ExecutionJob>,
    executor: Executor,
}

impl std::fmt::Debug for HttpSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpSide")
    }
}

impl HttpSide {
    /// With the application's routes. Must be called inside a tokio runtime.
    pub fn new(
        committee: CommitteeFile,
        executor: Executor,
        routes: impl FnOnce(&NodeHandle) -> AppRoutes,
    ) -> Self {
        let (execution, jobs) = channel();
        let watch = Arc::new(DiskWatch::new(Clock::start()));
        let shared = Arc::new(Shared::new(committee, ReplicaId(0), watch));
        let handle = NodeHandle { shared, execution, executed: broadcast::Sender::new(1) };
        let routes = routes(&handle);
        Self { router: http::router(&handle, routes, Vec::new()), jobs, executor }
    }

    /// Serves one connection as a node does, until it ends.
    pub fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
    ) -> impl Future<Output = ()> + use<S> {
        http::serve_stream(stream, self.router.clone(), Arc::new(AtomicBool::new(false)))
    }

    /// Answers the questions that wait for the executor, and says whether there were any.
    pub fn answer(&self) -> bool {
        let mut was_asked = false;
        while let Ok(job) = self.jobs.try_recv() {
            was_asked = true;
            match job {
                ExecutionJob::Query { question, answer, .. } => {
                    let found = self.executor.query(&question).ok();
                    answer(found.map(|found| (self.executor.executed(), found)));
                }
                ExecutionJob::Session { key, standing } => {
                    let found = self.executor.session(&key).ok();
                    standing(found.map(|found| (self.executor.executed(), found)));
                }
                _ => {}
            }
        }
        was_asked
    }
}
