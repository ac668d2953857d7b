//! Obtaining blocks that a certificate or f + 1 replicas vouch for, one by one or as ranges (C5, C8 to C10).

use crate::limits::{NEEDS_MAX, RANGE_FROM_SLOTS, ROUNDS_UNANSWERED, SEGMENT_BLOCKS_MAX};
use crate::output::{Draft, Note, Recipients};
use crate::range::Range;
use crate::replica::Replica;
use crate::sizes::Sizes;
use crate::window::Missing;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use outvote_types::{BoundedVec, Certificate, Digest, Fetch, Instant, Phase, Rank, ReplicaId, Sequence};

/// A block that is being obtained together with its ancestors.
#[derive(Debug)]
pub(crate) struct Need {
    sequence: Sequence,
    /// Who is said to hold it.
    sources: Vec<ReplicaId>,
    tries: usize,
    /// Questions for `asked` that nobody has answered in time.
    unanswered: usize,
    due: Instant,
    /// What was asked for last.
    asked: Option<Missing>,
}

impl Need {
    fn add_sources(&mut self, sources: impl Iterator<Item = ReplicaId>) {
        for source in sources {
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
    }
}

/// What is being obtained.
#[derive(Debug, Default)]
pub(crate) struct CatchUp {
    /// By the identity of the topmost wanted block; bounded by `NEEDS_MAX`.
    pub(crate) needs: BTreeMap<Digest, Need>,
    /// Blocks asked for by identity; answers to nothing else are taken (C10).
    pub(crate) asked: BTreeSet<Digest>,
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
        self.needs.contains_key(id) || self.asked.contains(id)
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
        self.prepared.take_if(|certificate| certificate.rank() <= lock);
        self.committed.take_if(|certificate| certificate.sequence <= committed);
        self.withheld.take_if(|certificate| certificate.sequence <= committed);
        if self.needs.is_empty() {
            self.asked.clear();
        }
        self.gone.retain(|_, oldest| *oldest > committed.next());
        self.one_by_one = false;
    }

