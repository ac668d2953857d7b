//! The thread that executes committed blocks, archives them, answers questions and serves what peers lack.

use crate::archive::{Archive, ArchivedBlock};
use crate::core_thread::CoreEvent;
use crate::error::NodeError;
use crate::gateway::GatewayJob;
use crate::log_thread::LogJob;
use crate::shared::Shared;
use outvote_execution::{Alarm, Executor, SessionStanding};
use outvote_replica::CommittedBlock;
use outvote_replica::Event;
use outvote_types::{
    Answer, Certificate, CheckpointCertificate, Data, Fetch, PublicKey, ReplicaId, Sequence,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// Unflushed bytes at which the state is written.
const FLUSH_BYTES: usize = 8 << 20;
/// How long executed state waits for the database at most.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often the digest for the report is renewed at most.
const DIGEST_EVERY: Duration = Duration::from_millis(250);
/// Questions that wait for their sequence at most.
const WAITING_QUESTIONS_MAX: usize = 4096;
/// Committed blocks that wait for a state transfer at most; later ones are fetched again as a range.
const HELD_BLOCKS_MAX: usize = 4096;

/// Takes the executed sequence and the answer to a question; `None` when this replica cannot answer now.
pub(crate) type OnAnswer = Box<dyn FnOnce(Option<(Sequence, Answer)>) + Send>;
/// Takes where a session stands.
pub(crate) type OnStanding = Box<dyn FnOnce(Option<(Sequence, SessionStanding)>) + Send>;

/// What the execution thread is asked for.
pub(crate) enum ExecutionJob {
    /// Execute the next block.
    Execute(Arc<CommittedBlock>),
    /// Keep this certificate of an earlier block.
    Certified(Certificate),
    /// Answer a peer.
    Serve { to: ReplicaId, fetch: Fetch },
    /// Fetch the state of this checkpoint.
    FetchState(CheckpointCertificate),
    /// A part of a state that is being fetched.
    StateData { from: ReplicaId, data: Data },
    /// A checkpoint became stable.
    Stable { certificate: CheckpointCertificate, retain_from: Sequence },
    /// Answer a question once this much is executed.
    Query { question: Vec<u8>, min_sequence: Sequence, answer: OnAnswer },
    /// Where does this session stand?
    Session { key: PublicKey, standing: OnStanding },
    /// Flush and end.
    Stop,
}

/// The executor and everything around it.
pub(crate) struct ExecutionThread {
    executor: Executor,
    archive: Archive,
    transfer: crate::state_transfer::StateTransfer,
    shared: Arc<Shared>,
    core: Sender<CoreEvent>,
    gateway: Sender<GatewayJob>,
    log: Sender<LogJob>,
    waiting: BTreeMap<Sequence, Vec<(Vec<u8>, OnAnswer)>>,
    waiting_count: usize,
    /// Committed blocks that wait for a state transfer to end.
    held: BTreeMap<Sequence, Arc<CommittedBlock>>,
    /// The lowest block that peers may still want from the log.
    retain_from: Sequence,
    flushed_at: Instant,
    digest_at: Option<Instant>,
}

/// Where the execution thread speaks to.
pub(crate) struct ExecutionOutlets {
    pub(crate) core: Sender<CoreEvent>,
    pub(crate) gateway: Sender<GatewayJob>,
    pub(crate) log: Sender<LogJob>,
}

impl ExecutionThread {
    pub(crate) fn new(
        executor: Executor,
        archive: Archive,
        transfer: crate::state_transfer::StateTransfer,
        shared: Arc<Shared>,
        outlets: ExecutionOutlets,
    ) -> Self {
        let ExecutionOutlets { core, gateway, log } = outlets;
        Self {
            executor,
            archive,
            transfer,
            shared,
            core,
            gateway,
            log,
            waiting: BTreeMap::new(),
            waiting_count: 0,
            held: BTreeMap::new(),
            retain_from: Sequence(0),
            flushed_at: Instant::now(),
            digest_at: None,
        }
    }

    /// Runs until told to stop, or until the database fails: then the node stops.
    pub(crate) fn run(mut self, jobs: &Receiver<ExecutionJob>) -> Result<(), NodeError> {
        if let Some(certificate) = self.executor.interrupted_transfer().cloned() {
            self.transfer.start(certificate, &self.core);
        }
        self.renew_digest();
        loop {
            match jobs.recv_timeout(self.sleep()) {
                Ok(ExecutionJob::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(job) => self.handle(job)?,
                Err(RecvTimeoutError::Timeout) => self.idle()?,
            }
            if self.executor.unflushed_bytes() >= FLUSH_BYTES
                || (self.executor.flushed() < self.executor.executed()
                    && self.flushed_at.elapsed() >= FLUSH_EVERY)
            {
                self.flush()?;
            }
        }
        self.flush()
    }

    fn sleep(&self) -> Duration {
        let flush = (self.executor.flushed() < self.executor.executed())
            .then(|| FLUSH_EVERY.saturating_sub(self.flushed_at.elapsed()));
        let digest = self.digest_at.map(|at| at.saturating_duration_since(Instant::now()));
        let transfer = self.transfer.sleep();
        [flush, digest, transfer].into_iter().flatten().min().unwrap_or(Duration::from_secs(5))
    }

    fn idle(&mut self) -> Result<(), NodeError> {
        if self.digest_at.is_some_and(|at| at <= Instant::now()) {
            self.renew_digest();
        }
        self.transfer.tick(&self.core);
        Ok(())
    }

    fn renew_digest(&mut self) {
        self.digest_at = None;
        let (at, digest) = (self.executor.executed(), self.executor.state_digest());
        self.shared.set_digest(at, digest);
    }

    fn flush(&mut self) -> Result<(), NodeError> {
        self.flushed_at = Instant::now();
        self.executor.flush()?;
        // What the log drops must be durable in the state, and no peer may still want it.
        let below = self.executor.flushed().next().min(self.retain_from);
        let _ = self.log.send(LogJob::Release { below });
        Ok(())
    }

    fn handle(&mut self, job: ExecutionJob) -> Result<(), NodeError> {
        match job {
            ExecutionJob::Execute(block) => self.execute(&block)?,
            ExecutionJob::Certified(certificate) => self.archive.certify(certificate),
            ExecutionJob::Serve { to, fetch } => {
                let data = self.serve(&fetch)?;
                self.tell_core(Event::Served { to, data });
            }
            ExecutionJob::FetchState(certificate) => {
                self.transfer.start(certificate, &self.core);
            }
            ExecutionJob::StateData { from, data } => {
                let is_done = self.transfer.on_data(from, data, &mut self.executor, &self.core)?;
                if is_done {
                    self.go_on()?;
                }
                self.schedule_digest();
            }
            ExecutionJob::Stable { certificate, retain_from } => {
                self.executor.on_stable(&certificate);
                self.retain_from = self.retain_from.max(retain_from);
            }
            ExecutionJob::Query { question, min_sequence, answer } => {
                self.query(question, min_sequence, answer)
            }
            ExecutionJob::Session { key, standing } => {
                let found = self.executor.session(&key).ok();
                standing(found.map(|found| (self.executor.executed(), found)));
            }
            ExecutionJob::Stop => {}
        }
        Ok(())
    }

    fn tell_core(&self, event: Event) {
        // The core is gone only when the node stops.
        let _ = self.core.send(CoreEvent::Replica(event));
    }

    fn execute(&mut self, committed: &Arc<CommittedBlock>) -> Result<(), NodeError> {
        let sequence = committed.block.header.body.sequence;
        if sequence <= self.executor.executed() && self.executor.interrupted_transfer().is_none() {
            // A state transfer overtook it.
            return Ok(());
        }
        if self.executor.interrupted_transfer().is_some() {
            if self.held.len() < HELD_BLOCKS_MAX {
                self.held.insert(sequence, Arc::clone(committed));
            }
            return Ok(());
        }
        let (archive, mut archived) = (&self.archive, None);
        let result = self.executor.execute_and(&committed.block, |result| {
            let block = Arc::new(ArchivedBlock::new(committed, result));
            archive.add(Arc::clone(&block), committed.certificate.clone());
            archived = Some(block);
        })?;
        for alarm in &result.alarms {
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

    /// After a repair: what was committed above the checkpoint is executed, from the archive and from what waited.
    fn go_on(&mut self) -> Result<(), NodeError> {
        loop {
            let next = self.executor.executed().next();
            let waiting = self.held.remove(&next);
            let block = match waiting {
                Some(block) => block,
                None => match self.archive.block(next)? {
                    Some(archived) => Arc::new(CommittedBlock {
                        id: archived.id,
                        block: archived.block.clone(),
                        certificate: self.archive.certificate(next)?,
                    }),
                    None => break,
                },
            };
            self.execute(&block)?;
        }
        self.held.clear();
        Ok(())
    }

    fn schedule_digest(&mut self) {
        self.digest_at.get_or_insert_with(|| Instant::now() + DIGEST_EVERY);
    }

    fn serve(&self, fetch: &Fetch) -> Result<Data, NodeError> {
        let found = match fetch {
            Fetch::Range { first, last, .. } => self.archive.range(*first, *last)?,
            Fetch::Block { id, .. } => {
                self.archive.block_by_id(id)?.map(|archived| Data::Block(Box::new(archived.block.clone())))
            }
            Fetch::Batches { .. } => None,
            Fetch::Manifest { .. } | Fetch::Bucket { .. } => {
                return Ok(self.executor.serve(fetch, self.archive.oldest()?)?);
            }
        };
        match found {
            Some(data) => Ok(data),
            None => Ok(Data::Gone { oldest: self.archive.oldest()? }),
        }
    }

    fn query(&mut self, question: Vec<u8>, min_sequence: Sequence, answer: OnAnswer) {
        if self.shared.is_diverged() {
            return answer(None);
        }
        if min_sequence <= self.executor.executed() {
            return self.answer(&question, answer);
        }
        if self.waiting_count >= WAITING_QUESTIONS_MAX {
            return answer(None);
        }
        self.waiting_count += 1;
        self.waiting.entry(min_sequence).or_default().push((question, answer));
    }

    fn answer(&self, question: &[u8], answer: OnAnswer) {
        let found = self.executor.query(question).ok();
        answer(found.map(|found| (self.executor.executed(), found)));
    }

    fn answer_waiting(&mut self) {
        let later = self.waiting.split_off(&self.executor.executed().next());
        for (question, answer) in std::mem::replace(&mut self.waiting, later).into_values().flatten() {
            self.waiting_count -= 1;
            self.answer(&question, answer);
        }
    }
}
