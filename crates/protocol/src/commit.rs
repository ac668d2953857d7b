//! Certificates: raising the lock, COMMIT votes, fast-forward, and committing (N11 to N14).

use crate::limits::SLOTS_AHEAD;
use crate::output::{CommittedBlock, Draft, Note, Output, Recipients};
use crate::record::{Justification, Record, Voting};
use crate::replica::Replica;
use crate::slot::Votes;
use crate::term::{Mode, Tip};
use crate::window::Missing;
use alloc::sync::Arc;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Block, Certificate, Digest, Evidence, Phase, ReplicaId, Sequence, Signed};

impl Replica {
    /// A certificate, formed here or shown by a peer. Its signatures hold.
    pub(crate) fn on_certificate(&mut self, certificate: Certificate, from: Option<ReplicaId>) {
        if !certificate.is_well_formed(self.quorum) {
            // Q4: the verifier should have refused it already.
            return;
        }
        self.complete_lock(&certificate);
        if certificate.phase == Phase::Commit && certificate.sequence <= self.chain.committed {
            return self.on_late_commit(certificate);
        }
        // Q7: what ranks no higher than what is held changes nothing.
        let is_news = match certificate.phase {
            Phase::Commit => certificate.sequence > self.chain.committed,
            Phase::Prepare => certificate.rank() > self.lock.rank || planted::is_on(Bug::LockGoesDown),
        };
        if !is_news {
            return;
        }
        if certificate.view > self.term.view {
            // V12: a certificate of a view is the right to be in it.
            self.enter(certificate.view, Justification::Certificate(certificate.clone()));
        }
        match self.chain.missing(certificate.id, certificate.sequence) {
            Missing::Nothing => self.accept(&certificate),
            // N14, C9: nothing follows from it before its data is here.
            Missing::Block(..) | Missing::Batches(_) => {
                self.need_certified(&certificate, from);
                self.catch_up.keep(certificate);
            }
            Missing::Impossible => self.on_impossible(&certificate),
        }
    }

    /// D23: takes the proof of a lock that was lost from the disk.
    fn complete_lock(&mut self, certificate: &Certificate) {
        if !self.lock.lacks(certificate) {
            return;
        }
        self.lock.certificate = Some(certificate.clone());
        // D2: what names this lock waits for its proof as it does for its promise.
        self.disk.promise_ticket = self.persist(alloc::vec![Record::Certificate(certificate.clone())]);
        self.refetch_lock();
        if certificate.view == self.term.view && self.chain.holds(certificate.id, certificate.sequence) {
            // D9: as at a restart that finds it on the disk.
            self.fast_forward(certificate);
        }
        if let Justification::Timeout(timeout) = &self.term.justification
            && self.term.mode == Mode::Changing
        {
            // V14: what could not be told before.
            self.send_view_change(timeout.clone());
        }
    }

    /// A certificate whose block and ancestors are held.
    pub(crate) fn accept(&mut self, certificate: &Certificate) {
        self.raise_lock(certificate);
        if certificate.view == self.term.view {
            if self.term.lacks_justification() {
                self.complete_justification(Justification::Certificate(certificate.clone()));
            }
            self.fast_forward(certificate);
            self.vote_commit(certificate);
        }
        if certificate.phase == Phase::Commit || planted::is_on(Bug::CommitAfterPrepare) {
            self.commit(certificate);
        } else if certificate.view == self.term.view {
            // P7: a block of an earlier view that is certified late may lie beside this view's base; its requests still wait.
            self.on_ordered(certificate.id);
        }
    }

    /// N13: votes go on from a certified block above the last prepared one.
    pub(crate) fn fast_forward(&mut self, certificate: &Certificate) {
        let behind = self.term.voted.is_none_or(|tip| tip.sequence < certificate.sequence);
        // D9: while sitting out, only a block at or above the lease ends it.
        let below_lease = self.term.sitting_out
            && certificate.sequence < self.disk.promise.lease
            && self.may_vote()
            && !planted::is_on(Bug::SitsOutTooShort);
        if !behind || below_lease {
            return;
        }
        let Some(time) = self.chain.time_of(certificate.id, certificate.sequence) else { return };
        self.term.voted = Some(Tip { sequence: certificate.sequence, id: certificate.id, time });
        self.term.base = certificate.sequence;
        let view = self.term.view;
        if core::mem::take(&mut self.term.sitting_out) {
            self.note(Note::VotesAgain { view });
        }
        if self.term.mode == Mode::Changing {
            // N13: this sets normal mode by itself; a NEWVIEW of this view means nothing any more (V21).
            self.term.mode = Mode::Normal;
            self.note(Note::Opened { view });
        }
    }

    /// N11: COMMIT once the lock, the block and all ancestors are durable.
    fn vote_commit(&mut self, certificate: &Certificate) {
        // N12: a later slot covers the earlier ones, so votes only rise.
        if !self.may_vote() || certificate.sequence <= self.term.committed_vote {
            return;
        }
        self.term.committed_vote = certificate.sequence;
        let vote = self.vote(Phase::Commit, certificate.rank(), certificate.id);
        // D1, D2: the last promise names this lock or a higher one of this view, and the view itself. Where a lock that was
        // there already got its block back (C7, D23), the block was handed to the disk after that promise.
        let gate = self.disk.gate(self.disk.last).filter(|_| !planted::is_on(Bug::CommitBeforeLock));
        self.send(Recipients::Others, Draft::Commit(vote), gate);
    }

