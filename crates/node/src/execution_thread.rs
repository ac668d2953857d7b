//! The thread that executes committed blocks, archives them, answers questions and serves what peers lack.

use crate::archive::{Archive, ArchivedBlock};
use crate::core_thread::CoreEvent;
use crate::error::NodeError;
use crate::gateway::GatewayJob;
use crate::inbox::CoreSender;
use crate::log_thread::LogJob;
use crate::shared::Shared;
use crate::state_transfer::Ended;
use crate::waiting_questions::WaitingQuestions;
use outvote_execution::{Alarm, Executor, SessionStanding};
use outvote_replica::CommittedBlock;
use outvote_replica::Event;
use outvote_types::{
    Answer, Certificate, CheckpointCertificate, Data, Fetch, PublicKey, ReplicaId, Sequence,
};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// Bytes of state, or of archived blocks, after which a flush begins. Nothing is written by the clock: each checkpoint flushes by
/// itself, the log replays what was not flushed, and a replica that starts exactly at a checkpoint can serve it.
const FLUSH_BYTES: usize = 8 << 20;
/// Blocks after which a flush begins, however little waits: each checkpoint waits for a flush of what is left, on all replicas at once.
const FLUSH_BLOCKS: u64 = 512;
/// Bytes of each that may gather while the database is still writing what waited before, or while what it has is a checkpoint that
/// may become stable in a moment and is to be marked then (C6). More than that and execution waits.
const WAIT_BYTES: usize = 3 * FLUSH_BYTES;
/// How often a flush that is under way is looked at: if it fails, the node stops at once (D20), also where nothing else comes.
const FLUSH_LOOKED_AT: Duration = Duration::from_millis(50);
/// How often the digest for the report is renewed at most: it costs a hash of whatever changed since.
const DIGEST_EVERY: Duration = Duration::from_secs(1);

/// Takes the executed sequence and the answer to a question; `None` when this replica cannot answer now.
pub(crate) type OnAnswer = Box<dyn FnOnce(Option<(Sequence, Answer)>) + Send>;
/// Takes where a session stands.
pub(crate) type OnStanding = Box<dyn FnOnce(Option<(Sequence, SessionStanding)>) + Send>;

/// What the execution thread is asked for. Blocks come without waiting for this thread, since the core must never wait; E10
/// bounds how many: beyond `E` of them no leader proposes and every replica says "busy", and the rules hand out no more than
/// `E + K`.
pub(crate) enum ExecutionJob {
    /// Execute the next block.
    Execute(Arc<CommittedBlock>),
    /// Keep this certificate of an earlier block.
    Certified(Certificate),
    /// Answer a peer.
    Serve { to: ReplicaId, fetch: Fetch },
    /// Fetch the state of this checkpoint.
    FetchState { certificate: CheckpointCertificate, repair: bool },
    /// A part of a state that is being fetched.
    StateData { from: ReplicaId, data: Data },
    /// A checkpoint became stable.
    Stable { certificate: CheckpointCertificate, retain_from: Sequence },
    /// Answer a question once this much is executed.
    Query { question: Vec<u8>, min_sequence: Sequence, answer: OnAnswer },
    /// Where does this session stand?
    Session { key: PublicKey, standing: OnStanding },
    /// End. What is not flushed is in the log.
    Stop,
}

/// The executor and everything around it.
pub(crate) struct ExecutionThread {
    executor: Executor,
    archive: Archive,
    transfer: crate::state_transfer::StateTransfer,
    shared: Arc<Shared>,
    core: CoreSender,
    gateway: Sender<GatewayJob>,
    log: Sender<LogJob>,
    waiting: WaitingQuestions,
    /// Where the state stood when the last transfer ended: the core hands out anew what follows.
    resumes_at: Option<Sequence>,
    /// The lowest block that peers may still want from the log.
    retain_from: Sequence,
    /// Blocks that the archive keeps; 0 keeps all.
    retain_blocks: u64,
    released: Sequence,
    digest_at: Option<Instant>,
    /// What was durable when it was last looked at, and how much may wait from then on.
    flushed: Sequence,
    flush_at: FlushAt,
    /// Whether a flush is under way.
    is_flushing: bool,
    /// The last block of the flush that was begun last, besides those at checkpoints.
    flush_began: Sequence,
    /// This replica's turn, from 1, among so many.
    turns: (usize, usize),
}