    /// Blocks that a certificate covers or f + 1 replicas vouch for, and that are not all here or not handed on yet.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = Digest> {
        let certificates = [&self.prepared, &self.committed, &self.withheld].into_iter().flatten();
        self.needs.keys().copied().chain(certificates.map(|certificate| certificate.id))
    }

    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.needs = self.needs.len();
        sizes.asked = self.asked.len();
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

    fn fetch_retry_us(&self) -> u64 {
        self.config.tunables.timeout_base_us / 4
    }

    /// Starts to obtain a block and its ancestors from these replicas.
    pub(crate) fn need(&mut self, id: Digest, sequence: Sequence, sources: Vec<ReplicaId>) {
        if sequence <= self.chain.committed {
            return;
        }
        let me = self.config.me;
        let known = self.catch_up.needs.contains_key(&id);
        if !known && self.catch_up.needs.len() >= NEEDS_MAX {
            return;
        }
        let now = self.now;
        let need = self.catch_up.needs.entry(id).or_insert_with(|| Need {
            sequence,
            sources: Vec::new(),
            tries: 0,
            unanswered: 0,
            due: now,
            asked: None,
        });
        need.add_sources(sources.into_iter().filter(|source| *source != me && self.quorum.has(*source)));
        if !known {
            self.pursue(id);
        }
    }

    /// Asks for the next missing piece of a needed block.
    fn pursue(&mut self, id: Digest) {
        let Some(need) = self.catch_up.needs.get(&id) else { return };
        // This runs at every step, and the way down to what is missing can be long.
        if need.due > self.now && need.asked.is_some_and(|asked| self.chain.still_lacks(asked)) {
            return;
        }
        let sequence = need.sequence;
        let missing = self.chain.missing(id, sequence);
        if matches!(missing, Missing::Nothing | Missing::Impossible) {
            self.catch_up.needs.remove(&id);
            return;
        }
        let due = self.now.plus(self.fetch_retry_us());
        let me = self.config.me;
        let all = self.quorum.members().filter(|member| *member != me);
        let Some(need) = self.catch_up.needs.get_mut(&id) else { return };
        if need.sources.is_empty() || (need.asked == Some(missing) && need.due > self.now) {
            return;
        }
        let mut is_missing_everywhere = false;
        if need.asked == Some(missing) {
            // C10: spread over peers; one that does not answer is not waited for.
            need.tries = need.tries.wrapping_add(1);
            need.unanswered = need.unanswered.saturating_add(1);
            if need.unanswered >= need.sources.len() {
                // D23: those who are said to hold it may have lost it, and another may have it all the same.
                need.add_sources(all);
            }
            is_missing_everywhere = need.unanswered == need.sources.len().saturating_mul(ROUNDS_UNANSWERED);
        } else {
            need.unanswered = 0;
        }
        need.asked = Some(missing);
        need.due = due;
        let source = need.sources[need.tries % need.sources.len()];
        let sources = need.sources.clone();
        if let (true, Missing::Block(id, _) | Missing::Batches(id)) = (is_missing_everywhere, missing) {
            let sequence = match missing {
                Missing::Block(_, height) => height,
                _ => self.chain.entries.get(&id).map_or(sequence, |entry| entry.header.body.sequence),
            };
            self.report_missing(sequence, Some(id));
        }
        let fetch = match missing {
            Missing::Block(piece, height) => {
                if height.since(self.chain.committed) > RANGE_FROM_SLOTS && !self.takes_one_by_one(height) {
                    // C5: far behind, so committed blocks come as a range.
                    return self.start_range(height, &sources);
                }
                self.catch_up.asked.insert(piece);
                Fetch::Block { id: piece, replica: me }
            }
            Missing::Batches(piece) => {
                self.catch_up.asked.insert(piece);
                let digests = self.chain.entries.get(&piece).map_or_else(Vec::new, |entry| entry.missing());
                Fetch::Batches { digests: BoundedVec::truncated(digests), replica: me }
            }
            Missing::Nothing | Missing::Impossible => return,
        };
        self.send(Recipients::One(source), Draft::Fetch(fetch), None);
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
        self.pursue_all();
    }

    /// The peer does not have what it was asked for: the next one is asked at once, each once before the question waits.
    pub(crate) fn on_block_gone(&mut self, from: ReplicaId) {
        let now = self.now;
        for need in self.catch_up.needs.values_mut() {
            let sources = need.sources.len().max(1);
            let is_asked = need.sources.get(need.tries % sources) == Some(&from);
            if is_asked && need.unanswered % sources != sources.saturating_sub(1) {
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
        if self.catch_up.needs.is_empty() {
            self.catch_up.range = None;
            self.catch_up.asked.clear();
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

    /// N9: batches that a proposal lacks are asked for from those who echoed it.
    fn fetch_missing_batches(&mut self) {
        let now = self.now;
        let retry = now.plus(self.fetch_retry_us());
        let last = self.slots_end();
        let me = self.config.me;
        let mut fetches = Vec::new();
        for entry in self.chain.entries.values_mut() {
            let waits = entry.block.is_none() && !entry.invalid && entry.header.body.sequence <= last;
            if !waits || entry.fetch_due > now || entry.echoers.is_empty() {
                continue;
            }
            let others: Vec<ReplicaId> = entry.echoers.iter().copied().filter(|id| *id != me).collect();
            let Some(source) = others.get(entry.fetches % others.len().max(1)).copied() else { continue };
            entry.fetches = entry.fetches.wrapping_add(1);
            entry.fetch_due = retry;
            let digests = BoundedVec::truncated(entry.missing());
            fetches.push((source, Fetch::Batches { digests, replica: me }));
        }
        for (source, fetch) in fetches {
            self.send(Recipients::One(source), Draft::Fetch(fetch), None);
        }
    }

    /// When the next batch of an echoed proposal is asked for.
    pub(crate) fn batches_due(&self) -> Option<Instant> {
        let last = self.slots_end();
        let waiting = self.chain.entries.values().filter(|entry| {
            entry.block.is_none()
                && !entry.invalid
                && entry.header.body.sequence <= last
                && !entry.echoers.is_empty()
        });
        waiting.map(|entry| entry.fetch_due).min()
    }
}