    /// N14: the block and all its ancestors are final.
    fn commit(&mut self, certificate: &Certificate) {
        if self.chain.committed >= self.execution_end() {
            if self.catch_up.withhold(certificate) {
                self.on_progress(certificate.view);
            }
            return;
        }
        let mut records = self.unwritten_blocks(certificate.id);
        if self.lock.certificate.as_ref() != Some(certificate) {
            records.push(Record::Certificate(certificate.clone()));
        }
        self.persist(records);
        let old_committed = self.chain.committed;
        self.hand_out(certificate);
        if self.chain.last_commit.as_ref().is_none_or(|held| held.sequence < certificate.sequence) {
            self.chain.last_commit = Some(certificate.clone());
        }
        self.after_commit(certificate.view);
        debug_assert!(
            self.chain.committed > old_committed,
            "a commit certificate above the tip moves the tip"
        );
    }

    /// How far blocks may be handed to execution.
    pub(crate) fn execution_end(&self) -> Sequence {
        // E10: the slots in flight when the leader pauses still fit.
        let tunables = &self.config.tunables;
        self.chain.executed.plus(tunables.execution_lag_max.saturating_add(tunables.in_flight_max).max(1))
    }

    /// The highest block that is known to be final together with its ancestors, all of them held.
    pub(crate) fn agreed(&self) -> Sequence {
        let withheld = self.catch_up.withheld.as_ref().map(|certificate| certificate.sequence);
        withheld.map_or(self.chain.committed, |sequence| sequence.max(self.chain.committed))
    }

    /// Commits the held block and its ancestors, as many as execution may be given.
    pub(crate) fn hand_out(&mut self, certificate: &Certificate) {
        let end = self.execution_end();
        let mut path = self.chain.path_to(certificate.id);
        if planted::is_on(Bug::AncestorsNotCommitted) {
            path = alloc::vec![certificate.id];
        }
        for id in path {
            let Some(entry) = self.chain.entries.get(&id) else { return };
            let Some(block) = entry.block.clone() else { return };
            if block.header.body.sequence > end {
                // E10: the rest waits in its place.
                self.catch_up.withhold(certificate);
                return;
            }
            let own = match self.chain.replayed.remove(&block.header.body.sequence) {
                _ if id == certificate.id => Some(certificate.clone()),
                replayed => replayed.filter(|replayed| replayed.id == id),
            };
            self.commit_block(id, block, own);
        }
    }

    /// Execution went on: what waited for it goes on too, a good part at a time.
    pub(crate) fn on_execution_room(&mut self) {
        let lag = self.chain.committed.since(self.chain.executed);
        if lag > self.config.tunables.execution_lag_max / 2 {
            return;
        }
        match self.catch_up.withheld.take() {
            Some(certificate) => self.on_certificate(certificate, None),
            None => self.resume_range(),
        }
    }

    fn commit_block(&mut self, id: Digest, block: Arc<Block>, certificate: Option<Certificate>) {
        let sequence = block.header.body.sequence;
        self.on_requests_committed(&block);
        let committed = Arc::new(CommittedBlock { id, block: (*block).clone(), certificate });
        self.measure_commit_time(block.header.body.rank());
        self.chain.advance(Arc::clone(&committed));
        if block.header.body.view == self.term.view {
            self.count_tenure();
        }
        self.out.push(Output::Commit(committed));
        debug_assert_eq!(self.chain.committed, sequence, "blocks are committed in order");
    }

    fn after_commit(&mut self, view: outvote_types::View) {
        self.chain.forget_below();
        self.slots.forget(self.term.view, self.chain.committed);
        self.catch_up.forget(self.chain.committed, self.lock.rank);
        self.on_progress(view);
        self.on_block_held();
    }

    /// A commit certificate for what is committed already.
    fn on_late_commit(&mut self, certificate: Certificate) {
        match self.chain.ids.get(&certificate.sequence) {
            Some(id) if *id != certificate.id => self.on_fork(&certificate),
            Some(_) => {
                let Some(cached) = self.chain.cache.get_mut(&certificate.sequence) else { return };
                if cached.certificate.is_none() {
                    // Its block was committed through a descendant; receipts are shorter with its own certificate.
                    let block =
                        CommittedBlock { certificate: Some(certificate.clone()), ..(**cached).clone() };
                    *cached = Arc::new(block);
                    self.out.push(Output::Certified(certificate));
                }
            }
            None => {}
        }
    }

    fn on_impossible(&mut self, certificate: &Certificate) {
        if certificate.phase == Phase::Commit
            && certificate.sequence.since(self.chain.committed) <= SLOTS_AHEAD
        {
            // A commit certificate above the committed block that does not extend it.
            self.on_fork(certificate);
        }
    }

    /// X5: two final blocks in one place mean more liars than any protocol survives. Name them, and stop.
    fn on_fork(&mut self, certificate: &Certificate) {
        let rank = certificate.rank();
        if let Some(slot) = self.slots.get(rank) {
            let doubles: Vec<Evidence> = contradictions(slot.votes(certificate.phase), certificate);
            doubles.into_iter().for_each(|evidence| self.convict(evidence));
        }
        self.persist(alloc::vec![Record::Certificate(certificate.clone())]);
        self.retire("X5 two commit certificates contradict each other");
    }

    pub(crate) fn become_observer(&mut self, why: &'static str) {
        if self.may_vote() {
            // D17: nothing is voted with this key any more.
            self.voting = Voting::Observer { why };
            self.note(Note::Observer { why });
        }
    }
}

/// The votes in a certificate that contradict what the same signers voted before.
fn contradictions(votes: &Votes, certificate: &Certificate) -> Vec<Evidence> {
    let pairs = certificate.votes.iter().filter_map(|(replica, signature)| {
        let (id, first) = votes.get(replica).filter(|(id, _)| *id != certificate.id)?;
        let second = certificate.vote_of(*replica);
        let first = Signed::new(outvote_types::Vote { id: *id, ..second }, *first);
        Some(Evidence::Votes(first, Signed::new(second, *signature)))
    });
    pairs.collect()
}
