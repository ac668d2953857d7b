//! The log: records appended, made durable in groups, replayed after a restart, dropped from the front.

pub(crate) mod group;
mod lay;
pub(crate) mod promise;
mod reader;
pub(crate) mod records;
pub(crate) mod recover;
pub(crate) mod sector;
pub(crate) mod segment;

use crate::planted::{self, Bug};
use std::collections::BTreeMap;

use crate::disk::{Disk, SECTOR_BYTES};
use crate::error::{Poison, StorageError};
use crate::log::group::Group;
use crate::log::promise::{PROMISE_MAX_BYTES, Promises};
pub use crate::log::reader::LogReader;
use crate::log::reader::read_at;
use crate::log::records::Records;
use crate::log::recover::{FIRST_INDEX, Recovery, Segment, recover};
use crate::log::sector::{IDENTITY_BYTES, Seal};
use crate::log::segment::file_name;

/// How long a record's payload may be.
pub const RECORD_MAX_BYTES: usize = 16 << 20;
/// How many segments a log may have at once.
pub const SEGMENTS_MAX: usize = 1 << 16;
/// Kinds of records from here on are the log's own.
pub const FIRST_RESERVED_KIND: u8 = 0xf0;
pub(crate) const KIND_PROMISE: u8 = 0xf0;
pub(crate) const KIND_TRUNCATED: u8 = 0xf1;

/// Sizes of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// A segment that reached this length is followed by another one; the last group may lie beyond. In bytes.
    pub segment_bytes: u64,
    /// Records that wait for a sync are written and synced early when they exceed this. In bytes.
    pub group_max_bytes: usize,
}

impl Default for LogOptions {
    /// Segments of 16 MiB, so that dropping what a checkpoint covers frees space soon; groups of at most 32 MiB,
    /// so that memory stays bounded and two of the longest records still share a sync.
    fn default() -> Self {
        Self { segment_bytes: 16 << 20, group_max_bytes: 32 << 20 }
    }
}

/// Where a record is. Later records have larger positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The record's number in the whole log, from 1, without gaps.
    pub index: u64,
    pub(crate) segment: u64,
    pub(crate) sector: u32,
    pub(crate) offset: u16,
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub position: Position,
    /// What it is, by the caller's numbering.
    pub kind: u8,
    /// What it says.
    pub payload: Vec<u8>,
}

/// Where the group that is being gathered goes.
#[derive(Debug, Clone, Copy)]
struct Target {
    segment: u64,
    start: u32,
    is_new_segment: bool,
}

/// A segmented log with one owner. [`Log::append`] and [`Log::promise`] gather, [`Log::sync`] makes durable.
///
/// After a failed write or sync every later call gives the same error: what the disk holds is known only after
/// opening the log again.
#[derive(Debug)]
pub struct Log<D> {
    disk: D,
    seal: Seal,
    options: LogOptions,
    poison: Poison,
    /// Every segment that there is. Invariant: the last one is the one being written once `current` is set.
    segments: BTreeMap<u64, Segment>,
    /// The segment being written and its length in sectors; none before the first sync after an opening.
    current: Option<(u64, u32)>,
    kept: (u64, u64),
    next_index: u64,
    /// Records below are durable.
    synced_index: u64,
    next_group: u64,
    group: Group,
    target: Option<Target>,
    promises: Promises,
    shown_promise: u64,
    highest_promise: u64,
    /// The sector of the group that holds the first copy of the latest promise, while the second is not laid yet.
    first_copy: Option<u32>,
    is_empty: bool,
}

