//! Checkpoints: votes, stability, divergence and installed states (C rules).

use crate::limits::{CHECKPOINT_VOTES_PER_PEER, RETAINED_INTERVALS};
use crate::output::{Draft, Note, Output, Recipients};
use crate::record::{Justification, Record};
use crate::replica::Replica;
use crate::sizes::Sizes;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    BoundedVec, CheckpointCertificate, CheckpointVote, Digest, Message, ReplicaId, Sequence, Signature,
    Signed, SignedHeader, WallTime,
};

/// What is known of checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// The latest stable one.
    stable: Option<CheckpointCertificate>,
    /// Where the latest stable ones lie, this one included, oldest first; one more than [`RETAINED_INTERVALS`] at most.
    ends: Vec<Sequence>,
    /// The latest votes of each sender, at most [`CHECKPOINT_VOTES_PER_PEER`].
    votes: BTreeMap<ReplicaId, BTreeMap<Sequence, Signed<CheckpointVote>>>,
    /// Our own states' roots at the latest checkpoints.
    own: BTreeMap<Sequence, Digest>,
    /// Whether a quorum's root contradicts ours: nothing is answered until the state is repaired (C4).
    pub(crate) diverged: bool,
    /// The checkpoint whose state is being fetched.
    fetching: Option<Sequence>,
}

impl Checkpoints {
    pub(crate) const fn stable(&self) -> Option<&CheckpointCertificate> {
        self.stable.as_ref()
    }

    /// Takes a checkpoint as the latest stable one.
    pub(crate) fn set_stable(&mut self, certificate: CheckpointCertificate) {
        self.ends.push(certificate.sequence);
        if self.ends.len() > RETAINED_INTERVALS.saturating_add(1) {
            self.ends.remove(0);
        }
        self.stable = Some(certificate);
    }

    /// The end of what is no longer kept for laggards, if as many checkpoints are known as are kept. Where many bytes come
    /// together there are more checkpoints than one per interval, and fewer blocks are kept.
    fn retained_above(&self) -> Option<Sequence> {
        self.ends.first().copied().filter(|_| self.ends.len() > RETAINED_INTERVALS)
    }

    pub(crate) fn stable_sequence(&self) -> Sequence {
        self.stable.as_ref().map_or(Sequence(0), |stable| stable.sequence)
    }

    /// A sender's votes that are not covered by a stable checkpoint yet (T6).
    pub(crate) fn unstable_votes_of(&self, replica: ReplicaId) -> Vec<Message> {
        let stable = self.stable_sequence();
        let votes = self.votes.get(&replica).into_iter().flat_map(BTreeMap::values);
        votes.filter(|vote| vote.body.sequence > stable).cloned().map(Message::Checkpoint).collect()
    }

    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.checkpoint_votes = self.votes.values().map(BTreeMap::len).max().unwrap_or(0);
        sizes.own_roots = self.own.len();
    }

    fn keep(&mut self, vote: Signed<CheckpointVote>) {
        let places = self.votes.entry(vote.body.replica).or_default();
        // N16: the first vote of a sender for a sequence. B2: a few of the latest per sender.
        places.entry(vote.body.sequence).or_insert(vote);
        while places.len() > CHECKPOINT_VOTES_PER_PEER {
            places.pop_first();
        }
    }

    /// The votes for this sequence, by what they say.
    fn equal_votes(&self, sequence: Sequence) -> BTreeMap<(Digest, Digest), Vec<(ReplicaId, Signature)>> {
        let mut equal: BTreeMap<(Digest, Digest), Vec<(ReplicaId, Signature)>> = BTreeMap::new();
        for (replica, places) in &self.votes {
            if let Some(vote) = places.get(&sequence) {
                let mixed = self.own.get(&sequence).filter(|_| planted::is_on(Bug::CheckpointRootsMixed));
                let key = (vote.body.id, mixed.copied().unwrap_or(vote.body.state_root));
                equal.entry(key).or_default().push((*replica, vote.signature));
            }
        }
        equal
    }
}

impl Replica {
    /// Blocks between two checkpoints at most.
    pub(crate) fn checkpoint_interval(&self) -> u64 {
        self.config.committee.parameters.checkpoint_interval.max(1)
    }

    /// Blocks below a stable checkpoint that are kept for laggards at most.
    fn retained_blocks(&self) -> u64 {
        let intervals = u64::try_from(RETAINED_INTERVALS).unwrap_or(u64::MAX);
        self.checkpoint_interval().saturating_mul(intervals)
    }