/// Where the execution thread speaks to.
pub(crate) struct ExecutionOutlets {
    pub(crate) core: CoreSender,
    pub(crate) gateway: Sender<GatewayJob>,
    pub(crate) log: Sender<LogJob>,
}

impl ExecutionThread {
    pub(crate) fn new(
        executor: Executor,
        archive: Archive,
        transfer: crate::state_transfer::StateTransfer,
        shared: Arc<Shared>,
        retain_blocks: u64,
        outlets: ExecutionOutlets,
    ) -> Self {
        let ExecutionOutlets { core, gateway, log } = outlets;
        let turns = (shared.me.index() + 1, shared.committee.committee.members.len().max(1));
        Self {
            executor,
            archive,
            transfer,
            shared,
            core,
            gateway,
            log,
            waiting: WaitingQuestions::default(),
            resumes_at: None,
            retain_from: Sequence(0),
            retain_blocks,
            released: Sequence(0),
            digest_at: None,
            flushed: Sequence(0),
            is_flushing: false,
            flush_began: Sequence(0),
            flush_at: FlushAt::first(turns),
            turns,
        }
    }

    /// Runs until told to stop, or until the database fails: then the node stops.
    pub(crate) fn run(&mut self, jobs: &Receiver<ExecutionJob>) -> Result<(), NodeError> {
        if let Some(certificate) = self.executor.interrupted_transfer().cloned() {
            self.fetch_state(certificate, false)?;
        }
        self.renew_digest();
        loop {
            match jobs.recv_timeout(self.sleep()) {
                Ok(ExecutionJob::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(job) => self.handle(job)?,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.keep_time()?;
            self.flush_in_turn()?;
            self.release();
        }
    }

    /// Flushes when much waits. All replicas have the same to flush, and a client needs answers of `f + 1` of them only: so each
    /// begins at another point after a checkpoint, at which all of them flush.
    fn flush_in_turn(&mut self) -> Result<(), NodeError> {
        let is_settled = self.executor.is_settled()?;
        self.is_flushing = !is_settled;
        if self.executor.flushed() != self.flushed {
            self.flushed = self.executor.flushed();
            if self.flushed != self.flush_began {
                self.flush_at = FlushAt::first(self.turns);
            }
        }
        let flush_at = if !is_settled {
            FlushAt::UNDER_WAY
        } else if self.executor.awaits_stability() {
            FlushAt::UNSTABLE
        } else {
            self.flush_at
        };
        let bytes = self.executor.unflushed_bytes().max(self.archive.pending_bytes());
        let blocks = self.executor.executed().since(self.flushed);
        if bytes >= flush_at.bytes || blocks >= flush_at.blocks {
            self.flush_began = self.executor.executed();
            self.executor.begin_flush()?;
            self.is_flushing = true;
            self.flush_at = FlushAt { bytes: FLUSH_BYTES, blocks: FLUSH_BLOCKS };
        }
        Ok(())
    }

    fn sleep(&self) -> Duration {
        let now = Instant::now();
        let due = [self.digest_at, self.waiting.next_expiry()].into_iter().flatten().min();
        let due = due.map(|at| at.saturating_duration_since(now));
        let flush = self.is_flushing.then_some(FLUSH_LOOKED_AT);
        due.into_iter().chain(flush).chain(self.transfer.sleep()).min().unwrap_or(Duration::from_secs(5))
    }

    /// What is due by the clock, however busy the queue is.
    fn keep_time(&mut self) -> Result<(), NodeError> {
        let now = Instant::now();
        if self.digest_at.is_some_and(|at| at <= now) {
            self.renew_digest();
        }
        self.waiting.expire(now);
        let before = self.executor.executed();
        let ended = self.transfer.tick(&mut self.executor, &self.core)?;
        self.on_transfer_ended(before, ended)
    }

    fn fetch_state(&mut self, certificate: CheckpointCertificate, repair: bool) -> Result<(), NodeError> {
        let before = self.executor.executed();
        let ended = self.transfer.start(certificate, repair, &mut self.executor, &self.core)?;
        self.on_transfer_ended(before, ended)
    }

    fn on_transfer_ended(&mut self, before: Sequence, ended: Option<Ended>) -> Result<(), NodeError> {
        match ended {
            None => return Ok(()),
            Some(Ended::Installed) => self.archive.installed(self.executor.executed(), before),
            Some(Ended::Kept) => self.archive.went_back()?,
        }
        self.resumes_at = Some(self.executor.executed());
        self.schedule_digest();
        Ok(())
    }

    fn renew_digest(&mut self) {
        self.digest_at = None;
        let (at, digest) = (self.executor.executed(), self.executor.state_digest());
        self.shared.set_digest(at, digest);
    }

    /// Lets the log drop what is durable in the state and no peer may still want (C3).
    fn release(&mut self) {
        let below = self.executor.restarts_at().next().min(self.retain_from);
        if below > self.released {
            self.released = below;
            // The log thread is gone only when the node stops.
            let _ = self.log.send(LogJob::Release { below });
        }
    }

    fn handle(&mut self, job: ExecutionJob) -> Result<(), NodeError> {
        match job {
            ExecutionJob::Execute(block) => self.execute(&block)?,
            ExecutionJob::Certified(certificate) => self.archive.certify(certificate),
            ExecutionJob::Serve { to, fetch } => {
                let data = self.serve(&fetch)?;
                self.tell_core(Event::Served { to, data });
            }
            ExecutionJob::FetchState { certificate, repair } => self.fetch_state(certificate, repair)?,
            ExecutionJob::StateData { from, data } => {
                let before = self.executor.executed();
                let ended = self.transfer.on_data(from, data, &mut self.executor, &self.core)?;
                self.on_transfer_ended(before, ended)?;
            }
            ExecutionJob::Stable { certificate, retain_from } => {
                self.executor.on_stable(&certificate);
                self.retain_from = self.retain_from.max(retain_from);
                self.give_up_old_blocks();
            }
            ExecutionJob::Query { question, min_sequence, answer } => {
                self.query(question, min_sequence, answer)
            }
            ExecutionJob::Session { key, standing } => {
                let found = self.executor.session(&key).ok().filter(|_| !self.shared.is_diverged());
                standing(found.map(|found| (self.executor.executed(), found)));
            }
            ExecutionJob::Stop => {}
        }
        Ok(())
    }

    /// Gives up what the configuration does not want kept and no peer may still want.
    fn give_up_old_blocks(&self) {
        if self.retain_blocks > 0 {
            let below = Sequence((self.executor.executed().0 + 1).saturating_sub(self.retain_blocks));
            self.archive.give_up(below.min(self.retain_from));
        }
    }

    fn tell_core(&self, event: Event) {
        // The core is gone only when the node stops.
        let _ = self.core.send(CoreEvent::replica(event));
    }

    fn execute(&mut self, committed: &Arc<CommittedBlock>) -> Result<(), NodeError> {
        let sequence = committed.block.header.body.sequence;
        if self.executor.interrupted_transfer().is_some() {
            // The core hands it out again once the state is installed.
            return Ok(());
        }
        if sequence <= self.executor.executed() {
            return self.tell_again(committed);
        }
        if sequence > self.executor.executed().next() && self.resumes_at == Some(self.executor.executed()) {
            // The core handed it out before it heard where the state stands; it begins anew from there.
            return Ok(());
        }
        let (archive, mut archived) = (&self.archive, None);
        let result = self.executor.execute_and(&committed.block, |result| {
            let block = Arc::new(ArchivedBlock::new(committed, result));
            archive.add(Arc::clone(&block));
            archived = Some(block);
        })?;
        result.alarms.iter().for_each(|alarm| raise(sequence, alarm));
        if let Some(block) = archived {
            // Before the core hears of it, so that the results are there when the signed reply comes.
            let _ = self.gateway.send(GatewayJob::Executed(block));
        }
        let (result_root, state_root) = (result.result_root, result.state_root);
        self.tell_core(Event::Executed { sequence, result_root, state_root });
        self.schedule_digest();
        self.answer_waiting();
        Ok(())
    }

    /// A block that was executed before the core was told of a new state, and is handed out again after it.
    fn tell_again(&self, committed: &CommittedBlock) -> Result<(), NodeError> {
        let sequence = committed.block.header.body.sequence;
        let Some(archived) = self.archive.block(sequence)?.filter(|archived| archived.id() == committed.id)
        else {
            return Ok(());
        };
        let snapshot = self.executor.snapshots().iter().find(|snapshot| snapshot.sequence() == sequence);
        let state_root = snapshot.map(|snapshot| snapshot.state_root());
        self.tell_core(Event::Executed { sequence, result_root: archived.result_root, state_root });
        Ok(())
    }

    fn schedule_digest(&mut self) {
        self.digest_at.get_or_insert_with(|| Instant::now() + DIGEST_EVERY);
    }

    fn serve(&self, fetch: &Fetch) -> Result<Data, NodeError> {
        let found = match fetch {
            Fetch::Range { first, last, .. } => self.archive.range(*first, *last)?,
            Fetch::Block { id, .. } => {
                self.archive.block_by_id(id)?.map(|archived| Data::Block(Box::new(archived.block().clone())))
            }
            Fetch::Batches { .. } => None,
            Fetch::Manifest { .. } | Fetch::Bucket { .. } => {
                return Ok(self.executor.serve(fetch, self.archive.oldest())?);
            }
        };
        match found {
            Some(data) => Ok(data),
            None => Ok(Data::Gone { oldest: self.archive.oldest() }),
        }
    }

    fn query(&mut self, question: Vec<u8>, min_sequence: Sequence, answer: OnAnswer) {
        // C4: a replica whose state was outvoted answers nobody.
        if self.shared.is_diverged() {
            return answer(None);
        }
        if min_sequence <= self.executor.executed() {
            return self.answer(&question, answer);
        }
        self.waiting.add(min_sequence, question, answer);
    }

    fn answer(&self, question: &[u8], answer: OnAnswer) {
        let found = self.executor.query(question).ok();
        answer(found.map(|found| (self.executor.executed(), found)));
    }

    fn answer_waiting(&mut self) {
        for (question, answer) in self.waiting.take(self.executor.executed()) {
            self.answer(&question, answer);
        }
    }
}

/// How much may wait before a flush begins.
#[derive(Clone, Copy)]
struct FlushAt {
    bytes: usize,
    blocks: u64,
}

impl FlushAt {
    /// While the database is still at the one before: no sooner than it must be waited for.
    const UNDER_WAY: Self = Self { bytes: WAIT_BYTES, blocks: u64::MAX };
    /// While a checkpoint is to be marked: a flush would leave it behind for good.
    const UNSTABLE: Self = Self { bytes: WAIT_BYTES, blocks: FLUSH_BLOCKS };

    /// At a replica with this turn, for the first time since a checkpoint.
    const fn first((turn, turns): (usize, usize)) -> Self {
        Self { bytes: FLUSH_BYTES / turns * turn, blocks: FLUSH_BLOCKS / turns as u64 * turn as u64 }
    }
}

fn raise(sequence: Sequence, alarm: &Alarm) {
    match alarm {
        Alarm::Panicked { position, message } => {
            tracing::error!(
                sequence = sequence.0,
                position,
                message,
                "the application panicked; the operation was refused"
            );
        }
        Alarm::NotDeterministic { position, what } => {
            tracing::error!(
                sequence = sequence.0,
                position,
                what,
                "the application is not deterministic: replicas will diverge"
            );
        }
    }
}
