//! Judges of what the replicas do. They share no code with what they judge but the message types: quorum sizes, chains and
//! orders are worked out here once more.

mod bounds;
mod chain;
mod clients;
mod disk;
mod rollback;
mod standing;
mod votes;

use crate::client::Accepted;
use crate::disk::Disk;
use outvote_execution::BlockResult;
use outvote_replica::{CommittedBlock, Sizes, Status, Tunables};
use outvote_types::{Digest, Message, Nonce, PublicKey, Reminder, ReplicaId, Request, Sequence};
use std::collections::{BTreeMap, BTreeSet};

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at_us: u64,
    /// Which checker says so.
    pub name: &'static str,
    /// What exactly.
    pub detail: String,
}

/// All checkers of one run.
pub struct Checkers {
    liars: BTreeSet<ReplicaId>,
    now_us: u64,
    bounds: bounds::Bounds,
    chain: chain::Chain,
    votes: votes::Votes,
    clients: clients::Clients,
    standing: standing::Standing,
    rollback: rollback::Rollback,
    /// The promises that processes found on their disks.
    promises: BTreeMap<ReplicaId, u64>,
    found: Vec<Violation>,
    /// Messages that correct replicas sent.
    pub messages: u64,
}

/// Violations that are kept; a broken run breaks many rules.
const MAX_VIOLATIONS: usize = 32;