impl<D: Disk> Log<D> {
    /// Opens the log in the folder of `disk`, or a new one. A log of another identity or a later format is refused.
    /// Reads all of it once.
    pub fn open(
        mut disk: D,
        identity: [u8; IDENTITY_BYTES],
        options: LogOptions,
    ) -> Result<(Self, Recovery), StorageError> {
        let seal = Seal::new(identity);
        let found = recover(&mut disk, &seal)?;
        let recovery = found.recovery;
        let log = Self {
            disk,
            seal,
            options,
            poison: Poison::default(),
            segments: found.segments,
            current: None,
            kept: (found.kept_segment, recovery.first_index),
            next_index: recovery.next_index,
            synced_index: recovery.next_index,
            next_group: found.next_group,
            group: Group::default(),
            target: None,
            promises: found.promises,
            shown_promise: found.shown_promise,
            highest_promise: found.highest_promise,
            first_copy: None,
            is_empty: recovery.is_empty,
        };
        Ok((log, recovery))
    }

    /// Gathers a record; it is durable after the next [`Log::sync`]. `kind` is below [`FIRST_RESERVED_KIND`].
    pub fn append(&mut self, kind: u8, payload: &[u8]) -> Result<Position, StorageError> {
        assert!(kind < FIRST_RESERVED_KIND, "kinds from {FIRST_RESERVED_KIND} on are the log's own");
        self.poison.check()?;
        check_size("a record", payload.len(), RECORD_MAX_BYTES, "split it")?;
        if self.pending_bytes() > 0 && self.pending_bytes() + payload.len() > self.options.group_max_bytes {
            self.sync()?;
        }
        self.push(kind, &[payload])
    }

    /// Gathers a promise in place of all earlier ones, twice, and tells its counter. Refused on a lost disk.
    pub fn promise(&mut self, payload: &[u8]) -> Result<u64, StorageError> {
        // D17: who may have forgotten a promise makes no other.
        if let Promises::Lost(reason) = &self.promises
            && !planted::is_on(Bug::LostDiskPromises)
        {
            return Err(StorageError::PromiseLost { reason: reason.to_string() });
        }
        self.push_promise(payload)
    }

    /// Writes the first promise of a new key, durably. Refused on a log that holds anything.
    pub fn init_promise(&mut self, payload: &[u8]) -> Result<u64, StorageError> {
        // D16: nothing else ever creates the first promise.
        if !self.is_empty || self.pending_bytes() > 0 {
            return Err(StorageError::PromiseExists);
        }
        let counter = self.push_promise(payload)?;
        self.sync()?;
        Ok(counter)
    }

    /// The promises made with this key; what was gathered last counts although it may not be durable yet.
    pub fn promises(&self) -> &Promises {
        &self.promises
    }

    /// Makes all that was gathered durable with one write and one sync. Without anything gathered it does nothing.
    pub fn sync(&mut self) -> Result<(), StorageError> {
        self.poison.check()?;
        let Some(target) = self.target else { return Ok(()) };
        self.push_second_copy()?;
        let promise = self.shown_by_next_group();
        let at = (target.segment, target.start);
        self.group.close(&self.seal, at, self.next_group, self.next_index, promise);
        let written = write_group(&mut self.disk, &self.group, target);
        if !planted::is_on(Bug::SyncErrorSwallowed) {
            self.poison.keep(written)?;
        }
        self.segments.insert(target.segment, Segment { limit: self.next_index });
        self.current = Some((target.segment, target.start + self.group.count()));
        self.next_group += 1;
        self.synced_index = self.next_index;
        self.shown_promise = promise;
        self.is_empty = false;
        self.group.clear();
        self.target = None;
        Ok(())
    }

    /// Syncs, and writes a mark behind the last group, so that the next opening knows that it was finished: damage
    /// to it then is damage, not a torn tail. For a clean stop, or a quiet moment.
    pub fn seal(&mut self) -> Result<(), StorageError> {
        self.sync()?;
        if self.current.is_none() {
            return Ok(());
        }
        self.begin_group()?;
        self.group.next_sector();
        self.sync()
    }

