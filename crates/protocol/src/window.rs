//! Blocks that are not committed yet, and the committed end of the chain.

use crate::limits::{CACHED_BLOCKS_MAX, CACHED_BYTES_MAX, COMMITTED_IDS_MAX, UNCERTIFIED_BYTES_MAX};
use crate::output::CommittedBlock;
use crate::sizes::Sizes;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    Batch, Block, BoundedVec, Certificate, Digest, Instant, ReplicaId, Sequence, SignedHeader, View, WallTime,
};

/// A header that was heard of, and its batches as they come in.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) header: SignedHeader,
    /// By the header's positions; emptied when the block is whole.
    pub(crate) parts: Vec<Option<Batch>>,
    /// The whole, consistent block.
    pub(crate) block: Option<Arc<Block>>,
    /// Breaks a rule that only its batches show (N8); never voted for.
    pub(crate) invalid: bool,
    /// Whether the block was handed to the disk.
    pub(crate) written: bool,
    /// Whether it was read from the log at the start.
    pub(crate) from_log: bool,
    /// Whether all ancestors down to the committed block are held too. A memory of [`Chain::holds`].
    attached: bool,
    /// The wall-clock time of first receipt, which the timely rule judges (W2).
    pub(crate) received_wall: WallTime,
    /// When it became whole, or its header came.
    whole_at: Instant,
    /// Whether its requests were taken note of in this view.
    pub(crate) ordered: bool,
    /// Who prepared it, hence holds it.
    pub(crate) echoers: BTreeSet<ReplicaId>,
    /// When its missing batches are asked for next, and how often they were.
    pub(crate) fetch_due: Instant,
    pub(crate) fetches: usize,
}

impl Entry {
    pub(crate) fn new(header: SignedHeader, now: Instant, wall: WallTime, fetch_due: Instant) -> Self {
        let parts = header.body.batches.iter().map(|_| None).collect();
        let mut entry = Self {
            header,
            parts,
            block: None,
            invalid: false,
            written: false,
            from_log: false,
            attached: false,
            received_wall: wall,
            whole_at: now,
            ordered: false,
            echoers: BTreeSet::new(),
            fetch_due,
            fetches: 0,
        };
        entry.try_complete();
        entry
    }

    pub(crate) fn bytes(&self) -> usize {
        self.header.body.batches.iter().map(|batch| usize::try_from(batch.bytes).unwrap_or(usize::MAX)).sum()
    }

    /// The digests of batches that are not here yet.
    pub(crate) fn missing(&self) -> Vec<Digest> {
        if self.block.is_some() {
            return Vec::new();
        }
        let named = self.header.body.batches.iter().zip(&self.parts);
        named.filter(|(_, part)| part.is_none()).map(|(named, _)| named.digest).collect()
    }

    /// Puts a batch in its places; says whether the block became whole or was found invalid.
    pub(crate) fn fill(&mut self, digest: Digest, batch: &Batch, now: Instant) -> bool {
        if self.block.is_some() || self.invalid {
            return false;
        }
        for (named, part) in self.header.body.batches.iter().zip(&mut self.parts) {
            if named.digest == digest && part.is_none() {
                *part = Some(batch.clone());
            }
        }
        self.whole_at = now;
        self.try_complete()
    }

    fn try_complete(&mut self) -> bool {
        if self.parts.iter().any(Option::is_none) {
            return false;
        }
        let batches: Vec<Batch> = self.parts.drain(..).flatten().collect();
        let block = Block { header: self.header.clone(), batches: BoundedVec::truncated(batches) };
        // N8: counts, sizes and payload root must be those of the batches.
        if block.is_consistent() {
            self.block = Some(Arc::new(block));
        } else {
            self.invalid = true;
        }
        true
    }
}

/// What a block lacks before it and its ancestors are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing.
    Nothing,
    /// This block's header.
    Block(Digest, Sequence),
    /// Batches of this known header.
    Batches(Digest),
    /// It does not extend the committed chain, or a block in it is invalid.
    Impossible,
}

impl Missing {
    /// The block that is missing or incomplete.
    pub(crate) const fn piece(self) -> Option<Digest> {
        match self {
            Self::Block(id, _) | Self::Batches(id) => Some(id),
            Self::Nothing | Self::Impossible => None,
        }
    }
}

