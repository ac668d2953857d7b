//! Obtaining blocks that a certificate or f + 1 replicas vouch for, one by one or as ranges (C5, C8 to C10).

use crate::limits::{NEEDS_MAX, RANGE_FROM_SLOTS, ROUNDS_UNANSWERED, SEGMENT_BLOCKS_MAX};
use crate::output::{Draft, Note, Recipients};
use crate::question::Question;
use crate::range::Range;
use crate::replica::Replica;
use crate::sizes::Sizes;
use crate::window::Missing;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{BoundedVec, Certificate, Digest, Fetch, Instant, Phase, Rank, ReplicaId, Sequence};

/// A block that is being obtained together with its ancestors.
#[derive(Debug)]
pub(crate) struct Need {
    sequence: Sequence,
    /// Whether a commit certificate covers it, so that it can be had for certain.
    is_agreed: bool,
    /// Who is said to hold it.
    sources: Vec<ReplicaId>,
    /// When it is looked at again, unless what it waits for comes.
    due: Instant,
    /// The piece that it waits for.
    missing: Option<Missing>,
}

impl Need {
    fn piece(&self) -> Option<Digest> {
        self.missing.and_then(Missing::piece)
    }
}

/// What is being obtained.
#[derive(Debug, Default)]
pub(crate) struct CatchUp {
    /// By the identity of the topmost wanted block; bounded by `NEEDS_MAX`.
    pub(crate) needs: BTreeMap<Digest, Need>,
    /// Pieces that needs wait for, by the block's identity; answers to nothing else are taken (C10).
    pub(crate) questions: BTreeMap<Digest, Question>,
    /// The highest certificates whose data is not here yet, one per round.
    prepared: Option<Certificate>,
    committed: Option<Certificate>,
    /// The highest commit certificate whose blocks are all here and wait until execution has room (E10).
    pub(crate) withheld: Option<Certificate>,
    /// The range that is being fetched.
    pub(crate) range: Option<Range>,
    /// Batches that no rule allows.
    pub(crate) invalid_batches: BTreeSet<Digest>,
    /// Nobody has the committed blocks in a row, so they are gathered one by one from whoever has each (D23).
    pub(crate) one_by_one: bool,
    /// The last block that was said to be missing everywhere.
    pub(crate) reported: Sequence,
    /// Who said that our next block is gone, and what is the oldest that they still have.
    pub(crate) gone: BTreeMap<ReplicaId, Sequence>,
}

impl CatchUp {
    /// Whether this block was asked for.
    pub(crate) fn is_needed(&self, id: &Digest) -> bool {
        self.needs.contains_key(id) || self.questions.contains_key(id)
    }

    /// Keeps a certificate until its data is here.
    pub(crate) fn keep(&mut self, certificate: Certificate) {
        let place = match certificate.phase {
            Phase::Prepare => &mut self.prepared,
            Phase::Commit => &mut self.committed,
        };
        let is_higher = match (certificate.phase, place.as_ref()) {
            (_, None) => true,
            (Phase::Prepare, Some(held)) => certificate.rank() > held.rank(),
            (Phase::Commit, Some(held)) => certificate.sequence > held.sequence,
        };
        if is_higher {
            *place = Some(certificate);
        }
    }

    /// Keeps a commit certificate until execution has room; says whether it is the highest so far.
    pub(crate) fn withhold(&mut self, certificate: &Certificate) -> bool {
        let is_higher = self.withheld.as_ref().is_none_or(|held| held.sequence < certificate.sequence);
        if is_higher {
            self.withheld = Some(certificate.clone());
        }
        is_higher
    }

    /// Forgets what the chain has passed.
    pub(crate) fn forget(&mut self, committed: Sequence, lock: Rank) {
        self.needs.retain(|_, need| need.sequence > committed);
        let awaited: BTreeSet<Digest> = self.needs.values().filter_map(Need::piece).collect();
        self.questions.retain(|piece, _| awaited.contains(piece));
        self.prepared.take_if(|certificate| certificate.rank() <= lock);
        self.committed.take_if(|certificate| certificate.sequence <= committed);
        self.withheld.take_if(|certificate| certificate.sequence <= committed);
        for question in self.questions.values_mut() {
            question.forgive();
        }
        self.gone.retain(|_, oldest| *oldest > committed.next());
        self.one_by_one = false;
    }

    /// B2: a piece that no need waits for any more is no question any more.
    fn release(&mut self, piece: Option<Digest>) {
        let Some(piece) = piece else { return };
        if !self.needs.values().any(|need| need.piece() == Some(piece)) {
            self.questions.remove(&piece);
        }
    }

    fn remove(&mut self, id: &Digest) {
        let need = self.needs.remove(id);
        self.release(need.and_then(|need| need.piece()));
    }