    /// Drops what lies before `position`: reading begins there from now on, and segments that lie wholly before it
    /// are removed. Syncs what was gathered. The latest promise is in a segment that stays.
    pub fn truncate_before(&mut self, position: Position) -> Result<(), StorageError> {
        self.poison.check()?;
        if position.index <= self.kept.1 && !self.segments.keys().any(|number| *number < self.kept.0) {
            return self.sync();
        }
        assert!(position.index < self.next_index, "a position of this log");
        let kept = self.kept.max((position.segment, position.index));
        // What is not needed is written down before anything goes, so that a file that is missing by accident is
        // never taken for one that was dropped. The segment being written began with the latest promise.
        let mut payload = [0; 16];
        payload[..8].copy_from_slice(&kept.0.to_le_bytes());
        payload[8..].copy_from_slice(&kept.1.to_le_bytes());
        self.push(KIND_TRUNCATED, &[&payload])?;
        if !planted::is_on(Bug::DroppedTooSoon) {
            self.sync()?;
        }
        self.kept = kept;
        let dropped: Vec<u64> = self.segments.range(..kept.0).map(|(number, _)| *number).collect();
        for number in &dropped {
            let removed = self.disk.remove(&file_name(*number));
            self.poison.keep(removed)?;
            self.segments.remove(number);
        }
        if !dropped.is_empty() {
            let synced = self.disk.sync_directory();
            self.poison.keep(synced)?;
        }
        Ok(())
    }

    /// Reads one record, durable or gathered.
    pub fn read(&self, position: Position) -> Result<Record, StorageError> {
        self.poison.check()?;
        if let Some(target) = self.target
            && position.index >= self.synced_index
            && position.index < self.next_index
            && position.segment == target.segment
        {
            let (kind, index, payload) = self.group.read(position.sector - target.start, position.offset);
            assert!(index == position.index, "a position of this log leads to its record");
            return Ok(Record { position, kind, payload });
        }
        read_at(&self.disk, &self.seal, position)
    }

    /// All durable records in order, with the holes between them.
    pub fn records(&self) -> Records<'_, D> {
        Records::new(&self.disk, &self.seal, &self.segments, self.kept, self.synced_index)
    }

    /// Reads durable records from another thread, through another handle on the same folder.
    pub fn reader<R: Disk>(&self, disk: R) -> LogReader<R> {
        LogReader { disk, seal: self.seal.clone() }
    }

    /// Bytes that wait for a sync.
    pub fn pending_bytes(&self) -> usize {
        if self.target.is_some() { self.group.bytes().len() } else { 0 }
    }

    /// The index that the next record gets.
    pub fn next_index(&self) -> u64 {
        self.next_index
    }

    /// How many segments there are.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// The disk, for counting and measuring.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// Gives the disk back; what was not synced is gone.
    pub fn into_disk(self) -> D {
        self.disk
    }

    /// The disk, for injecting faults.
    pub fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }
}

/// One write and one sync; a new segment also needs its name to be durable.
fn write_group(disk: &mut impl Disk, group: &Group, target: Target) -> Result<(), StorageError> {
    let name = file_name(target.segment);
    if target.is_new_segment {
        disk.create(&name)?;
        disk.write_at(&name, 0, group.bytes())?;
        disk.sync_data(&name)?;
        if planted::is_on(Bug::DirectoryUnsynced) {
            return Ok(());
        }
        return disk.sync_directory();
    }
    disk.write_at(&name, u64::from(target.start) * SECTOR_BYTES as u64, group.bytes())?;
    if planted::is_on(Bug::SyncSkipped) {
        return Ok(());
    }
    disk.sync_data(&name)
}

fn check_size(what: &'static str, size: usize, max: usize, cure: &'static str) -> Result<(), StorageError> {
    if size <= max {
        return Ok(());
    }
    Err(StorageError::TooLarge { what, size: size as u64, max: max as u64, cure })
}

const _: () = assert!(
    group::RECORD_HEADER_BYTES + 8 + PROMISE_MAX_BYTES <= sector::BODY_BYTES && FIRST_INDEX > 0,
    "a promise fits into one sector"
);