/// The chain as this replica holds it.
#[derive(Debug)]
pub(crate) struct Chain {
    genesis: Digest,
    /// Blocks above the committed one, by identity.
    pub(crate) entries: BTreeMap<Digest, Box<Entry>>,
    /// The highest committed block. Never goes down but to a state that a quorum proved (C4).
    pub(crate) committed: Sequence,
    pub(crate) committed_id: Digest,
    pub(crate) committed_time: WallTime,
    /// When the last of the committed blocks became whole.
    committed_whole_at: Instant,
    /// Identities of the latest committed blocks.
    pub(crate) ids: BTreeMap<Sequence, Digest>,
    /// The latest committed blocks themselves.
    pub(crate) cache: BTreeMap<Sequence, Arc<CommittedBlock>>,
    cache_bytes: usize,
    /// The highest executed block.
    pub(crate) executed: Sequence,
    /// The highest commit certificate (C3: never dropped).
    pub(crate) last_commit: Option<Certificate>,
    /// Commit certificates that the log had for blocks that are committed again: each goes out with its block, since a range
    /// for a laggard ends with one (C5).
    pub(crate) replayed: BTreeMap<Sequence, Certificate>,
}

impl Chain {
    pub(crate) fn new(committed: Sequence, id: Digest, genesis: Digest, time: WallTime) -> Self {
        Self {
            genesis,
            entries: BTreeMap::new(),
            committed,
            committed_id: id,
            committed_time: time,
            committed_whole_at: Instant(0),
            ids: BTreeMap::from([(committed, id)]),
            cache: BTreeMap::new(),
            cache_bytes: 0,
            executed: committed,
            last_commit: None,
            replayed: BTreeMap::new(),
        }
    }

    /// The identity of the block before the first one.
    pub(crate) const fn genesis(&self) -> Digest {
        self.genesis
    }

    /// Whether the block and all its ancestors are held.
    pub(crate) fn holds(&mut self, id: Digest, sequence: Sequence) -> bool {
        self.missing(id, sequence) == Missing::Nothing
    }

