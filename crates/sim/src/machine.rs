//! One replica with everything that a process would have around it: disk, executor, archive, gateway.

use crate::agenda::Happening;
use crate::application::Ledger;
use crate::archive::Archive;
use crate::coverage::State;
use crate::disk::Disk;
use crate::gateway::Question;
use crate::keys;
use crate::plan::{Plan, START_US, STUCK_US, TIMER_RATE_TRUE};
use crate::rollback::Backup;
use outvote_adversary::{Adversary, Behaviour};
use outvote_crypto::{RequestChecker, Scheme};
use outvote_execution::{BlockResult, Executor, ExecutorConfig, HashMemo, MemoryBackend, Transfer};
use outvote_replica::{Action, CommittedBlock, Config, Recovered, Replica, Voting};
use outvote_types::client::{Hint, ProvenResult};
use outvote_types::{
    Committee, Data, Fetch, Instant, Nonce, PublicKey, ReplicaId, ResultKind, Sequence, WallTime,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Microseconds between the simulation's origin and the Unix epoch.
const WALL_US: u64 = 1_700_000_000_000_000;

/// What a wall clock that is right shows.
#[must_use]
pub const fn wall_of(now: Instant) -> WallTime {
    WallTime(WALL_US + now.0)
}

/// One replica and its surroundings.
pub struct Machine {
    /// Who it is.
    pub id: ReplicaId,
    /// Its key.
    pub scheme: Arc<dyn Scheme>,
    /// Running, or not.
    pub replica: Option<Replica>,
    /// What stands between it and the world.
    pub adversary: Adversary,
    /// Its log.
    pub disk: Disk,
    /// Its committed blocks.
    pub archive: Archive,
    /// Its state; `None` while it is down.
    pub executor: Option<Executor>,
    /// A state transfer under way.
    pub transfer: Option<Transfer>,
    /// Committed blocks that wait for execution.
    pub queue: VecDeque<Arc<CommittedBlock>>,
    /// Whether one is being executed.
    pub is_executing: bool,
    /// Where its requests were applied.
    pub applied: BTreeMap<(PublicKey, Nonce), Sequence>,
    /// Whose results it sends without being asked.
    pub watched: BTreeSet<PublicKey>,
    /// Questions that wait for a later state.
    pub questions: Vec<Question>,
    /// Counts the starts; what was scheduled for an earlier one is void.
    pub incarnation: u64,
    /// The next wake-up that is scheduled.
    pub wake_us: Option<u64>,
    /// How long a flush takes.
    pub disk_us: u64,
    /// Blocks whose state was fetched, durably: it stands for them (C6), also when more was executed since.
    pub installed: BTreeSet<outvote_types::Digest>,
    /// Whether a flush never returns while this process runs.
    pub is_stuck: bool,
    /// How far its wall clock is off.
    pub clock_us: i64,
    /// How fast its timers run, in thousandths of true time.
    pub timer_rate: u64,
    /// What a restart says of its promises, besides what the disk does.
    pub voting: Voting,
    /// Where it stands, as of its last step.
    pub(crate) state: State,
    /// What waits while the process is stopped; `None` while it is not.
    pub(crate) inbox: Option<Vec<Happening>>,
    /// Whether the next flush fails, and for how long the process is down then.
    pub(crate) flush_fails: Option<u64>,
    /// Whether nothing can be written.
    pub(crate) is_full: bool,
    /// Whether nothing can be read for peers.
    pub(crate) is_unreadable: bool,
    /// A copy of its disk.
    pub backup: Option<Backup>,
    gateway: RequestChecker,
    pub(crate) backend: MemoryBackend,
    /// Machines of one world hash the same states.
    memo: HashMemo,
    committee: Committee,
    tunables: outvote_replica::Tunables,
    flush_blocks: u64,
    flush_lasts_blocks: u32,
    pub(crate) gives_up_blocks: bool,
}

impl Machine {
    /// What its process tells clients of its term, if it runs.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        self.replica.as_ref().map(|replica| {
            let status = replica.status();
            Hint::new(status.view, status.timeout_us)
        })
    }

    /// A replica that has never run.
    #[must_use]
    pub fn new(plan: &Plan, committee: &Committee, id: ReplicaId, memo: &HashMemo) -> Option<Self> {
        let scheme = keys::scheme(plan.seed, u64::from(id.0), plan.real_signatures);
        let behaviour =
            plan.liars.iter().find(|(liar, _)| *liar == id).map_or(Behaviour::Honest, |(_, b)| *b);
        let seed = plan.seed ^ u64::from(id.0) << 48;
        let adversary = Adversary::new(behaviour, Arc::clone(&scheme), committee, id, seed).ok()?;
        Some(Self {
            id,
            gateway: RequestChecker::new(committee.clone(), Arc::clone(&scheme)),
            scheme,
            replica: None,
            adversary,
            disk: Disk::first(committee),
            archive: Archive::default(),
            executor: None,
            transfer: None,
            queue: VecDeque::new(),
            is_executing: false,
            applied: BTreeMap::new(),
            watched: BTreeSet::new(),
            questions: Vec::new(),
            incarnation: 0,
            wake_us: None,
            disk_us: plan.disk_us,
            installed: BTreeSet::new(),
            is_stuck: false,
            clock_us: 0,
            timer_rate: plan.timer_rates.get(id.index()).copied().unwrap_or(TIMER_RATE_TRUE),
            voting: Voting::Allowed,
            state: State::Following,
            inbox: None,
            flush_fails: None,
            is_full: false,
            is_unreadable: false,
            backup: None,
            backend: MemoryBackend::that_settles_after(plan.flush_lasts_blocks),
            memo: memo.clone(),
            committee: committee.clone(),
            tunables: plan.tunables.clone(),
            flush_blocks: plan.flush_blocks,
            flush_lasts_blocks: plan.flush_lasts_blocks,
            gives_up_blocks: plan.gives_up_blocks,
        })
    }

    /// Its monotonic clock, by which its timers run; at the start of the world all show the same.
    #[must_use]
    pub const fn monotonic(&self, now_us: u64) -> Instant {
        Instant(START_US + now_us.saturating_sub(START_US) * self.timer_rate / TIMER_RATE_TRUE)
    }

    /// When its monotonic clock shows this, in true time.
    const fn true_us(&self, at: Instant) -> u64 {
        START_US + (at.0.saturating_sub(START_US) * TIMER_RATE_TRUE).div_ceil(self.timer_rate)
    }

    /// Its wall clock.
    #[must_use]
    pub const fn wall(&self, now_us: u64) -> WallTime {
        let WallTime(true_us) = wall_of(Instant(now_us));
        WallTime(true_us.saturating_add_signed(self.clock_us))
    }

    /// Starts it from what its disk holds.
    pub fn start(&mut self, now_us: u64) -> Option<Vec<Action>> {
        let mut config = ExecutorConfig::new(&self.committee);
        config.execute_twice = false;
        config.restarts_at_checkpoint = self.gives_up_blocks;
        let backend = Box::new(self.backend.clone());
        let mut executor = Executor::open_with(backend, Box::new(Ledger), config, self.memo.clone()).ok()?;
        // A snapshot is served only under its certificate, which the log keeps.
        if let Some(certificate) = self.disk.stable() {
            executor.on_stable(certificate);
        }
        let executed = (executor.executed(), executor.executed_id());
        // What was executed above the last flush comes again.
        self.archive.drop_above(executed.0);
        self.applied.retain(|_, sequence| *sequence <= executed.0);
        let recovered = Recovered {
            records: self.disk.records(),
            executed,
            executed_header: executor.executed_header().cloned(),
            voting: if self.voting == Voting::Allowed { self.disk.voting() } else { self.voting },
            first_start: self.incarnation == 0,
        };
        self.incarnation += 1;
        let config =
            Config { committee: self.committee.clone(), me: self.id, tunables: self.tunables.clone() };
        let (replica, actions) = Replica::recover(
            config,
            recovered,
            Arc::clone(&self.scheme),
            self.monotonic(now_us),
            self.wall(now_us),
        );
        self.transfer = executor.interrupted_transfer().cloned().and_then(|certificate| {
            let quorum = self.committee.quorum().ok()?;
            Some(Transfer::new(&executor, certificate, false, quorum, self.id))
        });
        self.replica = Some(replica);
        self.executor = Some(executor);
        Some(actions)
    }

    /// Power loss.
    pub fn crash(&mut self, random: &mut crate::random::Random, torn: bool, scattered: bool) {
        self.replica = None;
        self.inbox = None;
        self.executor = None;
        self.transfer = None;
        self.queue.clear();
        self.watched.clear();
        self.questions.clear();
        self.is_executing = false;
        self.is_stuck = self.disk_us >= STUCK_US;
        self.wake_us = None;
        // What the state's database was at may have become durable, or nothing of it: turn and turn about, so that no draw is needed.
        if self.incarnation % 2 == 1 {
            self.backend.land();
        } else {
            self.backend.lose();
        }
        self.incarnation += 1;
        self.disk.crash(random, torn, scattered);
    }

    /// Loses its state and archive as well, but not the log.
    pub fn wipe_state(&mut self) {
        self.backend = MemoryBackend::that_settles_after(self.flush_lasts_blocks);
        self.archive = Archive::default();
        self.installed.clear();
        self.applied.clear();
    }

    /// Answers a peer that asks for what only archive and executor hold.
    #[must_use]
    pub fn serve(&self, fetch: &Fetch) -> Option<Data> {
        if self.is_unreadable {
            return None;
        }
        match fetch {
            Fetch::Manifest { .. } | Fetch::Bucket { .. } => {
                self.executor.as_ref()?.serve(fetch, self.archive.oldest()).ok()
            }
            other => Some(self.archive.serve(other)),
        }
    }

    /// What its executor has come to, for whoever looks into a stall.
    #[must_use]
    pub fn state_in_words(&self) -> String {
        let executed = self.executor.as_ref().map(Executor::executed);
        let (first, last) = (self.queue.front(), self.queue.back());
        let waiting =
            (first.map(|b| b.block.header.body.sequence), last.map(|b| b.block.header.body.sequence));
        let (is_fetching, is_executing) = (self.transfer.is_some(), self.is_executing);
        format!(
            "(state {executed:?}, waiting {waiting:?}, fetching {is_fetching}, executing {is_executing}) "
        )
    }

    /// Executes the next block that waits, if it is the next one of the state.
    pub fn execute(&mut self) -> Option<BlockResult> {
        let executor = self.executor.as_mut()?;
        if executor.interrupted_transfer().is_some() {
            return None;
        }
        while self.queue.front().is_some_and(|b| b.block.header.body.sequence <= executor.executed()) {
            self.queue.pop_front();
        }
        let block = self.queue.pop_front()?;
        let result = executor.execute(&block.block).ok()?;
        let is_due = result.sequence.since(executor.flushed()) >= self.flush_blocks;
        if is_due && executor.is_settled().ok()? {
            executor.begin_flush().ok()?;
        }
        for operation in &result.results {
            if matches!(operation.leaf.kind, ResultKind::Applied | ResultKind::Refused) {
                self.applied.insert((operation.session, operation.nonce), result.sequence);
            }
        }
        self.archive.results.insert(result.sequence, proven(&result));
        Some(result)
    }

    /// Whether its state shows that this nonce was used.
    #[must_use]
    pub fn has_executed(&self, key: &PublicKey, nonce: Nonce) -> bool {
        let standing = self.executor.as_ref().and_then(|executor| executor.session(key).ok());
        standing.is_some_and(|standing| standing.next > nonce)
    }

    /// Whether it has a state that it did not compute itself, and never executed this request.
    #[must_use]
    pub fn has_skipped(&self, key: &PublicKey, nonce: Nonce) -> bool {
        !self.installed.is_empty() && !self.applied.contains_key(&(*key, nonce))
    }

    /// Whether it can tell what became of this request.
    #[must_use]
    pub fn can_tell(&self, key: &PublicKey, nonce: Nonce) -> bool {
        let at = self.applied.get(&(*key, nonce));
        at.is_some_and(|at| self.archive.results.contains_key(at) && self.archive.replies.contains_key(at))
    }

    /// Checks a request that a client sent.
    #[must_use]
    pub fn admit(
        &self,
        request: outvote_types::Request,
    ) -> Option<outvote_types::Verified<outvote_types::Request>> {
        self.gateway.check(vec![request]).pop()?.ok()
    }

    /// Whether a block, or the state after it, survives a crash here.
    #[must_use]
    pub fn holds(&self, id: &outvote_types::Digest) -> bool {
        let is_state = self.executor.as_ref().is_some_and(|executor| executor.executed_id() == *id);
        is_state || self.installed.contains(id) || self.disk.has_block(id) || self.archive.has(id)
    }

    /// When it wants to be woken, in true time.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        let replica = self.replica.as_ref()?.wake_at();
        let transfer = self.transfer.as_ref().and_then(Transfer::wake_at);
        let first = [replica, transfer, self.adversary.wake_at()].into_iter().flatten().min();
        first.map(|at| self.true_us(at))
    }
}

fn proven(result: &BlockResult) -> Vec<ProvenResult> {
    let tree = outvote_types::merkle::Tree::new(result.leaves.clone());
    let with_path = |(position, operation): (usize, &outvote_execution::ExecutedOperation)| {
        Some(ProvenResult {
            session: operation.session,
            nonce: operation.nonce,
            leaf: operation.leaf.clone(),
            path: tree.path(position)?,
            answer: operation.answer.clone(),
        })
    };
    result.results.iter().enumerate().filter_map(with_path).collect()
}
