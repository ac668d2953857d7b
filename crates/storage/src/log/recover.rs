//! Finding out what a log holds. No byte is changed here: a log can be opened any number of times with the same
//! result, and the first write after an opening goes into a new segment. So a torn tail is never overwritten and a
//! good copy of a promise is never risked; the new segment's first index says what was dropped before it.

use crate::planted::{self, Bug};
use std::collections::BTreeMap;

use crate::disk::{Disk, SECTOR_BYTES};
use crate::error::StorageError;
use crate::log::promise::{LostDisk, Place, Promises, Search};
use crate::log::sector::{HEADER_SECTORS, Seal, SectorHeader, SegmentHeader, le_u64};
use crate::log::segment::{Raw, SegmentReader, file_name, file_number, read_header};
use crate::log::{KIND_PROMISE, KIND_TRUNCATED};

/// The index of the first record of a log.
pub(crate) const FIRST_INDEX: u64 = 1;

/// How much is written at once when the last group is made durable again.
const REWRITE_BYTES: usize = 1 << 18;

/// A write that never finished. Nothing that rests on it was ever acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment's file.
    pub file: String,
    /// Where the first missing byte is.
    pub offset: u64,
    /// How many bytes of the file are dropped.
    pub dropped_bytes: u64,
}

/// What an opening found. The records themselves come from [`crate::Log::records`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The end of the log that was dropped, if there was one.
    pub torn_tail: Option<TornTail>,
    /// Files whose header has a damaged copy, or two. The records in them are still found.
    pub damaged_headers: Vec<String>,
    /// The index of the first record that is still needed.
    pub first_index: u64,
    /// The index that the next record gets.
    pub next_index: u64,
    /// Whether nothing at all was found.
    pub is_empty: bool,
}

/// One segment of an open log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    /// The first index that is not in it: what lies at or above was dropped.
    pub(crate) limit: u64,
}

/// All that an opening found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) recovery: Recovery,
    pub(crate) segments: BTreeMap<u64, Segment>,
    pub(crate) kept_segment: u64,
    pub(crate) next_group: u64,
    pub(crate) promises: Promises,
    pub(crate) shown_promise: u64,
    pub(crate) highest_promise: u64,
}

/// Reads a whole log once, in bounded memory.
pub(crate) fn recover(disk: &mut impl Disk, seal: &Seal) -> Result<Found, StorageError> {
    let numbers: Vec<u64> = disk.list()?.iter().filter_map(|name| file_number(name)).collect();
    let mut scan = Scan { end_index: FIRST_INDEX, kept: (1, FIRST_INDEX), ..Scan::default() };
    let mut firsts = Vec::new();
    for number in &numbers {
        let (header, is_whole) = read_header(disk, seal, *number)?;
        let first = match header {
            Some(header) => {
                scan.on_header(&header);
                Some(header.first_index)
            }
            None => first_index_by_content(disk, seal, *number)?,
        };
        // A file without anything in it is the torn beginning of a segment, not a damaged one.
        if !is_whole && first.is_some() {
            scan.damaged_headers.push(file_name(*number));
        }
        firsts.push(first);
    }
    let mut segments = BTreeMap::new();
    for (place, number) in numbers.iter().enumerate() {
        let later = firsts[place + 1..].iter().zip(&numbers[place + 1..]);
        let limit =
            later.filter_map(|(first, later)| Some((first.as_ref()?, later))).next().map(|(first, later)| {
                Limit { index: *first, is_adjacent: number.checked_add(1) == Some(*later) }
            });
        if limit.is_none() {
            scan.end_index = scan.end_index.max(firsts[place].unwrap_or(FIRST_INDEX));
        }
        scan.read_segment(SegmentReader::open(disk, seal, *number)?, *number, limit)?;
        segments.insert(*number, Segment { limit: limit.map_or(scan.end_index, |limit| limit.index) });
    }
    if let Some((number, sector)) = scan.tail.filter(|_| !planted::is_on(Bug::TailNotRewritten)) {
        make_durable(disk, number, sector)?;
    }
    Ok(scan.finish(segments))
}