    /// What is missing first, from the block downwards.
    pub(crate) fn missing(&mut self, id: Digest, sequence: Sequence) -> Missing {
        let mut path = Vec::new();
        let (mut at, mut height) = (id, sequence);
        let missing = loop {
            if height <= self.committed {
                break self.missing_below(at, height);
            }
            let Some(entry) = self.entries.get(&at) else { break Missing::Block(at, height) };
            if entry.invalid || entry.header.body.sequence != height {
                break Missing::Impossible;
            }
            if entry.block.is_none() {
                break Missing::Batches(at);
            }
            if entry.attached {
                break Missing::Nothing;
            }
            path.push(at);
            at = entry.header.body.parent;
            height = Sequence(height.0.saturating_sub(1));
        };
        if missing == Missing::Nothing {
            for id in path {
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.attached = true;
                }
            }
        }
        missing
    }

    /// Whether this piece, which was missing, still is: cheaper than to walk the whole way again.
    pub(crate) fn still_lacks(&self, missing: Missing) -> bool {
        match missing {
            Missing::Block(id, _) => !self.entries.contains_key(&id),
            Missing::Batches(id) => {
                self.entries.get(&id).is_some_and(|entry| entry.block.is_none() && !entry.invalid)
            }
            Missing::Nothing | Missing::Impossible => false,
        }
    }

    fn missing_below(&self, id: Digest, sequence: Sequence) -> Missing {
        if self.ids.get(&sequence) == Some(&id) { Missing::Nothing } else { Missing::Impossible }
    }

    /// The uncommitted blocks from the committed one up to `id`, lowest first; only those that are known.
    pub(crate) fn path_to(&self, id: Digest) -> Vec<Digest> {
        let mut path = Vec::new();
        let mut at = id;
        while let Some(entry) = self.entries.get(&at) {
            path.push(at);
            // Each step goes one sequence down, so this ends even for a malformed chain.
            if entry.header.body.sequence.0 <= self.committed.0.saturating_add(1) {
                break;
            }
            at = entry.header.body.parent;
        }
        path.reverse();
        path
    }

    /// Since when this uncommitted block and all its ancestors are here; `None` if they are not.
    pub(crate) fn held_since(&self, id: Digest) -> Option<Instant> {
        let (mut at, mut latest) = (id, self.committed_whole_at);
        loop {
            let entry = self.entries.get(&at).filter(|entry| entry.block.is_some())?;
            latest = latest.max(entry.whole_at);
            if planted::is_on(Bug::LeaderStretchesItsDebt) {
                return Some(entry.whole_at);
            }
            // Each step goes one sequence down, so this ends even for a malformed chain.
            if entry.header.body.sequence.0 <= self.committed.0.saturating_add(1) {
                return Some(latest);
            }
            at = entry.header.body.parent;
        }
    }

    /// The agreed time of a held block.
    pub(crate) fn time_of(&self, id: Digest, sequence: Sequence) -> Option<WallTime> {
        if sequence == self.committed && id == self.committed_id {
            return Some(self.committed_time);
        }
        let cached = self.cache.get(&sequence).filter(|block| block.id == id);
        let entry = self.entries.get(&id).map(|entry| entry.header.body.time);
        entry.or_else(|| cached.map(|block| block.block.header.body.time))
    }

    /// Bytes of the blocks in [`Self::entries`].
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        let held: usize =
            self.entries.values().filter(|e| e.block.is_some()).map(|entry| entry.bytes()).sum();
        held.saturating_add(bytes) <= UNCERTIFIED_BYTES_MAX
    }

    /// Takes the next block of the chain as committed.
    pub(crate) fn advance(&mut self, block: Arc<CommittedBlock>) {
        let header = &block.block.header.body;
        self.committed = header.sequence;
        self.committed_id = block.id;
        self.committed_time = header.time;
        if let Some(entry) = self.entries.get(&block.id) {
            self.committed_whole_at = self.committed_whole_at.max(entry.whole_at);
        }
        self.ids.insert(header.sequence, block.id);
        while self.ids.len() > COMMITTED_IDS_MAX {
            self.ids.pop_first();
        }
        self.cache_bytes = self.cache_bytes.saturating_add(bytes_of(&block));
        if let Some(old) = self.cache.insert(header.sequence, block) {
            self.cache_bytes = self.cache_bytes.saturating_sub(bytes_of(&old));
        }
        while (self.cache.len() > CACHED_BLOCKS_MAX || self.cache_bytes > CACHED_BYTES_MAX)
            && !planted::is_on(Bug::CacheUnbounded)
        {
            let Some((_, old)) = self.cache.pop_first() else { break };
            self.cache_bytes = self.cache_bytes.saturating_sub(bytes_of(&old));
        }
    }

    /// Goes on from a state that a quorum proved.
    pub(crate) fn restart_at(&mut self, sequence: Sequence, id: Digest, time: WallTime) {
        self.committed = sequence;
        self.committed_id = id;
        self.committed_time = time;
        self.ids.insert(sequence, id);
        self.executed = sequence;
        self.forget_below();
    }

    /// Drops what the committed chain has passed or contradicts.
    pub(crate) fn forget_below(&mut self) {
        let committed = self.committed;
        self.entries.retain(|_, entry| entry.header.body.sequence > committed);
        self.replayed = self.replayed.split_off(&committed.next());
        // A dropped sibling may have had children: what they were attached to is gone.
        for entry in self.entries.values_mut() {
            entry.attached = false;
        }
    }

    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.uncommitted = self.entries.len();
        sizes.committed_ids = self.ids.len();
        sizes.cached_blocks = self.cache.len();
        sizes.cached_bytes = self.cache_bytes;
    }

    /// B2: drops blocks of the views before this one, but for those on the way to `wanted`, and those that came from the log
    /// and lie no higher than `proven`.
    pub(crate) fn forget_views_before(&mut self, view: View, wanted: &[Digest], proven: Sequence) {
        let kept: BTreeSet<Digest> = wanted.iter().flat_map(|id| self.path_to(*id)).collect();
        self.entries.retain(|id, entry| {
            let header = &entry.header.body;
            // D23, D25: a hole in the log may part what lies below it from everything wanted, and it may be the last copy.
            let may_be_last = entry.from_log && header.sequence <= proven;
            header.view >= view || kept.contains(id) || may_be_last
        });
        // What the others were attached to may be gone.
        for entry in self.entries.values_mut() {
            entry.attached = false;
        }
    }

    /// A block in memory, committed or not.
    pub(crate) fn block(&self, id: &Digest) -> Option<&Block> {
        let entry = self.entries.get(id).and_then(|entry| entry.block.as_deref());
        entry.or_else(|| self.cache.values().rev().find(|block| block.id == *id).map(|block| &block.block))
    }

    /// A batch of a block in memory.
    pub(crate) fn batch(&self, digest: &Digest) -> Option<&Batch> {
        let entries = self.entries.values().filter_map(|entry| entry.block.as_deref());
        let cached = self.cache.values().rev().map(|block| &block.block);
        entries.chain(cached).find_map(|block| {
            let named = block.header.body.batches.iter().position(|named| named.digest == *digest)?;
            block.batches.get(named)
        })
    }
}

fn bytes_of(block: &CommittedBlock) -> usize {
    let header = &block.block.header.body;
    header.batches.iter().map(|batch| usize::try_from(batch.bytes).unwrap_or(usize::MAX)).sum()
}