    /// Whether there is room for one more need. One that can be had for certain takes the place of one that perhaps cannot:
    /// blocks that were abandoned with their views would otherwise keep what was agreed out for ever.
    fn has_room(&mut self, is_agreed: bool) -> bool {
        if self.needs.len() >= NEEDS_MAX && is_agreed && !planted::is_on(Bug::AbandonedKeepRoom) {
            let uncertain = self.needs.iter().filter(|(_, need)| !need.is_agreed);
            let farthest = uncertain.max_by_key(|(_, need)| need.sequence).map(|(id, _)| *id);
            farthest.into_iter().for_each(|id| self.remove(&id));
        }
        self.needs.len() < NEEDS_MAX
    }

    /// A range ended: whatever waited for it is looked at again at once.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.needs.values_mut().for_each(|need| need.due = now);
        for question in self.questions.values_mut().filter(|question| question.waits_for_range) {
            question.due = now;
        }
    }

    /// Blocks that a certificate covers or f + 1 replicas vouch for, and that are not all here or not handed on yet.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = Digest> {
        let certificates = [&self.prepared, &self.committed, &self.withheld].into_iter().flatten();
        self.needs.keys().copied().chain(certificates.map(|certificate| certificate.id))
    }

    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.needs = self.needs.len();
        sizes.asked = self.questions.len();
        sizes.gone = self.gone.len();
        sizes.invalid_batches = self.invalid_batches.len();
        if let Some(range) = &self.range {
            (sizes.segment_blocks, sizes.segment_bytes) = range.held();
        }
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        let range = self.range.as_ref().map(|range| range.due);
        self.needs.values().map(|need| need.due).chain(range).min()
    }
}

impl Replica {
    /// The time that a proposal's batches may take after its echo before they are asked for.
    pub(crate) fn fetch_delay_us(&self) -> u64 {
        self.config.tunables.timeout_base_us / 20
    }

    pub(crate) fn fetch_retry_us(&self) -> u64 {
        self.config.tunables.timeout_base_us / 4
    }

    /// Starts to obtain a block and its ancestors from these replicas.
    pub(crate) fn need(&mut self, id: Digest, sequence: Sequence, sources: Vec<ReplicaId>) {
        self.need_as(id, sequence, sources, false);
    }

    /// Starts to obtain a certified block and its ancestors from those who voted for it, and from `other`.
    pub(crate) fn need_certified(&mut self, certificate: &Certificate, other: Option<ReplicaId>) {
        let voters = certificate.votes.iter().map(|(replica, _)| *replica);
        let is_agreed = certificate.phase == Phase::Commit;
        self.need_as(certificate.id, certificate.sequence, voters.chain(other).collect(), is_agreed);
    }

    fn need_as(&mut self, id: Digest, sequence: Sequence, sources: Vec<ReplicaId>, is_agreed: bool) {
        if sequence <= self.chain.committed {
            return;
        }
        let me = self.config.me;
        let known = self.catch_up.needs.contains_key(&id);
        if !known && !self.catch_up.has_room(is_agreed) {
            return;
        }
        let now = self.now;
        let need = self.catch_up.needs.entry(id).or_insert_with(|| Need {
            sequence,
            is_agreed,
            sources: Vec::new(),
            due: now,
            missing: None,
        });
        need.is_agreed |= is_agreed;
        for source in sources {
            if source != me && self.quorum.has(source) && !need.sources.contains(&source) {
                need.sources.push(source);
            }
        }
        if !known {
            self.pursue(id);
        }
    }

    /// Sees to it that the next missing piece of a needed block is asked for.
    fn pursue(&mut self, id: Digest) {
        let now = self.now;
        let Some(need) = self.catch_up.needs.get(&id) else { return };
        // This runs at every step, and the way down to what is missing can be long.
        if need.due > now && need.missing.is_some_and(|missing| self.chain.still_lacks(missing)) {
            return;
        }
        let missing = self.chain.missing(id, need.sequence);
        let Some(need) = self.catch_up.needs.get_mut(&id) else { return };
        let Some(piece) = missing.piece() else {
            return self.catch_up.remove(&id);
        };
        if need.sources.is_empty() {
            return;
        }
        let before = need.piece();
        need.missing = Some(missing);
        if before != Some(piece) {
            self.catch_up.release(before);
        }
        let Some(need) = self.catch_up.needs.get_mut(&id) else { return };
        let question = self.catch_up.questions.entry(piece).or_insert_with(|| Question::new(now));
        question.add_sources(need.sources.iter().copied());
        if question.due > now {
            // C10: another need waits for the same piece, and it was asked for.
            need.due = question.due;
            return;
        }
        self.ask(piece, missing);
        if let (Some(need), Some(question)) =
            (self.catch_up.needs.get_mut(&id), self.catch_up.questions.get(&piece))
        {
            need.due = question.due;
        }
    }

