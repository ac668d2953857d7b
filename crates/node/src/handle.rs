//! What an application's routes may ask the node that they are served by.

use crate::archive::ArchivedBlock;
use crate::execution_thread::ExecutionJob;
use crate::report::Report;
use crate::shared::Shared;
use outvote_session::CommitteeFile;
use outvote_types::{Answer, PublicKey, ReplicaId, ResultKind, Sequence, WallTime};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use tokio::sync::{broadcast, oneshot, watch};

/// A cloneable handle to a running node.
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) execution: Sender<ExecutionJob>,
    pub(crate) executed: broadcast::Sender<Arc<ArchivedBlock>>,
}

impl std::fmt::Debug for NodeHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeHandle").field("me", &self.shared.me).finish_non_exhaustive()
    }
}

impl NodeHandle {
    /// This replica's index.
    #[must_use]
    pub fn me(&self) -> ReplicaId {
        self.shared.me
    }

    /// The committee and the members' addresses.
    #[must_use]
    pub fn committee(&self) -> &CommitteeFile {
        &self.shared.committee
    }

    /// The cluster as this replica sees it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.shared.report()
    }

    /// Wakes when the report changed.
    #[must_use]
    pub fn reports(&self) -> watch::Receiver<Report> {
        self.shared.subscribe()
    }

    /// Asks the application of this replica alone: one replica's word, to be checked by whoever relies on it. `None` while
    /// this replica repairs its state or stops.
    pub async fn query(&self, question: Vec<u8>) -> Option<(Sequence, Answer)> {
        let (sender, receiver) = oneshot::channel();
        let answer = Box::new(move |answer| {
            let _ = sender.send(answer);
        });
        self.execution.send(ExecutionJob::Query { question, min_sequence: Sequence(0), answer }).ok()?;
        receiver.await.ok().flatten()
    }

    /// Where a session stands at this replica: the next nonce that will be executed.
    pub async fn next_nonce(&self, session: PublicKey) -> Option<outvote_types::Nonce> {
        let (sender, receiver) = oneshot::channel();
        let standing = Box::new(move |standing| {
            let _ = sender.send(standing);
        });
        self.execution.send(ExecutionJob::Session { key: session, standing }).ok()?;
        receiver.await.ok().flatten().map(|(_, standing)| standing.next)
    }

    /// Executed blocks as they come. A receiver that lags is told how many it missed.
    #[must_use]
    pub fn executed(&self) -> ExecutedBlocks {
        ExecutedBlocks(self.executed.subscribe())
    }
}

/// Executed blocks as they come.
#[derive(Debug)]
pub struct ExecutedBlocks(broadcast::Receiver<Arc<ArchivedBlock>>);

impl ExecutedBlocks {
    /// The next block; `Some(Err(n))` if `n` were missed, `None` when the node stops.
    pub async fn next(&mut self) -> Option<Result<ExecutedBlock, u64>> {
        match self.0.recv().await {
            Ok(block) => Some(Ok(ExecutedBlock(block))),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Err(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// One executed block.
#[derive(Clone, Debug)]
pub struct ExecutedBlock(Arc<ArchivedBlock>);

/// One executed operation of it.
#[derive(Clone, Copy, Debug)]
pub struct ExecutedResult<'a> {
    /// Its place among the block's results.
    pub position: u32,
    /// Who wrote it.
    pub author: PublicKey,
    /// What became of it.
    pub kind: ResultKind,
    /// The application's answer.
    pub answer: &'a Answer,
}

impl ExecutedBlock {
    /// The block's place.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.0.sequence()
    }

    /// The agreed time.
    #[must_use]
    pub fn time(&self) -> WallTime {
        self.0.header().time
    }

    /// What came of its operations, in order.
    pub fn results(&self) -> impl Iterator<Item = ExecutedResult<'_>> {
        self.0.results.iter().zip(0u32..).map(|(result, position)| ExecutedResult {
            position,
            author: result.author,
            kind: result.leaf.kind,
            answer: &result.answer,
        })
    }
}