impl Checkers {
    /// Checkers for a committee of `n` of whom these lie.
    #[must_use]
    pub fn new(n: usize, genesis: Digest, liars: BTreeSet<ReplicaId>, tunables: &Tunables) -> Self {
        Self {
            bounds: bounds::Bounds::new(n, tunables),
            chain: chain::Chain::new(n, liars.len(), genesis),
            votes: votes::Votes::default(),
            clients: clients::Clients::default(),
            standing: standing::Standing::default(),
            rollback: rollback::Rollback::default(),
            promises: BTreeMap::new(),
            liars,
            now_us: 0,
            found: Vec::new(),
            messages: 0,
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> &[Violation] {
        &self.found
    }

    /// Committed operations so far.
    #[must_use]
    pub fn committed_operations(&self) -> u64 {
        self.clients.applied_count()
    }

    /// The highest block that anybody correct executed.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.chain.height()
    }

    /// What was committed where, by whoever was first.
    #[must_use]
    pub const fn committed(&self) -> &BTreeMap<Sequence, Digest> {
        self.chain.blocks()
    }

    /// Time goes on.
    pub const fn at(&mut self, now_us: u64) {
        self.now_us = now_us;
    }

    /// Something that no other checker names.
    pub fn report(&mut self, name: &'static str, detail: String) {
        if self.found.len() < MAX_VIOLATIONS {
            self.found.push(Violation { at_us: self.now_us, name, detail });
        }
    }

    fn take(&mut self, verdict: Result<(), (&'static str, String)>) {
        if let Err((name, detail)) = verdict {
            self.report(name, detail);
        }
    }

    fn is_correct(&self, replica: ReplicaId) -> bool {
        !self.liars.contains(&replica)
    }

    /// A client signed a request.
    pub fn on_signed(&mut self, request: &Request) {
        self.clients.on_signed(request.digest());
    }

    /// A replica sends a message.
    pub fn on_message(
        &mut self,
        from: ReplicaId,
        message: &Message,
        disk: &Disk,
        has_block: impl Fn(&Digest) -> bool,
    ) {
        if !self.is_correct(from) {
            return;
        }
        self.messages += 1;
        if let Message::Commit(vote) = message
            && vote.body.replica == from
        {
            self.standing.on_commit(&vote.body);
        }
        let verdict = self.votes.on_message(from, message);
        self.take(verdict);
        let found = self.promises.get(&from).copied();
        let verdict = disk::on_message(from, message, (disk, found), has_block);
        self.take(verdict);
    }

    /// A correct replica's wall clock shows this.
    pub fn on_clock(&mut self, replica: ReplicaId, wall: outvote_types::WallTime) {
        if self.is_correct(replica) {
            self.chain.on_clock(wall);
        }
    }

    /// A replica commits a block; `holders` says how many correct replicas hold it durably.
    pub fn on_commit(
        &mut self,
        replica: ReplicaId,
        block: &CommittedBlock,
        holders: impl Fn(&Digest) -> usize,
    ) {
        if !self.is_correct(replica) {
            return;
        }
        let verdict = self.chain.on_time(block);
        self.take(verdict);
        let verdict = self.chain.on_commit(replica, block, holders);
        self.take(verdict);
        if let Some(certificate) = &block.certificate {
            let verdict = self.chain.on_certificate(certificate, &self.votes, &self.liars);
            self.take(verdict);
            self.rollback.on_certificate(replica, certificate);
        }
        for batch in block.block.batches.iter() {
            for request in batch.requests.iter() {
                let verdict = self.clients.on_ordered(request);
                self.take(verdict);
            }
        }
    }

    /// A replica executed a block.
    pub fn on_executed(&mut self, replica: ReplicaId, result: &BlockResult) {
        if !self.is_correct(replica) {
            return;
        }
        let verdict = self.chain.on_executed(replica, result);
        self.take(verdict);
        let verdict = self.clients.on_executed(result);
        self.take(verdict);
    }

    /// A client accepted an answer.
    pub fn on_accepted(&mut self, accepted: &Accepted) {
        let verdict = self.chain.on_accepted(accepted);
        self.take(verdict);
        let verdict = self.clients.on_accepted(accepted);
        self.take(verdict);
    }

    /// A client took a refusal for true.
    pub fn on_refused(&mut self, session: PublicKey, nonce: Nonce, request: Digest) {
        let verdict = self.clients.on_refused(session, nonce, request);
        self.take(verdict);
    }

    /// A replica accuses another.
    pub fn on_accused(&mut self, by: ReplicaId, accused: ReplicaId, rule: &str) {
        if self.is_correct(by) && self.is_correct(accused) {
            self.report("honest-accused", format!("{by} accuses {accused}, which is correct, of {rule}"));
        }
    }

    /// A state is in place at a replica, fetched or put back (C11); its next step hears of it.
    pub fn on_state(&mut self, replica: ReplicaId, at: Sequence) {
        self.standing.on_state(replica, at);
    }

    /// A replica took a step.
    pub fn on_step(&mut self, replica: ReplicaId, status: &Status, sizes: &Sizes) {
        // A liar's words are its own, but behind them stands a replica as shipped, and it keeps its bounds.
        let verdict = self.bounds.on_step(replica, sizes);
        self.take(verdict);
        if self.is_correct(replica) {
            let verdict = self.standing.on_step(replica, status);
            self.take(verdict);
        }
    }

    /// A replica starts again; its promises are what its disk says.
    pub fn on_start(&mut self, replica: ReplicaId, status: &Status, disk: &Disk, is_first: bool) {
        self.rollback.on_start(replica, disk, self.now_us);
        if self.is_correct(replica) {
            if let Some(promise) = disk.promise().filter(|_| !is_first) {
                self.votes.on_restart(replica, promise.view, promise.lease);
                self.promises.insert(replica, promise.counter);
            }
            let verdict = self.standing.on_start(replica, status, disk, self.rollback.has(replica));
            self.take(verdict);
        }
    }

    /// A replica loses its memory.
    pub fn on_crash(&mut self, replica: ReplicaId) {
        self.rollback.on_crash(replica);
    }

    /// An old copy of its disk was put in a replica's place.
    pub fn on_old_copy(&mut self, replica: ReplicaId, disk: &Disk) {
        self.rollback.on_old_copy(replica, disk);
    }

    /// Whether a replica runs on an old copy.
    #[must_use]
    pub fn has_old_copy(&self, replica: ReplicaId) -> bool {
        self.rollback.has(replica)
    }

    /// A replica with an old copy sends a message.
    pub fn on_old_copy_speaks(&mut self, from: ReplicaId, message: &Message) {
        let verdict = self.rollback.on_spoken(from, message, self.now_us);
        self.take(verdict);
    }

    /// A reminder has arrived; the receiver votes no more once it has judged it.
    pub fn on_reminder(&mut self, from: ReplicaId, to: ReplicaId, reminder: &Reminder, is_observer: bool) {
        self.rollback.on_reminder(from, to, reminder, is_observer, self.now_us);
    }

    /// A replica stops voting for good.
    pub fn on_observer(&mut self, replica: ReplicaId, why: &str) {
        self.rollback.on_found_out(replica);
        if self.is_correct(replica) && !self.rollback.has(replica) {
            self.report("silenced", format!("{replica} votes no more although it lost nothing: {why}"));
        }
    }

    /// The run is over.
    pub fn on_end(&mut self) {
        let verdict = self.rollback.on_end(self.now_us);
        self.take(verdict);
    }
}

/// What one checker says.
type Verdict = Result<(), (&'static str, String)>;
