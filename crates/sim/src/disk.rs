//! A log that loses what was not flushed.

use crate::random::Random;
use outvote_replica::{Promise, Record, Ticket, Voting};
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
    /// The counters of promises behind a gap of a write that was not finished, none of which a finished one covers so far.
    after_gap: BTreeSet<u64>,
    /// Whether the latest promise was made, and both its copies are gone (D14).
    is_promise_lost: bool,
    /// What the next write does instead of being written.
    next_write: NextWrite,
    /// Where the last write begins. Damage in it looks like a write that was never finished.
    last_write: usize,
    /// Blocks that were on this disk and rotted.
    rotted: BTreeSet<Digest>,
    /// The latest promise that finished writes show, and those before the last write.
    shown: u64,
    shown_before: u64,
    /// The latest promise that a write lost, 0 for none; the next one shows it.
    shown_next: u64,
}

/// What becomes of the next write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum NextWrite {
    /// It is written.
    #[default]
    Lands,
    /// It is reported as done and lands nowhere, or over the record of which the number tells.
    Goes(Option<u64>),
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
        disk.last_write = disk.durable.len();
        disk.shown = disk.promise.map_or(0, |promise| promise.counter);
        disk.shown_before = disk.shown;
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
        if self.flushing == 0 {
            return None;
        }
        if let NextWrite::Goes(over) = std::mem::take(&mut self.next_write) {
            return self.lose_write(over);
        }
        self.last_write = self.durable.len();
        // Every write shows how many promises were made before it (D14).
        self.notice_hole();
        self.shown_before = self.shown;
        // A write that follows a gap and is finished covers it.
        self.after_gap.clear();
        for _ in 0..std::mem::take(&mut self.flushing) {
            let (ticket, records) = self.waiting.pop_front()?;
            last = Some(ticket);
            records.into_iter().for_each(|record| self.keep(record));
        }
        self.shown = self.shown.max(self.promise.map_or(0, |promise| promise.counter));
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
            self.is_promise_lost = false;
        }
        if let Record::Block(block) = &record {
            self.blocks.insert(block.header.body.id());
        }
        self.durable.push(record);
    }

    /// Power loss: of what was not flushed a prefix may have arrived, down to a part of a group. Where writes are `scattered`,
    /// any sectors of the write under way may have arrived: the log is read up to the first gap (a torn tail is dropped), and a
    /// promise of which one copy is good counts also behind it (D13).
    pub fn crash(&mut self, random: &mut Random, torn: bool, scattered: bool) {
        let under_way = std::mem::take(&mut self.flushing);
        self.keep_some(random, under_way, torn, scattered);
        // Where nothing shows that a write was lost, its number is given again.
        self.shown_next = 0;
    }

    fn keep_some(&mut self, random: &mut Random, under_way: usize, torn: bool, scattered: bool) {
        if scattered {
            let write: Vec<Record> =
                self.waiting.drain(..).take(under_way).flat_map(|(_, records)| records).collect();
            self.waiting.clear();
            return self.keep_scattered(random, write);
        }
        let waiting: Vec<Record> = self.waiting.drain(..).flat_map(|(_, records)| records).collect();
        let kept = if torn { random.below(waiting.len() as u64 + 1) as usize } else { 0 };
        if kept > 0 {
            self.notice_hole();
        }
        waiting.into_iter().take(kept).for_each(|record| self.keep(record));
    }

    /// Of a write's last promise a second copy lies at its end (D12).
    fn keep_scattered(&mut self, random: &mut Random, write: Vec<Record>) {
        let last = write.iter().rposition(|record| matches!(record, Record::Promise(_)));
        let (mut has_gap, mut behind) = (false, None);
        for (place, record) in write.into_iter().enumerate() {
            let is_there = random.chance(700_000);
            let is_second_there = Some(place) == last && random.chance(700_000);
            if is_there || is_second_there {
                self.notice_hole();
            }
            if is_there && !has_gap {
                self.keep(record);
                continue;
            }
            has_gap = true;
            if (is_there || is_second_there) && matches!(record, Record::Promise(_)) {
                behind = Some(record);
            }
        }
        if let Some(record) = behind {
            self.keep_after_gap(record);
        }
    }

    /// A write shows that one before it was lost of which nothing is left, and with it perhaps a promise; a later one makes up for
    /// it (D13, D14).
    fn notice_hole(&mut self) {
        let lost = std::mem::take(&mut self.shown_next);
        self.is_promise_lost |= lost > 0;
        self.shown = self.shown.max(lost);
    }

    fn keep_after_gap(&mut self, record: Record) {
        if let Record::Promise(promise) = &record {
            self.after_gap.insert(promise.counter);
        }
        self.keep(record);
    }

    /// Whether the latest promise lies behind a gap in a write that was never finished (D13).
    #[must_use]
    pub fn is_after_gap(&self) -> bool {
        self.promise.is_some_and(|promise| self.after_gap.contains(&promise.counter))
    }

    /// What a restart reads.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.durable.clone()
    }

    /// What a restart is told of its promises.
    #[must_use]
    pub fn voting(&self) -> Voting {
        if self.is_promise_lost {
            return Voting::Observer { why: "the promises made with this key are lost from its disk" };
        }
        // D13: where what was promised before the gap is lost, the later promise stands.
        let before = self.before_gap().filter(|_| self.is_after_gap());
        before.map_or(Voting::Allowed, |before| Voting::AllowedAfterGap { before })
    }

    /// The last promise that lies behind no gap, if finished writes show no later one.
    fn before_gap(&self) -> Option<Promise> {
        let mut promises = self.durable.iter().rev().filter_map(|record| match record {
            Record::Promise(promise) => Some(*promise),
            _ => None,
        });
        let before = promises.find(|promise| !self.after_gap.contains(&promise.counter));
        before.filter(|promise| promise.counter >= self.shown)
    }

    /// Whether this block was on the disk and rotted.
    #[must_use]
    pub fn has_rotted(&self, id: &Digest) -> bool {
        self.rotted.contains(id)
    }

    /// The next write is reported as done and lands nowhere, or over an older record.
    pub const fn lose_next_write(&mut self, over: Option<u64>) {
        self.next_write = NextWrite::Goes(over);
    }

    fn lose_write(&mut self, over: Option<u64>) -> Option<Ticket> {
        let mut last = None;
        for _ in 0..std::mem::take(&mut self.flushing) {
            let (ticket, records) = self.waiting.pop_front()?;
            last = Some(ticket);
            // Later writes show that a promise was made here (D14); until one comes, this is an old copy of a disk.
            for record in &records {
                if let Record::Promise(promise) = record {
                    self.shown_next = self.shown_next.max(promise.counter);
                }
            }
        }
        if let (Some(number), false) = (over, self.durable.is_empty()) {
            self.rot(number as usize % self.durable.len());
        }
        last
    }

    /// The durable records.
    #[must_use]
    pub fn durable(&self) -> &[Record] {
        &self.durable
    }

    /// Where the last write begins.
    #[must_use]
    pub const fn last_write(&self) -> usize {
        self.last_write
    }

    /// This record cannot be read any more. The log tells its reader so, and goes on behind it; in the last write it takes that for
    /// the end of a write that was never finished, behind which only a promise counts (D13).
    pub fn rot(&mut self, index: usize) {
        if index >= self.durable.len() {
            return;
        }
        let behind = if index < self.last_write { Vec::new() } else { self.durable.split_off(index + 1) };
        let record = self.durable.remove(index);
        if let Record::Block(block) = &record {
            let id = block.header.body.id();
            self.blocks.remove(&id);
            self.rotted.insert(id);
        }
        let is_latest = |record: &Record, held: Option<Promise>| match record {
            Record::Promise(promise) => held.is_some_and(|latest| latest.counter == promise.counter),
            _ => false,
        };
        if index < self.last_write {
            self.last_write -= 1;
            self.is_promise_lost |= is_latest(&record, self.promise);
            return;
        }
        let promise = behind.into_iter().rfind(|record| matches!(record, Record::Promise(_)));
        let rest = Self::with(std::mem::take(&mut self.durable));
        let before = std::mem::replace(self, rest);
        (self.rotted, self.next_write) = (before.rotted, before.next_write);
        (self.is_promise_lost, self.shown_next) = (before.is_promise_lost, before.shown_next);
        (self.shown, self.shown_before) = (before.shown_before, before.shown_before);
        self.after_gap = before.after_gap;
        if let Some(record) = promise {
            self.keep_after_gap(record);
        }
    }

    /// The last records are gone although they were flushed.
    pub fn lose_suffix(&mut self, count: usize) {
        let kept = self.durable.len().saturating_sub(count).max(1).min(self.durable.len());
        let records = self.durable.drain(..kept).collect();
        *self = Self::with(records);
    }

    /// Whether this block survives a crash.
    #[must_use]
    pub fn has_block(&self, id: &Digest) -> bool {
        self.blocks.contains(id)
    }

    /// Rot in many places of the middle of the log: the records that are hit cannot be read any more, and what lies behind them
    /// can. Says how many they are. Promises are kept twice, so this is for the other records.
    pub fn rot_all(&mut self, mut is_hit: impl FnMut(&Record) -> bool) -> usize {
        let mut is_kept = |record: &Record| matches!(record, Record::Promise(_)) || !is_hit(record);
        let (before, mut last_write) = (self.durable.len(), self.last_write);
        for (index, record) in std::mem::take(&mut self.durable).into_iter().enumerate() {
            if is_kept(&record) {
                self.durable.push(record);
                continue;
            }
            last_write -= usize::from(index < self.last_write);
            if let Record::Block(block) = &record {
                let id = block.header.body.id();
                self.blocks.remove(&id);
                self.rotted.insert(id);
            }
        }
        self.last_write = last_write;
        before - self.durable.len()
    }

    /// Drops blocks below this sequence from the log.
    pub fn retain_from(&mut self, from: Sequence) {
        let stays = |record: &Record| match record {
            Record::Block(block) => block.header.body.sequence >= from,
            _ => true,
        };
        let last_write = self.last_write.min(self.durable.len());
        self.last_write = self.durable[..last_write].iter().filter(|record| stays(record)).count();
        self.durable.retain(stays);
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