    /// The application executed a block.
    pub(crate) fn on_executed(
        &mut self,
        sequence: Sequence,
        result_root: Digest,
        state_root: Option<Digest>,
    ) {
        // Only what was handed out comes back; anything else belongs to a state that was replaced.
        if sequence > self.chain.committed || sequence <= self.chain.executed {
            return;
        }
        self.chain.executed = sequence;
        self.turn_over(sequence);
        let Some(id) = self.chain.ids.get(&sequence).copied() else { return self.on_execution_room() };
        // R1: one REPLY per block; C4, D17: none from a diverged state or a lost key.
        if (!self.checkpoints.diverged || planted::is_on(Bug::RepliesWhileDiverged)) && self.may_vote() {
            self.out.push(Output::Reply { sequence, id, result_root });
        }
        // C1: where a checkpoint is due the executor knows, which counts the agreed blocks and their bytes.
        if let Some(root) = state_root {
            self.on_state_root(sequence, id, root);
        }
        self.on_execution_room();
    }

    fn on_state_root(&mut self, sequence: Sequence, id: Digest, state_root: Digest) {
        self.checkpoints.own.insert(sequence, state_root);
        while self.checkpoints.own.len() > CHECKPOINT_VOTES_PER_PEER {
            self.checkpoints.own.pop_first();
        }
        if self.may_vote() {
            // C1, D5: the root comes only once the snapshot is durable.
            let vote = CheckpointVote { sequence, id, state_root, replica: self.config.me };
            self.send(Recipients::Others, Draft::Checkpoint(vote), None);
        }
        self.check_divergence(sequence);
    }

    pub(crate) fn on_checkpoint(&mut self, vote: Signed<CheckpointVote>) {
        let sequence = vote.body.sequence;
        // A vote where none is due fills one of its sender's own places, and no correct replica ever joins it.
        if sequence.0 == 0 || !self.quorum.has(vote.body.replica) {
            return;
        }
        if sequence > self.checkpoints.stable_sequence() {
            self.checkpoints.keep(vote);
        }
        for ((id, state_root), votes) in self.checkpoints.equal_votes(sequence) {
            if votes.len() >= self.quorum.quorum() {
                let votes = BoundedVec::truncated(votes);
                self.on_stable(CheckpointCertificate { sequence, id, state_root, votes });
            }
        }
        self.check_divergence(sequence);
    }

    /// C4: f + 1 others agree on a root that is not ours.
    fn check_divergence(&mut self, sequence: Sequence) {
        let Some(own) = self.checkpoints.own.get(&sequence).copied() else { return };
        let weak = self.quorum.weak();
        let equal = self.checkpoints.equal_votes(sequence);
        let voted = equal.iter().any(|((_, root), votes)| *root != own && votes.len() >= weak);
        let stable = self.checkpoints.stable.as_ref();
        let proven = stable.is_some_and(|stable| stable.sequence == sequence && stable.state_root != own);
        if (voted || proven) && !self.checkpoints.diverged && !planted::is_on(Bug::DivergenceUnnoticed) {
            self.checkpoints.diverged = true;
            self.note(Note::Diverged { sequence });
        }
        self.maybe_fetch_state();
    }

    /// C1: a quorum has this state.
    pub(crate) fn on_stable(&mut self, certificate: CheckpointCertificate) {
        let sequence = certificate.sequence;
        if sequence <= self.checkpoints.stable_sequence() || !certificate.is_well_formed(self.quorum) {
            return;
        }
        self.checkpoints.set_stable(certificate.clone());
        self.persist_again(certificate.clone());
        // C2: two intervals stay for laggards; C3: nothing above the stable checkpoint is ever dropped.
        let most = Sequence(sequence.0.saturating_sub(self.retained_blocks()));
        let below = self.checkpoints.retained_above().map_or(most, |end| end.max(most));
        // A laggard still needs what it has not executed, and its lock.
        let low = below.min(self.chain.executed).min(Sequence(self.lock.rank.sequence.0.saturating_sub(1)));
        let retain_from =
            if planted::is_on(Bug::DropsWhatLaggardsNeed) { sequence.next() } else { low.next() };
        self.out.push(Output::Stable { certificate, retain_from });
        for places in self.checkpoints.votes.values_mut() {
            places.retain(|at, _| *at >= sequence);
        }
        self.check_divergence(sequence);
        self.maybe_fetch_state();
    }

