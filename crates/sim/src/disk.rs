//! A log that loses what was not flushed.

use crate::random::Random;
use outvote_replica::{Promise, Record, Ticket};
use outvote_types::{CheckpointCertificate, Committee, Digest, Rank, Sequence, View};
use std::collections::{BTreeSet, VecDeque};

/// One replica's log.
#[derive(Default)]
pub struct Disk {
    durable: Vec<Record>,
    waiting: VecDeque<(Ticket, Vec<Record>)>,
    flushing: usize,
    blocks: BTreeSet<Digest>,
    promise: Option<Promise>,
}

impl Disk {
    /// The log of a home that was just made: D16: the first promise is made together with the key.
    #[must_use]
    pub fn first(committee: &Committee) -> Self {
        Self::with(vec![Record::Promise(Promise {
            counter: 1,
            epoch: committee.epoch,
            view: View(0),
            lease: Sequence(0),
            high_rank: Rank::default(),
            high_id: committee.genesis_id(),
        })])
    }

    /// A log that holds these records.
    #[must_use]
    pub fn with(records: Vec<Record>) -> Self {
        let mut disk = Self::default();
        records.into_iter().for_each(|record| disk.keep(record));
        disk
    }

    /// Hands over a group; true if a flush must be started for it.
    pub fn append(&mut self, ticket: Ticket, records: Vec<Record>) -> bool {
        self.waiting.push_back((ticket, records));
        self.begin_flush()
    }

    /// Starts a flush of all that waits, unless one is under way or nothing waits.
    pub fn begin_flush(&mut self) -> bool {
        if self.flushing > 0 || self.waiting.is_empty() {
            return false;
        }
        self.flushing = self.waiting.len();
        true
    }

    /// The flush is done; the ticket up to which everything is durable.
    pub fn end_flush(&mut self) -> Option<Ticket> {
        let mut last = None;
        for _ in 0..std::mem::take(&mut self.flushing) {
            let (ticket, records) = self.waiting.pop_front()?;
            last = Some(ticket);
            records.into_iter().for_each(|record| self.keep(record));
        }
        last
    }

    /// The latest promise that survives a crash.
    #[must_use]
    pub const fn promise(&self) -> Option<&Promise> {
        self.promise.as_ref()
    }

    /// The latest stable checkpoint that the log knows.
    #[must_use]
    pub fn stable(&self) -> Option<&CheckpointCertificate> {
        self.durable.iter().rev().find_map(|record| match record {
            Record::Stable(certificate) | Record::Installed { certificate, .. } => Some(certificate),
            _ => None,
        })
    }

    fn keep(&mut self, record: Record) {
        if let Record::Promise(promise) = &record {
            self.promise = Some(*promise);
        }
        if let Record::Block(block) = &record {
            self.blocks.insert(block.header.body.id());
        }
        self.durable.push(record);
    }

    /// Power loss: of what was not flushed a prefix may have arrived, down to a part of a group.
    pub fn crash(&mut self, random: &mut Random, torn: bool) {
        self.flushing = 0;
        let waiting: Vec<Record> = self.waiting.drain(..).flat_map(|(_, records)| records).collect();
        let kept = if torn { random.below(waiting.len() as u64 + 1) as usize } else { 0 };
        waiting.into_iter().take(kept).for_each(|record| self.keep(record));
    }

    /// What a restart reads.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.durable.clone()
    }

    /// Whether this block survives a crash.
    #[must_use]
    pub fn has_block(&self, id: &Digest) -> bool {
        self.blocks.contains(id)
    }

    /// Rot in the middle of the log: the records that are hit cannot be read any more, and what lies behind them can. Says
    /// how many they are. Promises are kept twice, so this is for the other records.
    pub fn rot(&mut self, mut is_hit: impl FnMut(&Record) -> bool) -> usize {
        let before = self.durable.len();
        self.durable.retain(|record| matches!(record, Record::Promise(_)) || !is_hit(record));
        let blocks = self.durable.iter().filter_map(|record| match record {
            Record::Block(block) => Some(block.header.body.id()),
            _ => None,
        });
        self.blocks = blocks.collect();
        before - self.durable.len()
    }

    /// Drops blocks below this sequence from the log.
    pub fn retain_from(&mut self, from: Sequence) {
        self.durable.retain(|record| match record {
            Record::Block(block) => block.header.body.sequence >= from,
            _ => true,
        });
    }

    /// Records in the log.
    #[must_use]
    pub fn len(&self) -> usize {
        self.durable.len()
    }

    /// Whether nothing was ever written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.durable.is_empty()
    }

    /// Loses everything, as a wiped disk does.
    pub fn wipe(&mut self) {
        *self = Self::default();
    }

    /// Goes back to what was there before.
    pub fn roll_back(&mut self, records: Vec<Record>) {
        *self = Self::with(records);
    }
}
