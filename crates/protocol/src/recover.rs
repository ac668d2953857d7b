//! Coming back from the disk: the restart rule (D7 to D11).

use crate::catch_up::CatchUp;
use crate::checkpoint::Checkpoints;
use crate::config::Config;
use crate::evidence::Charges;
use crate::found::Found;
use crate::growth::Growth;
use crate::output::{Note, Output};
use crate::peer::Peer;
use crate::performance::Performance;
use crate::pool::Pool;
use crate::promise::{Disk, Lock};
use crate::record::{Justification, Promise, Recovered, Voting};
use crate::relay::Relays;
use crate::replica::Replica;
use crate::rollback::OwnWords;
use crate::slot::Slots;
use crate::suspicion::Mutiny;
use crate::term::{Mode, Term, Tip};
use crate::timers::Timers;
use crate::turnover::Turnover;
use crate::window::{Chain, Entry};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    Block, Certificate, Digest, Evidence, Instant, NewView, Phase, Quorum, Rank, Sequence, View, WallTime,
};

impl Replica {
    /// A replica as it comes back from its disk, and what it asks for at once.
    ///
    /// # Panics
    /// When the committee is too small or too large for byzantine mode, or `me` is no member: the caller checks its
    /// configuration first.
    #[must_use]
    pub fn recover(
        config: Config,
        recovered: Recovered,
        now: Instant,
        wall: WallTime,
    ) -> (Self, Vec<Output>) {
        let Ok(quorum) = Quorum::byzantine(config.committee.members.len()) else {
            // Q3: configurations below four members are refused long before.
            panic!("the caller checks the committee's size before it starts a replica");
        };
        assert!(quorum.has(config.me), "the caller checks that this replica is a member before it starts");
        let genesis = config.committee.genesis_id();
        let mut found = Found::sort(recovered.records);
        let voting = match recovered.voting {
            Voting::AllowedAfterGap { .. } | Voting::Twin => Voting::Allowed,
            other => other,
        };
        let mut replica = Self::blank(config, quorum, &mut found, voting, now, wall);
        let (justification, opening) = found.take_justification(replica.term.view);
        replica.own.shared = recovered.voting == Voting::Twin;
        let (sequence, id) = recovered.executed;
        let header = recovered.executed_header.or(found.installed);
        let time = header.filter(|header| header.body.id() == id).map_or(WallTime(0), |h| h.body.time);
        replica.chain = Chain::new(sequence, id, genesis, time);
        replica.take_blocks(found.blocks);
        replica.take_evidence(found.evidence);
        if let Some(stable) = found.stable {
            replica.checkpoints.set_stable(stable);
        }
        replica.heed_retirement();
        replica.take_lock(&found.certificates, recovered.voting);
        if !recovered.first_start {
            replica.promise_anew();
        }
        replica.take_commits(found.last_commit, found.certificates);
        replica.take_view(recovered.first_start, justification, opening);
        replica.refetch_lock();
        replica.settle();
        let outputs = core::mem::take(&mut replica.out);
        (replica, outputs)
    }

    fn blank(
        config: Config,
        quorum: Quorum,
        found: &mut Found,
        voting: Voting,
        now: Instant,
        wall: WallTime,
    ) -> Self {
        let genesis = config.committee.genesis_id();
        let promise = found.promise.unwrap_or(Promise {
            counter: 0,
            epoch: config.committee.epoch,
            view: View(0),
            lease: Sequence(0),
            high_rank: Rank::default(),
            high_id: genesis,
        });
        Self {
            quorum,
            now,
            wall,
            out: Vec::new(),
            voting,
            term: Term::begin(promise.view, Justification::Genesis, now),
            // D18: the promises as this process found them are all that its earlier lives may have acted upon.
            own: OwnWords::since(promise, found.retired || promise.is_retired()),
            disk: Disk::new(promise),
            lock: Lock { rank: Rank::default(), id: genesis, certificate: None },
            chain: Chain::new(Sequence(0), genesis, genesis, WallTime(0)),
            slots: Slots::default(),
            mutiny: Mutiny::default(),
            catch_up: CatchUp::default(),
            pool: Pool::default(),
            relays: Relays::default(),
            turnover: Turnover::default(),
            growth: Growth::new(),
            performance: Performance::new(now, quorum.n()),
            checkpoints: Checkpoints::default(),
            charges: Charges::default(),
            peers: quorum
                .members()
                .map(|id| Peer::new(now, found.words.remove(&id).unwrap_or_default()))
                .collect(),
            timers: Timers::new(now),
            is_leaving: false,
            is_disk_stuck: false,
            config,
        }
    }

