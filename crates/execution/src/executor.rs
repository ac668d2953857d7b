//! Executes committed blocks, one after the other.

use crate::application::Application;
use crate::backend::{Backend, BackendError, Writes};
use crate::checkpoint::{CheckpointState, Checkpoints};
use crate::error::ExecutionError;
use crate::hash_memo::HashMemo;
use crate::layout;
use crate::result::BlockResult;
use crate::run::{Run, ask};
use crate::session::SessionStanding;
use crate::session_cache::SessionCache;
use crate::store::Store;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::planted::{self, Bug};
use outvote_types::{
    Answer, Block, CheckpointCertificate, Committee, Data, Digest, Fetch, Parameters, PayloadLeaf, PublicKey,
    Sequence, SignedHeader, decode, encode, merkle,
};
use std::sync::Arc;

/// The format of the state in the backend.
const FORMAT: u32 = 2;

/// How an [`Executor`] works. The first two must be the same on all replicas.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorConfig {
    /// The identity of the block before the first one.
    pub genesis: Digest,
    /// When checkpoints are due.
    pub parameters: Parameters,
    /// Whether each operation runs twice, to find an application that is not deterministic. Costs half the speed.
    pub execute_twice: bool,
    /// Whether a restart begins at one of the latest checkpoints, as a rule no later than the last stable one, so that its snapshot
    /// is there for peers again (C6). Needed where blocks are given up; each start executes some blocks again for it.
    pub restarts_at_checkpoint: bool,
    /// Whether nothing else in this home belongs to a cluster yet: then a state that has executed nothing may change its own.
    pub is_home_blank: bool,
}

impl ExecutorConfig {
    /// What this committee agreed on. Operations run twice in debug builds.
    #[must_use]
    pub fn new(committee: &Committee) -> Self {
        Self {
            genesis: committee.genesis_id(),
            parameters: committee.parameters,
            execute_twice: cfg!(debug_assertions),
            restarts_at_checkpoint: false,
            is_home_blank: false,
        }
    }
}

/// How far the state in the backend has come; written in the same commit as the state (E11).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Executed {
    pub(crate) sequence: Sequence,
    pub(crate) id: Digest,
    /// `None` at genesis.
    pub(crate) header: Option<SignedHeader>,
    /// Bytes of the blocks since the last checkpoint (C1): 0 at genesis and at a checkpoint, and nowhere else.
    pub(crate) bytes: u64,
}

impl Executed {
    /// A checkpoint that was fetched from peers.
    pub(crate) fn at_checkpoint(header: SignedHeader) -> Self {
        // C1: the count begins anew there for everybody.
        Self { sequence: header.body.sequence, id: header.body.id(), header: Some(header), bytes: 0 }
    }

    /// After the next block, and whether a checkpoint is due there.
    fn next(&self, id: Digest, header: &SignedHeader, parameters: &Parameters) -> (Self, bool) {
        let sequence = header.body.sequence;
        let bytes = self.bytes.saturating_add(header.body.block_bytes());
        let is_due = parameters.is_checkpoint(sequence, bytes);
        let bytes = if is_due && !planted::is_on(Bug::BytesSinceCheckpointKept) { 0 } else { bytes };
        (Self { sequence, id, header: Some(header.clone()), bytes }, is_due)
    }

    pub(crate) const fn is_checkpoint(&self) -> bool {
        self.sequence.0 > 0 && self.bytes == 0
    }
}

/// The application, its state and the clients' sessions on one replica.
///
/// Not a thread of its own: whoever owns it calls [`execute`](Self::execute) for each committed block in order, and
/// [`begin_flush`](Self::begin_flush) when [`unflushed_bytes`](Self::unflushed_bytes) reaches some MiB. What is not durable is
/// executed again after a restart, from the log, to the same state.
pub struct Executor {
    pub(crate) store: Store,
    pub(crate) sessions: SessionCache,
    application: Box<dyn Application>,
    pub(crate) config: ExecutorConfig,
    pub(crate) executed: Executed,
    /// The last block whose effects are durable.
    pub(crate) flushed: Sequence,
    /// What the flush under way will have made durable: the last block in it, and whether that is a checkpoint.
    pub(crate) flushing: Option<(Sequence, bool)>,
    pub(crate) checkpoints: Checkpoints,
    /// The checkpoint of a state transfer that began and did not end.
    pub(crate) installing: Option<CheckpointCertificate>,
    /// Whether the backend has a mark: what was here before that transfer, so that it can be put back, or without one the last
    /// stable checkpoint.
    pub(crate) is_marked: bool,
    /// The checkpoint that is marked, while no transfer is under way.
    pub(crate) marked_at: Option<Sequence>,
    /// Checkpoints that were flushed since.
    pub(crate) marked_age: u32,
    /// Whether what is durable is a checkpoint.
    pub(crate) is_flushed_checkpoint: bool,
    /// A transfer ended, and the next commit forgets that.
    pub(crate) is_installed: bool,
    is_stopped: bool,
}

