//! The leader's part: cutting batches and proposing them.

use crate::output::{Draft, Recipients};
use crate::replica::Replica;
use crate::term::{Mode, Tip};
use alloc::sync::Arc;
use alloc::vec::Vec;
use outvote_types::limits::MAX_REQUESTS_PER_BATCH;
use outvote_types::planted::{self, Bug};
use outvote_types::{Batch, BatchRef, BoundedVec, Digest, Header, Instant, Request, Signable, merkle};

impl Replica {
    /// Proposes as much as the rules allow.
    pub(crate) fn try_propose(&mut self) {
        while self.may_propose() {
            let Some(tip) = self.term.voted else { return };
            self.propose_on(tip);
        }
    }

    /// Whether this replica may ever propose in this view.
    pub(crate) fn is_proposer(&self) -> bool {
        // N1, D7: in normal mode, as the process that opened the view, never after a restart in it.
        self.is_leader()
            && self.term.leads
            && self.term.mode == Mode::Normal
            && !self.term.sitting_out
            && !self.is_leaving
            && !self.is_disk_stuck
            && self.may_vote()
    }

    fn may_propose(&self) -> bool {
        let Some(tip) = self.term.voted.filter(|_| self.is_proposer()) else { return false };
        let in_flight = tip.sequence.since(self.chain.committed);
        // N1: fewer than K in flight, and inside the window.
        if tip.sequence >= self.slots_end() {
            return false;
        }
        // N1: a view's first block is proposed even if it is empty; it shows that the view works and commits what the
        // view before has prepared.
        if !self.term.proposed {
            return true;
        }
        // P12: its turn is over, so that the slots in flight come to an end.
        if self.is_turn_over(tip.sequence) {
            return false;
        }
        // E10: execution lags too far, so no payload for now.
        !self.is_execution_behind() && self.is_batch_due(in_flight)
    }

    /// Whether committed blocks wait too long for execution (E10).
    pub(crate) fn is_execution_behind(&self) -> bool {
        if planted::is_on(Bug::ExecutionUnbounded) {
            return false;
        }
        self.catch_up.withheld.is_some()
            || self.turnover.is_behind()
            || self.chain.committed.since(self.chain.executed) > self.config.tunables.execution_lag_max
    }

    fn is_batch_due(&self, in_flight: u64) -> bool {
        if self.pool.untaken() == 0 {
            return false;
        }
        // N2: at once if the pipeline is idle, else when full or old enough.
        in_flight == 0
            || self.pool.untaken() >= self.batch_count()
            || self.pool.untaken_bytes() >= self.config.tunables.batch_bytes_max
            || self.batch_deadline().is_some_and(|due| due <= self.now)
    }

    /// When the batch that waits will have lingered long enough.
    pub(crate) fn batch_deadline(&self) -> Option<Instant> {
        self.pool.oldest_untaken().map(|since| since.plus(self.linger_us()))
    }

    /// N2: how many requests make a batch full. A slot in flight says that the cluster is busy, and a busy cluster is better
    /// served by fewer rounds of votes, as long as commits stay quick.
    fn batch_count(&self) -> usize {
        let tunables = &self.config.tunables;
        let times = if planted::is_on(Bug::GrowthBlind) {
            tunables.batch_growth.max(1)
        } else {
            self.growth.times(tunables.batch_growth)
        };
        let most = tunables.batch_count_max.max(1).saturating_mul(times);
        most.min(MAX_REQUESTS_PER_BATCH)
    }

    /// N2: how long a batch waits for more while others are under way.
    fn linger_us(&self) -> u64 {
        let tunables = &self.config.tunables;
        let busy = if tunables.batch_growth > 1 { self.timers.commit_time_us } else { 0 };
        // A leader that lingers must not look like one that is slow on purpose.
        tunables.linger_us.saturating_add(busy.min(self.window_us() / 16))
    }

    fn propose_on(&mut self, tip: Tip) {
        let sequence = tip.sequence.next();
        let requests = if self.is_execution_behind() {
            Vec::new()
        } else {
            let most = self.batch_count();
            self.pool.take(most, self.config.tunables.batch_bytes_max)
        };
        let (batches, references) = self.cut(requests);
        let leaves: Vec<Digest> = batches.iter().flat_map(|batch| batch.payload_leaves()).collect();
        let first = !self.term.proposed;
        let opening = self.term.new_view.as_ref().map(|new_view| new_view.signed.body.digest());
        let header = Header {
            epoch: self.config.committee.epoch,
            view: self.term.view,
            sequence,
            parent: tip.id,
            // W6: the only time that applications ever see.
            time: self.next_time(tip.time),
            leader: self.config.me,
            batches: references,
            payload_root: merkle::root(&leaves),
            new_view_digest: opening.filter(|_| first),
            control: None,
        };
        // D3: a proposal carries our PREPARE, so it needs the lease as well.
        let gate = self.lease_gate(sequence);
        self.term.proposed = true;
        // N3, N10: the tip moves on with the draft; nothing else is ever proposed or prepared in this slot.
        self.term.voted = Some(Tip { sequence, id: header.id(), time: header.time });
        self.slots.at(header.rank()).voted_at = Some(self.now);
        self.timers.proposed_at = self.now;
        self.send(Recipients::Others, Draft::Propose { header: header.into(), batches }, gate);
    }

    fn cut(&mut self, requests: Vec<Request>) -> (Vec<Arc<Batch>>, References) {
        if requests.is_empty() {
            return (Vec::new(), References::default());
        }
        self.pool.lane_sequence = self.pool.lane_sequence.saturating_add(1);
        let batch = Batch {
            author: self.config.me,
            lane_sequence: self.pool.lane_sequence,
            requests: BoundedVec::truncated(requests),
        };
        let references = BoundedVec::truncated(alloc::vec![batch.reference()]);
        (alloc::vec![Arc::new(batch)], references)
    }
}

type References = BoundedVec<BatchRef, { outvote_types::limits::MAX_BATCHES_PER_HEADER }>;