    /// Asks the next peer for a piece, or for the range that it lies in.
    fn ask(&mut self, piece: Digest, missing: Missing) {
        let entry = self.chain.entries.get(&piece);
        let height = match (missing, entry) {
            (Missing::Block(_, height), _) => height,
            (_, Some(entry)) => entry.header.body.sequence,
            (_, None) => return,
        };
        let lacking = entry.map_or_else(Vec::new, |entry| entry.missing());
        let holds_some = entry.is_some_and(|entry| lacking.len() < entry.parts.len());
        let clings = matches!(missing, Missing::Batches(_)) && planted::is_on(Bug::BatchesAskedForEver);
        // C5: far behind, so committed blocks come as a range, also where their headers are known already.
        let is_far = height.since(self.chain.committed) > RANGE_FROM_SLOTS
            && !self.takes_one_by_one(height)
            && !clings;
        let due = self.now.plus(self.fetch_retry_us());
        let is_paused = self.catch_up.range.as_ref().is_some_and(Range::is_paused);
        let me = self.config.me;
        let all = self.quorum.members().filter(|member| *member != me);
        let Some(question) = self.catch_up.questions.get_mut(&piece) else { return };
        question.waits_for_range = is_far;
        question.turn(missing, due);
        if is_far && is_paused {
            // E10: nobody is asked, so nobody fails to answer.
            question.forgive();
        }
        if question.rounds_unanswered() > 0 {
            // D23: those who are said to hold it may have lost it, and another may have it all the same.
            question.add_sources(all);
        }
        let (is_repeated, is_missing_everywhere) =
            (question.is_repeated(), question.completes_round(ROUNDS_UNANSWERED));
        let (source, sources) = (question.source(), question.sources.clone());
        if is_missing_everywhere {
            self.report_missing(height, Some(piece));
        }
        if is_far {
            return self.start_range(height, &sources);
        }
        // C9: batches alone are served from memory only, and whoever committed the block long ago has it in its archive.
        let fetch = if (holds_some && !is_repeated) || clings {
            Fetch::Batches { digests: BoundedVec::truncated(lacking), replica: me }
        } else {
            Fetch::Block { id: piece, replica: me }
        };
        if let Some(source) = source {
            self.send(Recipients::One(source), Draft::Fetch(fetch), None);
        }
    }

    /// D23: whether blocks up to here are gathered one by one, within the bounds of a range.
    fn takes_one_by_one(&self, height: Sequence) -> bool {
        let most = u64::try_from(SEGMENT_BLOCKS_MAX).unwrap_or(u64::MAX);
        let is_near = height.since(self.chain.committed) <= most;
        self.catch_up.one_by_one && is_near && self.chain.has_room_for(0)
    }

    /// D23: nobody has the range; each of its blocks may be left somewhere.
    pub(crate) fn gather_one_by_one(&mut self) {
        self.catch_up.one_by_one = true;
        self.catch_up.range = None;
        self.catch_up.wake(self.now);
        self.pursue_all();
    }

    /// The peer does not have what it was asked for: the next one is asked at once.
    pub(crate) fn on_block_gone(&mut self, from: ReplicaId) {
        let now = self.now;
        let mut goes_on = BTreeSet::new();
        for (piece, question) in &mut self.catch_up.questions {
            if question.on_gone(from, now) {
                goes_on.insert(*piece);
            }
        }
        for need in self.catch_up.needs.values_mut() {
            if need.piece().is_some_and(|piece| goes_on.contains(&piece)) {
                need.due = now;
            }
        }
        self.pursue_all();
    }

    /// D25: an agreed block that nobody sends is named, once.
    pub(crate) fn report_missing(&mut self, sequence: Sequence, id: Option<Digest>) {
        if self.catch_up.reported != sequence {
            self.catch_up.reported = sequence;
            self.note(Note::BlockMissing { sequence, id });
        }
    }

    /// Data came in: whatever waited for it goes on.
    pub(crate) fn on_block_held(&mut self) {
        for place in [Phase::Commit, Phase::Prepare] {
            let pending = match place {
                Phase::Commit => self.catch_up.committed.clone(),
                Phase::Prepare => self.catch_up.prepared.clone(),
            };
            if let Some(certificate) = pending
                && self.chain.missing(certificate.id, certificate.sequence) == Missing::Nothing
            {
                match place {
                    Phase::Commit => self.catch_up.committed = None,
                    Phase::Prepare => self.catch_up.prepared = None,
                }
                self.on_certificate(certificate, None);
            }
        }
        self.try_open();
        self.try_new_view();
        self.pursue_all();
    }

    fn pursue_all(&mut self) {
        let ids: Vec<Digest> = self.catch_up.needs.keys().copied().collect();
        for id in ids {
            self.pursue(id);
        }
        self.need_what_is_kept();
        if self.catch_up.needs.is_empty() {
            self.catch_up.range = None;
            self.catch_up.questions.clear();
        }
    }

    /// C9: certificates that came while there was no room for more needs are pursued once there is.
    fn need_what_is_kept(&mut self) {
        for kept in [self.catch_up.committed.clone(), self.catch_up.prepared.clone()].into_iter().flatten() {
            if !self.catch_up.needs.contains_key(&kept.id) {
                self.need_certified(&kept, None);
            }
        }
    }

    /// Asks again where an answer is overdue.
    pub(crate) fn fetch_on_time(&mut self) {
        if !self.catch_up.needs.is_empty() {
            self.pursue_all();
            self.range_on_time();
        }
        self.fetch_missing_batches();
    }
}