impl Executor {
    /// Opens a state, or begins one in an empty backend.
    ///
    /// # Errors
    /// When the backend fails, is damaged, or belongs to another cluster or a newer program.
    pub fn open(
        backend: Box<dyn Backend>,
        application: Box<dyn Application>,
        config: ExecutorConfig,
    ) -> Result<Self, ExecutionError> {
        Self::open_with(backend, application, config, HashMemo::default())
    }

    /// As [`open`](Self::open), and shares what is hashed with others in this process.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        mut backend: Box<dyn Backend>,
        application: Box<dyn Application>,
        config: ExecutorConfig,
        memo: HashMemo,
    ) -> Result<Self, ExecutionError> {
        check_identity(&mut *backend, &config)?;
        let mut installing = read(&*backend, layout::INSTALLING, "the mark of a state transfer")?;
        if planted::is_on(Bug::TornTransferTrusted) {
            installing = None;
        }
        let is_marked = go_back_to_checkpoint(&mut *backend, installing.is_some())?;
        let is_installed = backend.get(layout::INSTALLED)?.is_some();
        let mut executed = read_executed(&*backend, &config)?;
        if planted::is_on(Bug::CheckpointBytesForgotten) {
            executed.bytes = 0;
        }
        let store =
            Store::open(backend, memo)?.ok_or(ExecutionError::Damaged { what: "a bucket's digest" })?;
        let mut executor = Self {
            store,
            sessions: SessionCache::default(),
            application,
            config,
            flushed: executed.sequence,
            flushing: None,
            is_flushed_checkpoint: executed.is_checkpoint(),
            executed,
            checkpoints: Checkpoints::default(),
            installing,
            is_marked,
            marked_at: None,
            marked_age: 0,
            is_installed,
            is_stopped: false,
        };
        if executor.executed.is_checkpoint() && executor.installing.is_none() {
            executor.take_snapshot()?;
        }
        Ok(executor)
    }

    /// Executes the next block. Its batches and their signatures were checked before it was voted for.
    ///
    /// Where a checkpoint is due (C1) the state is flushed, a snapshot of it is kept for peers that catch up, and its
    /// root is in the result.
    ///
    /// # Errors
    /// When the block is not the next one, a state transfer is under way, or the database fails. Nothing in the block's
    /// operations is an error.
    pub fn execute(&mut self, block: &Block) -> Result<BlockResult, ExecutionError> {
        self.execute_and(block, |_| ())
    }

    /// As [`execute`](Self::execute), and shows the result to `before_checkpoint` before a checkpoint's flush, so that what
    /// the caller keeps of it can go into the same commit. The state root is not known then.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_and(
        &mut self,
        block: &Block,
        before_checkpoint: impl FnOnce(&BlockResult),
    ) -> Result<BlockResult, ExecutionError> {
        self.check_next(block)?;
        self.is_settled()?;
        // Until the block is through, the overlay holds a part of it.
        self.is_stopped = true;
        let header = &block.header.body;
        let mut run = Run {
            store: &mut self.store,
            sessions: &mut self.sessions,
            application: &*self.application,
            execute_twice: self.config.execute_twice,
            sequence: header.sequence,
            time: header.time,
            results: Vec::new(),
            alarms: Vec::new(),
        };
        let mut payload_leaves = Vec::new();
        // E1: in the order of the block.
        for request in block.batches.iter().flat_map(|batch| batch.requests.iter()) {
            let mut digest = None;
            for leaf in PayloadLeaf::of_request(request) {
                digest = Some(leaf.request);
                payload_leaves.push(leaf.digest());
            }
            run.request(&request.body, digest.unwrap_or_else(|| request.digest()))?;
        }
        let (results, alarms) = (run.results, run.alarms);
        let leaves: Vec<Digest> = results.iter().map(|result| result.leaf.digest()).collect();
        let id = header.id();
        let (executed, is_checkpoint) = self.executed.next(id, &block.header, &self.config.parameters);
        self.executed = executed;
        self.is_stopped = false;
        let mut result = BlockResult {
            sequence: header.sequence,
            id,
            result_root: merkle::root(&leaves),
            results,
            leaves,
            payload_leaves,
            state_root: None,
            alarms,
        };
        before_checkpoint(&result);
        if is_checkpoint {
            result.state_root = Some(self.checkpoint()?);
        }
        Ok(result)
    }

    pub(crate) fn refuse_if_stopped(&self) -> Result<(), ExecutionError> {
        if self.is_stopped { Err(ExecutionError::Stopped) } else { Ok(()) }
    }

    /// D20: after a failure nobody knows what memory and disk hold, so nothing more is done here.
    pub(crate) fn stop_on_error<T, E>(&mut self, result: Result<T, E>) -> Result<T, E> {
        self.is_stopped |= result.is_err();
        result
    }

    fn refuse_if_unreadable(&self) -> Result<(), ExecutionError> {
        self.refuse_if_stopped()?;
        if self.installing.is_some() { Err(ExecutionError::Installing) } else { Ok(()) }
    }

    fn check_next(&self, block: &Block) -> Result<(), ExecutionError> {
        let header = &block.header.body;
        self.refuse_if_unreadable()?;
        let expected = self.executed.sequence.next();
        if header.sequence != expected {
            return Err(ExecutionError::OutOfOrder { expected, found: header.sequence });
        }
        if header.parent != self.executed.id {
            return Err(ExecutionError::WrongParent { sequence: header.sequence });
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Digest, ExecutionError> {
        // D5: the snapshot is durable before anybody hears of it.
        if !planted::is_on(Bug::SnapshotBeforeFlush) {
            self.flush()?;
        }
        let root = self.take_snapshot();
        self.stop_on_error(root)
    }

    pub(crate) fn take_snapshot(&mut self) -> Result<Digest, ExecutionError> {
        let buckets = self.store.bucket_digests();
        let root = self.store.root();
        if let Some(header) = self.executed.header.clone() {
            let snapshot = self.store.backend().snapshot()?;
            self.checkpoints.add(CheckpointState::new(header, root, buckets, snapshot));
        }
        Ok(root)
    }

    /// Goes on from what is durable.
    pub(crate) fn reread_executed(&mut self) -> Result<(), ExecutionError> {
        let executed = read_executed(self.store.backend(), &self.config)?;
        self.set_executed(executed);
        Ok(())
    }

    pub(crate) fn set_executed(&mut self, executed: Executed) {
        self.flushed = executed.sequence;
        self.is_flushed_checkpoint = executed.is_checkpoint();
        self.executed = executed;
    }

    /// The last executed block's place; 0 at genesis.
    #[must_use]
    pub fn executed(&self) -> Sequence {
        self.executed.sequence
    }

    /// The last executed block.
    #[must_use]
    pub fn executed_id(&self) -> Digest {
        self.executed.id
    }

    /// The last executed block's header; `None` at genesis.
    #[must_use]
    pub fn executed_header(&self) -> Option<&SignedHeader> {
        self.executed.header.as_ref()
    }

    /// Whether the state is one that peers sent, and nothing was flushed since: what is archived of earlier blocks may be wrong.
    #[must_use]
    pub fn is_fresh_from_peers(&self) -> bool {
        self.is_installed
    }

    /// Answers a question from the executed state.
    ///
    /// # Errors
    /// When a state transfer is under way or the database fails, now or before.
    pub fn query(&self, question: &[u8]) -> Result<Answer, ExecutionError> {
        self.refuse_if_unreadable()?;
        Ok(ask(&*self.application, &self.store, question)?)
    }

    /// Where a session stands.
    ///
    /// # Errors
    /// When a state transfer is under way or the database fails, now or before.
    pub fn session(&self, key: &PublicKey) -> Result<SessionStanding, ExecutionError> {
        self.refuse_if_unreadable()?;
        Ok(self.sessions.look(&self.store, key)?.standing())
    }

    /// The state's root as of now, for status pages: costs as much as there was written since it was last asked for.
    #[must_use]
    pub fn state_digest(&mut self) -> Digest {
        self.sessions.write_back(&mut self.store);
        self.store.root()
    }

    /// A checkpoint became stable: its snapshot may be served from now on.
    pub fn on_stable(&mut self, certificate: &CheckpointCertificate) {
        self.checkpoints.on_stable(certificate);
    }

    /// Answers a peer that asks for a manifest or a bucket. `oldest` is the lowest block that the archive still serves.
    ///
    /// # Errors
    /// When the database fails.
    pub fn serve(&self, fetch: &Fetch, oldest: Sequence) -> Result<Data, ExecutionError> {
        Ok(self.checkpoints.serve(fetch)?.unwrap_or(Data::Gone { oldest }))
    }

    /// The snapshots kept for peers, oldest first; they may be read from any thread.
    #[must_use]
    pub fn snapshots(&self) -> &[Arc<CheckpointState>] {
        self.checkpoints.all()
    }

    /// The checkpoint whose transfer was interrupted by a crash: no block can be executed before it, or a later one, is
    /// installed with a new [`Transfer`](crate::Transfer).
    #[must_use]
    pub fn interrupted_transfer(&self) -> Option<&CheckpointCertificate> {
        self.installing.as_ref()
    }

    /// Gives the backend back. What was not flushed is lost, as in a crash.
    #[must_use]
    pub fn into_backend(self) -> Box<dyn Backend> {
        self.store.into_backend()
    }
}

fn check_identity(backend: &mut dyn Backend, config: &ExecutorConfig) -> Result<(), ExecutionError> {
    let format: Option<u32> = read(backend, layout::FORMAT, "the format's number")?;
    let genesis: Option<Digest> = read(backend, layout::GENESIS, "the genesis")?;
    if let Some(found) = format.filter(|found| *found != FORMAT) {
        return Err(ExecutionError::NewerFormat { found, known: FORMAT });
    }
    // A home without anything agreed is nobody's yet: a start with the wrong committee file does not spoil it.
    let is_blank = config.is_home_blank
        && backend.get(layout::EXECUTED)?.is_none()
        && backend.get(layout::INSTALLING)?.is_none();
    match genesis {
        Some(found) if found == config.genesis => Ok(()),
        Some(found) if !is_blank => Err(ExecutionError::OtherCluster { found, ours: config.genesis }),
        _ => Ok(backend.commit(Writes::from([
            (layout::FORMAT.to_vec(), Some(encode(&FORMAT).into())),
            (layout::GENESIS.to_vec(), Some(encode(&config.genesis).into())),
        ]))?),
    }
}

/// Goes back to the checkpoint that is marked; what followed it is executed again, from the log. Says whether a mark is left:
/// that of a transfer under way.
fn go_back_to_checkpoint(backend: &mut dyn Backend, is_installing: bool) -> Result<bool, BackendError> {
    let is_marked = backend.is_marked()?;
    if is_installing || !is_marked {
        return Ok(is_marked);
    }
    if backend.get(layout::INSTALLED)?.is_some() {
        // The process died right after a transfer's last change.
        backend.unmark()?;
    } else {
        backend.go_back()?;
    }
    Ok(false)
}

fn read_executed(backend: &dyn Backend, config: &ExecutorConfig) -> Result<Executed, ExecutionError> {
    let genesis = Executed { sequence: Sequence(0), id: config.genesis, header: None, bytes: 0 };
    Ok(read(backend, layout::EXECUTED, "the executed block")?.unwrap_or(genesis))
}

fn read<T: BorshDeserialize>(
    backend: &dyn Backend,
    key: &[u8],
    what: &'static str,
) -> Result<Option<T>, ExecutionError> {
    backend.get(key)?.map(|bytes| decode(&bytes).map_err(|_| ExecutionError::Damaged { what })).transpose()
}
