//! The normal case: headers, batches and votes come in, PREPAREs go out (N rules).

use crate::limits::{INVALID_BATCHES_MAX, SLOTS_AHEAD};
use crate::output::{Draft, Recipients};
use crate::replica::Replica;
use crate::slot::{Counted, Slots};
use crate::term::{Mode, Tip};
use crate::window::Entry;
use outvote_types::evidence::is_header_allowed;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    Batch, Digest, Evidence, Message, Phase, Prepare, Propose, Rank, ReplicaId, Sequence, Signed,
    SignedHeader, Vote,
};

impl Replica {
    pub(crate) fn on_propose(&mut self, from: ReplicaId, propose: Propose) {
        let Propose { header, prepare, batches } = propose;
        let id = self.on_header(&header);
        if let Some(id) = id {
            for batch in &batches {
                self.fill(id, batch.digest(), batch);
            }
            self.after_data(id);
        }
        let prepare = Prepare { vote: prepare, header };
        self.on_vote_with_header(from, prepare, id);
    }

    pub(crate) fn on_prepare(&mut self, from: ReplicaId, prepare: Prepare) {
        // N4: a header counts the same from the leader and from any PREPARE.
        let id = self.on_header(&prepare.header);
        self.on_vote_with_header(from, prepare, id);
    }

    fn on_vote_with_header(&mut self, from: ReplicaId, prepare: Prepare, id: Option<Digest>) {
        let vote = prepare.vote.clone();
        if vote.body.phase != Phase::Prepare {
            return self.ignore(from, "N4 not a PREPARE");
        }
        if let Some(entry) = id.and_then(|id| self.chain.entries.get_mut(&id)) {
            // N9: whoever prepared a block holds its batches.
            if id == Some(vote.body.id) {
                entry.echoers.insert(vote.body.replica);
            }
        }
        if self.is_own(from, &vote.body) {
            // T6: kept for sending again, without the batches.
            self.slots.at(vote.body.rank()).my_prepare = Some(Message::Prepare(prepare.into()));
        }
        self.count(vote);
    }

    pub(crate) fn on_commit(&mut self, from: ReplicaId, vote: Signed<Vote>) {
        if vote.body.phase != Phase::Commit {
            return self.ignore(from, "N11 not a COMMIT");
        }
        if self.is_own(from, &vote.body) {
            self.slots.at(vote.body.rank()).my_commit = Some(Message::Commit(vote.clone()));
        }
        self.count(vote);
    }

    /// Whether this is our own vote coming back, and still of use.
    fn is_own(&self, from: ReplicaId, vote: &Vote) -> bool {
        from == self.config.me
            && vote.replica == self.config.me
            && self.is_near(vote.view)
            && Slots::is_near(vote.sequence, self.chain.committed)
    }

    /// N16: counts a vote; acts on the certificate that it may complete.
    fn count(&mut self, vote: Signed<Vote>) {
        let Vote { phase, view, sequence, id, replica } = vote.body;
        if !self.quorum.has(replica) || !self.is_near(view) || !Slots::is_near(sequence, self.chain.committed)
        {
            return self.ignore(replica, "B2 vote outside the window");
        }
        let slot = self.slots.at(vote.body.rank());
        let counted = slot.count(&vote, self.quorum);
        if phase == Phase::Prepare && view == self.term.view {
            self.measure_prepare(&vote.body);
            self.on_new_slot(sequence);
        } else if phase == Phase::Commit && view == self.term.view {
            self.measure_commit(&vote.body);
        }
        match counted {
            Counted::Completes(certificate) => self.on_certificate(certificate, None),
            Counted::Contradicts(first) => self.convict(Evidence::Votes(first, vote)),
            Counted::New => self.pull_if_weak_quorum(vote.body.rank(), id),
            Counted::Known => {}
        }
    }

    /// C9, Q2: f + 1 PREPAREs for an unknown block: one honest replica at least holds it, so it is pulled from them.
    fn pull_if_weak_quorum(&mut self, rank: Rank, id: Digest) {
        if rank.view != self.term.view || rank.sequence <= self.chain.committed {
            return;
        }
        let Some(slot) = self.slots.get(rank) else { return };
        if slot.first.as_ref().is_some_and(|(first, _)| *first == id) {
            return;
        }
        let preparers = slot.preparers(id);
        if preparers.len() >= self.quorum.weak() {
            self.need(id, rank.sequence, preparers);
        }
    }