/// After the death of the process alone, reads show what may not be on the disk yet; after a failed sync they even
/// show what never will be, and the next sync claims success. So the last group, the only one that may not have
/// been synced, is written once more with the same bytes, and synced, before anything rests on it.
fn make_durable(disk: &mut impl Disk, number: u64, sector: u32) -> Result<(), StorageError> {
    let name = file_name(number);
    let mut offset = u64::from(sector) * SECTOR_BYTES as u64;
    let mut buffer = vec![0; REWRITE_BYTES];
    loop {
        let count = disk.read_at(&name, offset, &mut buffer)?;
        if count == 0 {
            break;
        }
        disk.write_at(&name, offset, &buffer[..count])?;
        offset += count as u64;
    }
    disk.sync_data(&name)?;
    disk.sync_directory()
}

/// The first index of a segment whose header is gone, by any sector of its first group.
fn first_index_by_content(disk: &impl Disk, seal: &Seal, number: u64) -> Result<Option<u64>, StorageError> {
    let mut reader = SegmentReader::open(disk, seal, number)?;
    while let Some(step) = reader.step()? {
        reader.ready.clear();
        if let Some(header) = step.header {
            let is_first = step.sector - header.place == HEADER_SECTORS;
            return Ok(is_first.then_some(header.first_index));
        }
    }
    Ok(None)
}

/// The group whose sectors are being read.
#[derive(Debug)]
struct Group {
    header: SectorHeader,
    start: u32,
    /// The index after the last record before the first gap.
    prefix_end: u64,
    /// Where the first gap is.
    first_bad: Option<u32>,
    truncated: Option<(u64, (u64, u64))>,
}

/// Where the records of a segment end that has others behind it: what lies at or above was dropped.
#[derive(Debug, Clone, Copy)]
struct Limit {
    /// The first index of the next segment of which that is known.
    index: u64,
    /// Whether that one is the very next, so that whatever lies below was finished.
    is_adjacent: bool,
}

#[derive(Debug, Default)]
struct Scan {
    search: Search,
    end_index: u64,
    kept: (u64, u64),
    highest_group: u64,
    damaged_headers: Vec<String>,
    torn_tail: Option<TornTail>,
    /// The last segment and the sector where its last group begins.
    tail: Option<(u64, u32)>,
}

impl Scan {
    fn on_header(&mut self, header: &SegmentHeader) {
        self.search.shown = self.search.shown.max(header.promise);
        self.kept = self.kept.max((header.kept_segment, header.kept_index));
    }

    /// Reads one segment; `limit` is where the next one begins, if there is a next one.
    fn read_segment<D: Disk>(
        &mut self,
        mut reader: SegmentReader<'_, D>,
        number: u64,
        limit: Option<Limit>,
    ) -> Result<(), StorageError> {
        let mut group: Option<Group> = None;
        // Where intact sectors end.
        let mut end = HEADER_SECTORS.min(reader.sectors());
        while let Some(step) = reader.step()? {
            let Some(header) = step.header else {
                if let Some(group) = &mut group {
                    group.first_bad.get_or_insert(step.sector);
                }
                continue;
            };
            end = step.sector + 1;
            if group.as_ref().is_none_or(|group| group.header.group != header.group) {
                // A later group in the same segment was begun only after the earlier one was durable.
                if let Some(done) = group.take() {
                    self.on_group(&done, true, limit);
                }
                let begun = Group::new(header, step.sector);
                self.search.begin_group(begun.place(number, limit));
                group = Some(begun);
            }
            for raw in reader.ready.drain(..) {
                self.on_record(&raw, &mut group, limit);
            }
        }
        let sectors = reader.sectors();
        let mut tail_start = 0;
        let torn_at = match &group {
            Some(last) => {
                let group_end = last.start + last.header.count;
                tail_start = if last.start == HEADER_SECTORS { 0 } else { last.start };
                // The file goes on behind the group: the next one was begun, so this one was durable.
                let is_followed = sectors > group_end && !planted::is_on(Bug::DamageCutAway);
                match self.on_group(last, is_followed, limit) {
                    false => Some(last.first_bad.unwrap_or(sectors)),
                    true => is_followed.then_some(end.max(group_end)),
                }
            }
            None => Some(HEADER_SECTORS.min(sectors)),
        };
        if group.is_some() {
            self.search.end_segment(sectors);
        }
        if let (Some(torn), Some((sector, error)), None) = (torn_at, reader.unreadable(), limit)
            && *sector >= torn
        {
            // A torn write reads as something else, not as nothing. So this was durable, and may have been a promise; it is
            // not at the end of what counts, and nobody may say that it is (D13, D14).
            return Err(error.clone());
        }
        self.tail = Some((number, tail_start));
        if let (Some(sector), None) = (torn_at, limit) {
            let offset = u64::from(sector) * SECTOR_BYTES as u64;
            let dropped_bytes = (u64::from(sectors) * SECTOR_BYTES as u64).saturating_sub(offset);
            self.torn_tail.get_or_insert(TornTail { file: file_name(number), offset, dropped_bytes });
        }
        Ok(())
    }

