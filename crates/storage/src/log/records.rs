//! Going through a log from its first record to its last.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use crate::disk::{Disk, SECTOR_BYTES};
use crate::error::StorageError;
use crate::log::recover::Segment;
use crate::log::sector::Seal;
use crate::log::segment::{SegmentReader, file_name};
use crate::log::{FIRST_RESERVED_KIND, Record};

/// Records that were durable once and cannot be read any more. They are not at the log's end, and what comes after
/// them is still there: fetch them from a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's number.
    pub segment: u64,
    /// Its file.
    pub file: String,
    /// Where the first damaged sector is, in bytes.
    pub offset: u64,
    /// The indexes of the records that are missing. The log's own records have indexes too, so some of these may
    /// never have been the caller's.
    pub missing: Range<u64>,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = &self.missing;
        write!(
            formatter,
            "{} is damaged at byte {}: records {start} to {} ",
            self.file,
            self.offset,
            end - 1
        )?;
        formatter.write_str("cannot be read; they are fetched from the other replicas")
    }
}

/// What a log holds, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An intact record.
    Record(Record),
    /// A hole.
    Damage(Damage),
}

/// Goes through all durable records in order, in bounded memory. After an error it ends.
#[derive(Debug)]
pub struct Records<'log, D> {
    disk: &'log D,
    seal: &'log Seal,
    segments: &'log BTreeMap<u64, Segment>,
    reader: Option<(u64, SegmentReader<'log, D>)>,
    next_segment: u64,
    expected: u64,
    end: u64,
    /// Where the first bad sector since the last record is.
    bad: Option<(u64, u64)>,
    /// A record that waits behind the damage before it.
    waiting: Option<Record>,
    has_failed: bool,
}

impl<'log, D: Disk> Records<'log, D> {
    pub(crate) fn new(
        disk: &'log D,
        seal: &'log Seal,
        segments: &'log BTreeMap<u64, Segment>,
        from: (u64, u64),
        end: u64,
    ) -> Self {
        let (next_segment, expected) = from;
        Self {
            disk,
            seal,
            segments,
            reader: None,
            next_segment,
            expected,
            end,
            bad: None,
            waiting: None,
            has_failed: false,
        }
    }

    /// Opens the next segment; `false` when there is none.
    fn open_next(&mut self) -> Result<bool, StorageError> {
        let Some((number, _)) = self.segments.range(self.next_segment..).next() else { return Ok(false) };
        if *number > self.next_segment {
            self.bad.get_or_insert((self.next_segment, 0));
        }
        self.reader = Some((*number, SegmentReader::open(self.disk, self.seal, *number)?));
        self.next_segment = number + 1;
        Ok(true)
    }

    /// Names the records from the expected one up to `index`.
    fn damage(&mut self, index: u64) -> Damage {
        let (segment, offset) = self.bad.take().unwrap_or((self.next_segment.saturating_sub(1), 0));
        let missing = self.expected..index;
        self.expected = index;
        Damage { segment, file: file_name(segment), offset, missing }
    }

    fn advance(&mut self) -> Result<Option<Entry>, StorageError> {
        loop {
            if let Some(record) = self.waiting.take() {
                self.expected = record.position.index + 1;
                self.bad = None;
                if record.kind < FIRST_RESERVED_KIND {
                    return Ok(Some(Entry::Record(record)));
                }
            }
            let Some((number, reader)) = &mut self.reader else {
                if self.open_next()? {
                    continue;
                }
                let has_hole = self.expected < self.end;
                return Ok(has_hole.then(|| Entry::Damage(self.damage(self.end))));
            };
            let number = *number;
            if let Some(raw) = reader.ready.pop_front() {
                let index = raw.position.index;
                let limit = self.segments.get(&number).map_or(0, |segment| segment.limit);
                // Below: not needed any more. At or above the limit: dropped by an earlier opening.
                if index < self.expected || index >= limit {
                    continue;
                }
                self.waiting = Some(Record { position: raw.position, kind: raw.kind, payload: raw.payload });
                if index > self.expected {
                    return Ok(Some(Entry::Damage(self.damage(index))));
                }
                continue;
            }
            match reader.step()? {
                None => self.reader = None,
                Some(step) if step.header.is_none() => {
                    self.bad.get_or_insert((number, u64::from(step.sector) * SECTOR_BYTES as u64));
                }
                Some(_) => {}
            }
        }
    }
}

impl<D: Disk> Iterator for Records<'_, D> {
    type Item = Result<Entry, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let result = self.advance();
        self.has_failed = result.is_err();
        result.transpose()
    }
}