    /// Takes note of a leader-signed header; gives its identity if it is kept.
    pub(crate) fn on_header(&mut self, header: &SignedHeader) -> Option<Digest> {
        let body = &header.body;
        let rank = body.rank();
        if let Some((id, first)) = self.slots.get(rank).and_then(|slot| slot.first.as_ref())
            && first.body == *body
        {
            // The usual case, without hashing: the echo of a known header.
            let id = *id;
            return self.chain.entries.contains_key(&id).then_some(id).or_else(|| self.keep(id, header));
        }
        if !is_header_allowed(body, self.quorum, self.config.committee.epoch) {
            // V4, X1: a signed header that no rule allows convicts its leader.
            self.convict(Evidence::Header(header.clone().into()));
            return None;
        }
        if !self.is_near(body.view) || !Slots::is_near(body.sequence, self.chain.committed) {
            return None;
        }
        let id = body.id();
        let slot = self.slots.at(rank);
        if let Some((_, first)) = &slot.first {
            // X1: two different headers for one slot.
            let first = first.clone();
            if !planted::is_on(Bug::EquivocationUnnoticed) {
                self.convict(Evidence::Headers(first.into(), header.clone().into()));
            }
            if !self.catch_up.is_needed(&id) {
                return None;
            }
        } else {
            slot.first = Some((id, header.clone()));
            self.check_parent(header);
        }
        self.keep(id, header)
    }

    /// An honest leader builds on its own header of the slot before, so a stray parent shows two of them.
    fn check_parent(&mut self, header: &SignedHeader) {
        let body = &header.body;
        let before = Rank { view: body.view, sequence: Sequence(body.sequence.0.saturating_sub(1)) };
        let strays = self
            .slots
            .get(before)
            .and_then(|slot| slot.first.as_ref())
            .is_some_and(|(id, _)| *id != body.parent);
        if strays && body.view == self.term.view {
            // V4: a leader-signed message that no rule allows.
            self.suspect('d');
        }
    }

    /// B2: keeps a header as an entry, if it lies above the committed block and near enough.
    fn keep(&mut self, id: Digest, header: &SignedHeader) -> Option<Digest> {
        let sequence = header.body.sequence;
        if sequence <= self.chain.committed || sequence.since(self.chain.committed) > SLOTS_AHEAD {
            return None;
        }
        if !self.chain.entries.contains_key(&id) {
            let due = self.now.plus(self.fetch_delay_us());
            let mut entry = Entry::new(header.clone(), self.now, self.wall, due);
            let bad = &self.catch_up.invalid_batches;
            entry.invalid |= header.body.batches.iter().any(|batch| bad.contains(&batch.digest));
            let invalid = entry.invalid;
            self.chain.entries.insert(id, entry.into());
            if invalid {
                self.on_invalid_block(id);
            } else {
                self.after_data(id);
            }
        }
        Some(id)
    }

    /// Puts a batch where it is missing.
    pub(crate) fn fill(&mut self, id: Digest, digest: Digest, batch: &Batch) {
        let certified = self.catch_up.is_needed(&id);
        // B2: beyond the budget only headers are kept; the batches are fetched when their turn comes.
        let end = self.slots_end();
        let next = self.chain.entries.get(&id).is_some_and(|entry| entry.header.body.sequence <= end);
        let bytes = self.chain.entries.get(&id).map_or(0, |entry| entry.bytes());
        if !certified && !next && !self.chain.has_room_for(bytes) {
            return;
        }
        if let Some(entry) = self.chain.entries.get_mut(&id) {
            entry.fill(digest, batch, self.now);
        }
    }

    /// Looks at a block whose data may just have become whole.
    pub(crate) fn after_data(&mut self, id: Digest) {
        let Some(entry) = self.chain.entries.get(&id) else { return };
        if entry.invalid {
            return self.on_invalid_block(id);
        }
        if entry.block.is_none() {
            return;
        }
        if !entry.written {
            // D6: the data goes to the disk now, so that the flush before COMMIT is small.
            self.write_block(id);
        }
        self.on_block_held();
    }