    /// Blocks of the log: those above the executed one are needed again, a few below may be asked for.
    fn take_blocks(&mut self, blocks: Vec<Block>) {
        for block in blocks {
            let header = &block.header.body;
            let id = header.id();
            if header.sequence <= self.chain.committed {
                continue;
            }
            let mut entry = Entry::new(block.header.clone(), self.now, self.wall, self.now);
            for batch in &block.batches {
                entry.fill(batch.digest(), batch, self.now);
            }
            entry.written = true;
            entry.from_log = true;
            self.chain.entries.insert(id, entry.into());
        }
    }

    fn take_evidence(&mut self, evidence: Vec<Evidence>) {
        for evidence in evidence {
            if let Some(charge) = evidence.charge(self.quorum, self.config.committee.epoch) {
                self.charges.learn(charge.accused, charge.rule, &evidence);
            }
        }
    }

    /// The lock that the last promise names.
    fn take_lock(&mut self, certificates: &BTreeMap<(Rank, Digest), Certificate>, voting: Voting) {
        let promise = self.disk.promise;
        if promise.is_retired() {
            // D24: `heed_retirement` says so.
            return;
        }
        if promise.epoch != self.config.committee.epoch {
            // D19: promises of another committee say nothing about this one.
            return self.become_observer("D19 the promises on the disk are another committee's");
        }
        if promise.high_rank == Rank::default() || planted::is_on(Bug::LockLostAtRestart) {
            return;
        }
        let is_proven = certificates.contains_key(&(promise.high_rank, promise.high_id));
        match voting {
            // D13: no COMMIT was ever sent under this promise, so the lock is the one before it. View and lease are taken over;
            // adopting them is harmless.
            Voting::AllowedAfterGap { before } if !is_proven => self.take_earlier_lock(&before, certificates),
            // D15: a higher certificate that reached the disk ahead of its promise was never acted upon, and may be taken later
            // from any peer.
            _ => self.take_lock_of(&promise, certificates),
        }
    }

    fn heed_retirement(&mut self) {
        if self.own.retired {
            self.become_observer("D18 this disk was found to be an old copy before");
        }
    }

    fn take_earlier_lock(&mut self, before: &Promise, certificates: &BTreeMap<(Rank, Digest), Certificate>) {
        // D19: a lock of another committee binds to nothing here.
        let names_any = before.epoch == self.disk.promise.epoch && before.high_rank > Rank::default();
        if names_any && !planted::is_on(Bug::EarlierLockForgotten) {
            self.take_lock_of(before, certificates);
        }
        (self.disk.promise.high_rank, self.disk.promise.high_id) = (self.lock.rank, self.lock.id);
        if !planted::is_on(Bug::TornLockExcuses) {
            // D18: if the write was finished after all and rotted, a COMMIT that was sent under it shows that.
            self.own.locked_at(self.lock.rank);
        }
    }

    /// D13: what counts of the disk is promised once more before anything that rests on it is sent. Of a write that was not finished
    /// one copy may be all that is left, and the next write would cover a gap behind which nothing counts.
    fn promise_anew(&mut self) {
        if self.may_vote() && !planted::is_on(Bug::PromiseNotRepeated) {
            let lease = self.disk.promise.lease;
            self.disk.view_ticket = self.persist_promise(Vec::new(), lease);
        }
    }

    /// D23: the promise is whole; where its lock's proof is lost, that proves itself and comes from whoever has it.
    fn take_lock_of(&mut self, promise: &Promise, certificates: &BTreeMap<(Rank, Digest), Certificate>) {
        let (rank, id) = (promise.high_rank, promise.high_id);
        let certificate = certificates.get(&(rank, id)).cloned();
        if certificate.is_none() {
            self.note(Note::ProofMissing { rank, id });
        }
        self.lock = Lock { rank, id, certificate };
    }

