//! Ranges of committed blocks, checked by walking the parent hashes from a commit certificate (C5).

use crate::limits::{RANGE_FROM_SLOTS, SEGMENT_BLOCKS_MAX, SEGMENT_BYTES_MAX};
use crate::output::{Draft, Recipients};
use crate::replica::Replica;
use crate::window::Entry;
use alloc::vec::Vec;
use outvote_types::limits::MAX_BLOCKS_PER_FETCH;
use outvote_types::{Block, Certificate, Digest, Fetch, Instant, Phase, ReplicaId, Sequence};

/// A range that one peer is sending us.
#[derive(Debug)]
pub(crate) struct Range {
    /// Up to here.
    target: Sequence,
    sources: Vec<ReplicaId>,
    tries: usize,
    /// When the next peer is asked, unless an answer comes.
    pub(crate) due: Instant,
    /// Contiguous blocks above the committed one that no certificate covers yet; all from one peer, so that a liar
    /// spoils only his own.
    segment: Vec<(Digest, Block)>,
    segment_bytes: usize,
    /// Peers in a row that no longer have the blocks, since the clock last moved us on.
    gone: usize,
    /// Whether nothing is asked for until execution has room.
    is_paused: bool,
}

impl Range {
    fn source(&self) -> Option<ReplicaId> {
        self.sources.get(self.tries % self.sources.len().max(1)).copied()
    }

    /// Blocks and bytes that no certificate covers yet.
    pub(crate) const fn held(&self) -> (usize, usize) {
        (self.segment.len(), self.segment_bytes)
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.is_paused
    }

    fn start_over(&mut self) {
        self.segment.clear();
        self.segment_bytes = 0;
    }
}

impl Replica {
    pub(crate) fn start_range(&mut self, target: Sequence, sources: &[ReplicaId]) {
        if let Some(range) = &mut self.catch_up.range {
            range.target = range.target.max(target);
            for source in sources {
                if !range.sources.contains(source) {
                    range.sources.push(*source);
                }
            }
            return;
        }
        self.catch_up.range = Some(Range {
            target,
            sources: sources.to_vec(),
            tries: usize::from(self.config.me.0),
            due: self.now,
            segment: Vec::new(),
            segment_bytes: 0,
            gone: 0,
            is_paused: false,
        });
        self.ask_range();
    }

    fn ask_range(&mut self) {
        let due = self.now.plus(self.config.tunables.timeout_base_us);
        let committed = self.chain.committed;
        let me = self.config.me;
        let is_behind = self.is_execution_behind();
        let Some(range) = &mut self.catch_up.range else { return };
        if is_behind {
            // E10: no more is fetched while what is here waits for execution.
            range.start_over();
            range.is_paused = true;
            range.due = due;
            return;
        }
        range.is_paused = false;
        if range.segment.first().is_some_and(|(_, block)| block.header.body.sequence != committed.next()) {
            // The chain moved on by other means.
            range.start_over();
        }
        let Some(source) = range.source() else { return };
        let held = u64::try_from(range.segment.len()).unwrap_or(u64::MAX);
        let first = committed.next().plus(held);
        let most = u64::try_from(MAX_BLOCKS_PER_FETCH).unwrap_or(u64::MAX);
        let last = range.target.max(first).min(first.plus(most.saturating_sub(1)));
        range.due = due;
        self.send(Recipients::One(source), Draft::Fetch(Fetch::Range { first, last, replica: me }), None);
    }

    /// Goes on with a range that waited for execution.
    pub(crate) fn resume_range(&mut self) {
        if self.catch_up.range.as_ref().is_some_and(|range| range.is_paused) {
            self.ask_range();
        }
    }

    /// From whom a range is expected.
    pub(crate) fn range_source(&self) -> Option<ReplicaId> {
        self.catch_up.range.as_ref().filter(|range| !range.is_paused).and_then(Range::source)
    }

    /// C10: the next peer is asked when one does not answer.
    pub(crate) fn range_on_time(&mut self) {
        let Some(range) = &mut self.catch_up.range else { return };
        if range.due <= self.now {
            range.gone = 0;
            self.next_range_source();
        }
    }