    fn write_block(&mut self, id: Digest) {
        if let Some(entry) = self.chain.entries.get_mut(&id)
            && let Some(block) = entry.block.clone()
        {
            entry.written = true;
            self.persist(alloc::vec![crate::record::Record::Block((*block).clone().into())]);
        }
    }

    /// A batch breaks a rule: whoever signed a header that names it has misbehaved.
    pub(crate) fn on_invalid_batch(&mut self, digest: Digest) {
        let bad = &mut self.catch_up.invalid_batches;
        while bad.len() >= INVALID_BATCHES_MAX {
            bad.pop_first();
        }
        bad.insert(digest);
        let named: alloc::vec::Vec<Digest> = self
            .chain
            .entries
            .iter()
            .filter(|(_, entry)| entry.header.body.batches.iter().any(|batch| batch.digest == digest))
            .map(|(id, _)| *id)
            .collect();
        for id in named {
            if let Some(entry) = self.chain.entries.get_mut(&id) {
                entry.invalid = true;
            }
            self.on_invalid_block(id);
        }
    }

    fn on_invalid_block(&mut self, id: Digest) {
        let view = self.chain.entries.get(&id).map(|entry| entry.header.body.view);
        if view == Some(self.term.view) && !planted::is_on(Bug::InvalidBatchIgnored) {
            // V4: the leader signed what no rule allows.
            self.suspect('d');
        }
    }

    /// Prepares the children of the last prepared header as far as the rules allow.
    pub(crate) fn try_prepare(&mut self) {
        while let Some(tip) = self.next_to_prepare() {
            let Some(header) = self.chain.entries.get(&tip.id).map(|entry| entry.header.clone()) else {
                return;
            };
            // D3: under a durable lease of this view; the vote itself needs no flush.
            let gate = self.lease_gate(tip.sequence);
            // N10: from here on nothing else is prepared in this slot.
            self.term.voted = Some(tip);
            let rank = header.body.rank();
            self.slots.at(rank).voted_at = Some(self.now);
            self.on_ordered(tip.id);
            let vote = self.vote(Phase::Prepare, rank, tip.id);
            self.send(Recipients::Others, Draft::Prepare { vote, header: header.into() }, gate);
        }
    }

    pub(crate) const fn vote(&self, phase: Phase, rank: Rank, id: Digest) -> Vote {
        Vote { phase, view: rank.view, sequence: rank.sequence, id, replica: self.config.me }
    }

    /// The child of the last prepared header, if every condition of a PREPARE holds for it.
    fn next_to_prepare(&self) -> Option<Tip> {
        // N5, D7, D17: only in normal mode, while not sitting out, with intact promises.
        if self.term.mode != Mode::Normal || self.term.sitting_out || !self.may_vote() {
            return None;
        }
        let last = self.term.voted?;
        let sequence = last.sequence.next();
        // N7: above the window it waits; no fault of the leader.
        if sequence > self.slots_end() {
            return None;
        }
        let rank = Rank { view: self.term.view, sequence };
        let (id, _) = self.slots.get(rank)?.first.as_ref()?;
        let entry = self.chain.entries.get(id)?;
        let header = &entry.header.body;
        // N6: the child of the last header that was prepared here. N9: with every batch held, and valid (N8).
        if (header.parent != last.id && !planted::is_on(Bug::ParentUnchecked))
            || entry.invalid
            || entry.block.is_none()
        {
            return None;
        }
        // W5: an untimely header is not prepared, and nothing else follows from that.
        if !self.is_timely(header.time, last.time, entry.received_wall) {
            return None;
        }
        Some(Tip { sequence, id: *id, time: header.time })
    }

    /// A vote for a slot shows that the leader works (V1).
    fn on_new_slot(&mut self, sequence: Sequence) {
        if sequence > self.term.highest_slot {
            self.term.highest_slot = sequence;
            self.on_leader_alive();
        }
    }
}