    fn on_record(&mut self, raw: &Raw, group: &mut Option<Group>, limit: Option<Limit>) {
        let Some(group) = group else { return };
        if raw.position.index == group.prefix_end {
            group.prefix_end += 1;
        }
        match raw.kind {
            // D13: one good copy counts, also one behind a gap.
            KIND_PROMISE => {
                self.search.found(raw.position.index, &raw.payload, limit.map(|limit| limit.index))
            }
            KIND_TRUNCATED if raw.payload.len() == 16 => {
                let kept = (le_u64(&raw.payload, 0), le_u64(&raw.payload, 8));
                group.truncated = Some((raw.position.index, kept));
            }
            _ => {}
        }
    }

    /// Weighs a group of which all sectors were read. Returns whether it was finished.
    fn on_group(&mut self, group: &Group, is_followed: bool, limit: Option<Limit>) -> bool {
        let header = &group.header;
        self.highest_group = self.highest_group.max(header.group);
        self.search.highest = self.search.highest.max(header.promise);
        let is_whole = group.prefix_end == header.end_index;
        let is_finished = match limit {
            // The next segment begins behind its last record: it was finished. Otherwise it was dropped then.
            Some(limit) => header.end_index <= limit.index && (limit.is_adjacent || is_whole),
            None => is_whole || is_followed,
        };
        let accepted_end = if is_finished || planted::is_on(Bug::TornTailKept) {
            header.end_index
        } else {
            group.prefix_end
        };
        if is_finished {
            self.search.finish_group(header.promise, header.end_index);
        }
        if limit.is_none() {
            self.end_index = self.end_index.max(accepted_end);
        }
        if let Some((index, kept)) = group.truncated
            && index < accepted_end.min(limit.map_or(u64::MAX, |limit| limit.index))
        {
            self.kept = self.kept.max(kept);
        }
        is_finished
    }

    fn finish(mut self, segments: BTreeMap<u64, Segment>) -> Found {
        let (shown, highest) = (self.search.shown, self.search.highest);
        self.end_index = self.end_index.max(self.kept.1);
        let promises = self.search.result(self.end_index);
        // D14: what is lost stays lost, whatever is written behind it.
        let shown_promise = match &promises {
            Promises::Lost(LostDisk::Damaged { shown, .. }) if !planted::is_on(Bug::LossForgotten) => *shown,
            _ => shown,
        };
        let highest_promise = highest.max(shown_promise);
        let is_empty = self.end_index == FIRST_INDEX && promises == Promises::Lost(LostDisk::NeverWritten);
        Found {
            recovery: Recovery {
                torn_tail: self.torn_tail,
                damaged_headers: self.damaged_headers,
                first_index: self.kept.1,
                next_index: self.end_index,
                is_empty,
            },
            segments,
            kept_segment: self.kept.0,
            next_group: self.highest_group + 1,
            promises,
            shown_promise,
            highest_promise,
        }
    }
}

impl Group {
    fn new(header: SectorHeader, sector: u32) -> Self {
        let start = sector - header.place;
        // Its first sectors are missing when the first that is intact is not the first of all.
        let first_bad = (header.place > 0).then_some(start);
        Self { header, start, prefix_end: header.first_index, first_bad, truncated: None }
    }

    fn place(&self, segment: u64, limit: Option<Limit>) -> Place {
        let header = &self.header;
        Place {
            number: header.group,
            segment,
            start: self.start,
            end: self.start.saturating_add(header.count),
            first_index: header.first_index,
            rest: 0,
            end_index: limit.filter(|limit| limit.is_adjacent).map(|limit| header.end_index.min(limit.index)),
        }
    }
}