    /// C3: what must never be dropped is written again, so that the log may lose its beginning.
    fn persist_again(&mut self, stable: CheckpointCertificate) {
        let mut records = alloc::vec![Record::Stable(stable)];
        if !planted::is_on(Bug::EvidenceDroppedAtCheckpoint) {
            records.extend(self.charges.records());
        }
        records.extend(
            (self.own.retired && !planted::is_on(Bug::RetirementDroppedAtCheckpoint))
                .then_some(Record::Retired),
        );
        records.extend(self.lock.certificate.clone().map(Record::Certificate));
        records.extend(self.chain.last_commit.clone().map(Record::Certificate));
        // X5: the opening as well, where another thing let us in.
        let opening = self.term.new_view.clone().map(|opening| Justification::NewView(opening.into()));
        records
            .extend(opening.filter(|opening| *opening != self.term.justification).map(Record::Justification));
        records.push(Record::Justification(self.term.justification.clone()));
        let lease = self.next_lease();
        self.persist_promise(records, lease);
    }

    /// C4, C6: fetches the state when ours is wrong, or when the blocks up to it can no longer be had.
    pub(crate) fn maybe_fetch_state(&mut self) {
        let Some(stable) = self.checkpoints.stable.clone() else { return };
        let beyond = stable.sequence.since(self.chain.committed) > self.retained_blocks();
        let gone = self.catch_up.gone.len() >= self.quorum.weak() && stable.sequence > self.chain.committed;
        let own = self.checkpoints.own.get(&stable.sequence);
        // A diverged state is repaired from a checkpoint whose root is known to differ from ours, or a later one.
        let wrong = self.checkpoints.diverged && own.is_none_or(|own| *own != stable.state_root);
        if !(beyond || gone || wrong) || self.checkpoints.fetching >= Some(stable.sequence) {
            return;
        }
        self.checkpoints.fetching = Some(stable.sequence);
        self.out.push(Output::FetchState { certificate: stable, repair: wrong });
    }

    /// A fetched state is installed and durable.
    pub(crate) fn on_state_installed(
        &mut self,
        certificate: CheckpointCertificate,
        header: Box<SignedHeader>,
    ) {
        let sequence = certificate.sequence;
        if header.body.sequence != sequence || header.body.id() != certificate.id {
            return;
        }
        self.checkpoints.fetching = None;
        self.on_stable(certificate.clone());
        self.persist(alloc::vec![Record::Installed {
            certificate: certificate.clone(),
            header: header.clone()
        }]);
        if planted::is_on(Bug::LockLoweredByTransfer) {
            self.lock.rank = header.body.rank();
            self.lock.id = certificate.id;
        }
        self.checkpoints.own = BTreeMap::from([(sequence, certificate.state_root)]);
        if core::mem::take(&mut self.checkpoints.diverged) {
            self.note(Note::Repaired { sequence });
        }
        self.pool.forget_waiting();
        self.relays.begin();
        self.go_on_from(sequence, certificate.id, header.body.time);
    }

    /// C11: our state stays what it was.
    pub(crate) fn on_state_kept(&mut self, header: Option<&SignedHeader>) {
        // Asked for again when there is still a reason.
        self.checkpoints.fetching = None;
        let genesis = (Sequence(0), self.chain.genesis(), WallTime(0));
        let (sequence, id, time) =
            header.map_or(genesis, |header| (header.body.sequence, header.body.id(), header.body.time));
        if sequence <= self.chain.committed {
            self.go_on_from(sequence, id, time);
        }
    }

    /// C7, D21: the lock stays as it is; only what is executed starts again from here.
    fn go_on_from(&mut self, sequence: Sequence, id: Digest, time: WallTime) {
        let again: Vec<_> =
            self.chain.cache.range(sequence.next()..).map(|(_, block)| Arc::clone(block)).collect();
        self.chain.restart_at(sequence, id, time);
        self.turnover.begin_anew();
        for block in again {
            if block.block.header.body.parent != self.chain.committed_id {
                break;
            }
            let header = &block.block.header.body;
            self.count_turnover(header.sequence, usize::try_from(header.requests()).unwrap_or(usize::MAX));
            self.chain.advance(Arc::clone(&block));
            self.out.push(Output::Commit(block));
        }
        self.catch_up.forget(self.chain.committed, self.lock.rank);
        self.refetch_lock();
        if let Some(certificate) = self.chain.last_commit.clone() {
            self.on_certificate(certificate, None);
        }
        self.on_block_held();
        self.on_execution_room();
    }

    /// C7, D23: a lock whose block is missing, after a repair or from a damaged disk, is obtained again.
    pub(crate) fn refetch_lock(&mut self) {
        let (id, rank) = (self.lock.id, self.lock.rank);
        if let Some(certificate) = self.lock.certificate.clone() {
            let sources = certificate.votes.iter().map(|vote| vote.0).collect();
            self.need(id, rank.sequence, sources);
        }
    }
}