    /// Commits again what the log shows to be committed above the executed block.
    fn take_commits(
        &mut self,
        last_commit: Option<Certificate>,
        certificates: BTreeMap<(Rank, Digest), Certificate>,
    ) {
        let Some(certificate) = last_commit else { return };
        self.chain.last_commit = Some(certificate.clone());
        let (committed, last) = (self.chain.committed, certificate.sequence);
        let above = certificates.into_values().filter(|certificate| {
            certificate.phase == Phase::Commit
                && (committed < certificate.sequence && certificate.sequence <= last)
        });
        self.chain.replayed = above.map(|certificate| (certificate.sequence, certificate)).collect();
        if certificate.sequence <= self.chain.committed {
            return;
        }
        if !self.chain.holds(certificate.id, certificate.sequence) {
            self.need_certified(&certificate, None);
            self.catch_up.keep(certificate);
            // D23, D25: what lies below the hole is agreed and held, perhaps nowhere else any more.
            return if let Some(highest) = self.highest_held_commit() {
                self.hand_out(&highest);
                self.chain.forget_below();
            };
        }
        self.hand_out(&certificate);
        self.chain.forget_below();
    }

    /// The highest commit certificate of the log whose block is held with all its ancestors.
    fn highest_held_commit(&mut self) -> Option<Certificate> {
        let mut highest = None;
        for certificate in self.chain.replayed.values().cloned().collect::<Vec<_>>() {
            if !self.chain.holds(certificate.id, certificate.sequence) {
                // What is above extends what is missing.
                break;
            }
            highest = Some(certificate);
        }
        highest
    }

    fn take_view(
        &mut self,
        first_start: bool,
        justification: Option<Justification>,
        opening: Option<NewView>,
    ) {
        let view = self.disk.promise.view;
        self.term.justification = justification.unwrap_or(Justification::Genesis);
        // Kept for laggards; V21: never acted upon again.
        self.term.new_view = opening;
        if planted::is_on(Bug::NewViewAfterRestart) {
            self.term.new_view = None;
        }
        if (first_start || (view.0 == 0 && planted::is_on(Bug::VotesAgainAfterRestart))) && self.may_vote() {
            return self.begin_first_view();
        }
        // V21: this process did not enter the view.
        self.term.entered_here = planted::is_on(Bug::NewViewAfterRestart);
        if !self.may_vote() {
            return;
        }
        // D7: what was prepared here before is not known any more, so nothing at or below the lease is prepared.
        self.term.sitting_out = true;
        if planted::is_on(Bug::LeaseLostAtRestart) {
            self.disk.promise.lease = Sequence(0);
        }
        self.disk.durable_lease = self.disk.promise.lease;
        let lock = self.lock.clone();
        let sequence = lock.rank.sequence;
        if let (true, Some(certificate)) = (lock.rank.view == view, lock.certificate)
            && self.chain.holds(lock.id, sequence)
        {
            // D9: the lock itself may end the sitting out.
            self.fast_forward(&certificate);
        }
        if self.is_leader() {
            // D10: a leader that restarts leads no more here, and says so at once.
            self.suspect('r');
        }
    }

    /// D10: a leader that stops hands over at once, instead of being waited for. It proposes nothing more; what it has proposed may
    /// still be agreed on without it.
    pub(crate) fn on_stopping(&mut self) {
        self.is_leaving = true;
        self.hand_over();
    }

    /// D28: a leader whose disk hangs can neither send COMMIT nor renew its lease. It hands over as one that stops does, and
    /// leads again, if it is its turn, when the disk is well.
    pub(crate) fn on_disk(&mut self, is_stuck: bool) {
        self.is_disk_stuck = is_stuck;
        if is_stuck {
            self.hand_over();
        } else {
            self.try_new_view();
        }
    }

    fn hand_over(&mut self) {
        if self.is_leader() && self.may_vote() {
            let has_said = self.mutiny.reason.is_some();
            self.suspect('r');
            if has_said {
                self.send_suspect();
            }
        }
    }

    /// Q6: view 0 begins as if its NEWVIEW on genesis had been accepted.
    fn begin_first_view(&mut self) {
        let genesis = Tip {
            sequence: self.chain.committed,
            id: self.chain.committed_id,
            time: self.chain.committed_time,
        };
        self.term.mode = Mode::Normal;
        self.term.voted = Some(genesis);
        self.term.base = genesis.sequence;
        self.term.leads = self.is_leader();
        let lease = genesis.sequence.plus(self.config.tunables.lease_slots);
        self.persist_promise(Vec::new(), lease);
        let view = self.term.view;
        self.note(Note::Opened { view });
    }
}