    /// The peer did not help: what it sent is dropped, and the next one is asked.
    pub(crate) fn next_range_source(&mut self) {
        let Some(range) = &mut self.catch_up.range else { return };
        range.start_over();
        range.tries = range.tries.wrapping_add(1);
        self.ask_range();
    }

    /// C10: the peer no longer has the blocks. Each peer is asked once; then the range waits for its time, so that it does
    /// not use up the fetches that a state transfer needs.
    pub(crate) fn on_range_gone(&mut self, from: ReplicaId) {
        let Some(range) = &mut self.catch_up.range else { return };
        if range.source() != Some(from) {
            return;
        }
        range.gone = range.gone.saturating_add(1);
        if range.gone < range.sources.len() {
            return self.next_range_source();
        }
        range.start_over();
        range.due = self.now.plus(self.config.tunables.timeout_base_us);
        if self.checkpoints.stable_sequence() > self.chain.committed {
            // A state can be had in place of the blocks (C6).
            return;
        }
        if !self.catch_up.one_by_one {
            return self.gather_one_by_one();
        }
        self.report_missing(self.chain.committed.next(), None);
    }

    pub(crate) fn on_range(&mut self, from: ReplicaId, blocks: Vec<Block>, certificate: Certificate) {
        // C10: answers that nobody asked for are dropped.
        if self.range_source() != Some(from) {
            return self.ignore(from, "C10 a range that was not asked for");
        }
        if !self.extend_segment(blocks) {
            self.ignore(from, "C5 a range that does not extend the chain");
            return self.next_range_source();
        }
        let Some(range) = &mut self.catch_up.range else { return };
        let at =
            range.segment.iter().position(|(_, block)| block.header.body.sequence == certificate.sequence);
        match at {
            Some(at) if range.segment[at].0 == certificate.id && certificate.phase == Phase::Commit => {
                let mut segment = core::mem::take(&mut range.segment);
                segment.truncate(at.saturating_add(1));
                range.start_over();
                range.gone = 0;
                self.take_segment(segment, certificate);
            }
            Some(_) => {
                self.ignore(from, "C8 a range without its certificate");
                self.next_range_source();
            }
            // The certificate is for a later block; the rest of the way to it follows.
            None => self.ask_range(),
        }
    }

    /// Adds blocks to the segment if each extends the one before; false if they do not, or are too many.
    fn extend_segment(&mut self, blocks: Vec<Block>) -> bool {
        let Some(range) = &mut self.catch_up.range else { return false };
        let mut is_longer = false;
        for block in blocks {
            let end =
                range.segment.last().map_or((self.chain.committed_id, self.chain.committed), |(id, b)| {
                    (*id, b.header.body.sequence)
                });
            let header = &block.header.body;
            if header.sequence <= self.chain.committed {
                continue;
            }
            let bytes: usize =
                header.batches.iter().map(|b| usize::try_from(b.bytes).unwrap_or(usize::MAX)).sum();
            range.segment_bytes = range.segment_bytes.saturating_add(bytes);
            let fits = range.segment.len() < SEGMENT_BLOCKS_MAX && range.segment_bytes <= SEGMENT_BYTES_MAX;
            if header.parent != end.0 || header.sequence != end.1.next() || !fits || !block.is_consistent() {
                return false;
            }
            range.segment.push((header.id(), block));
            is_longer = true;
        }
        is_longer
    }

    /// C5: a commit certificate for the last block proves all of them by their parent hashes.
    fn take_segment(&mut self, segment: Vec<(Digest, Block)>, certificate: Certificate) {
        for (id, block) in segment {
            let mut entry = Entry::new(block.header.clone(), self.now, self.wall, self.now);
            for batch in &block.batches {
                entry.fill(batch.digest(), batch, self.now);
            }
            let held = self.chain.entries.get(&id).is_some_and(|entry| entry.block.is_some());
            if !held {
                self.chain.entries.insert(id, entry.into());
            }
        }
        self.on_certificate(certificate, None);
        let committed = self.chain.committed;
        if self.catch_up.range.as_ref().is_some_and(|range| range.target > committed.plus(RANGE_FROM_SLOTS)) {
            self.ask_range();
        } else {
            self.catch_up.range = None;
            self.catch_up.wake(self.now);
        }
        self.on_block_held();
    }
}
