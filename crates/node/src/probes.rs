//! Doors for fuzzers and tests alone: readers of bytes that are part of no interface, the HTTP side without a replica behind it,
//! and the state's database without an executor before it.

use crate::archive::{ArchiveChange, ArchivedBlock, Pending, rows};
use crate::backend::RedbBackend;
use crate::clock::Clock;
use crate::disk_watch::DiskWatch;
use crate::error::NodeError;
use crate::execution_thread::ExecutionJob;
use crate::handle::NodeHandle;
use crate::http::{self, AppRoutes};
use crate::shared::Shared;
use axum::Router;
use outvote_execution::{Backend, Executor};
use outvote_session::CommitteeFile;
use outvote_storage::{StateReader, StateStore};
use outvote_types::{ReplicaId, Sequence, decode, encode};
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

/// The database as a replica's executor has it, with nothing to archive.
///
/// # Errors
/// When the system has no thread left.
pub fn state_backend(store: StateStore) -> std::io::Result<Box<dyn Backend>> {
    let watch = Arc::new(DiskWatch::new(Clock::start()));
    Ok(Box::new(RedbBackend::new(store, Arc::new(Pending::default()), watch)?))
}

/// A row of the archive: table, key, and what it is to hold, if anything.
pub type ArchiveRow = ArchiveChange;

/// The rows that an archived block's bytes take.
#[must_use]
pub fn archived_rows(sequence: Sequence, bytes: Vec<u8>) -> Vec<ArchiveRow> {
    let mut changes = Vec::new();
    rows::write(sequence, bytes, &mut changes);
    changes
}

/// The deletions of an archived block's rows.
///
/// # Errors
/// When the database cannot be read, or is damaged.
pub fn deleted_rows(stored: &StateReader, sequence: Sequence) -> Result<Vec<ArchiveRow>, NodeError> {
    let mut changes = Vec::new();
    rows::remove(stored, sequence, &mut changes)?;
    Ok(changes)
}

/// An archived block's bytes.
///
/// # Errors
/// When the database cannot be read, or is damaged.
pub fn read_rows(stored: &StateReader, sequence: Sequence) -> Result<Option<Vec<u8>>, NodeError> {
    rows::read(stored, sequence)
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
