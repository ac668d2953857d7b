//! Reading one segment: every intact record in order, with the damaged sectors between them.

use std::collections::VecDeque;

use crate::disk::{Disk, SECTOR_BYTES};
use crate::error::{Cause, StorageError};
use crate::log::group::RECORD_HEADER_BYTES;
use crate::log::sector::{
    BODY_BYTES, HEADER_BYTES, HEADER_SECTORS, HeaderFound, LOG_VERSION, NONE_BEGINS, Seal, SectorHeader,
    SegmentHeader, le_u32, le_u64,
};
use crate::log::{Position, RECORD_MAX_BYTES};

/// Sectors that are read at once.
const CHUNK_SECTORS: u32 = 256;
/// Sectors of a segment that may be unreadable; with more of them it is the disk that is ill, and a person has to look.
const UNREADABLE_SECTORS_MAX: usize = 64;
const NAME_START: &str = "log-";
const NAME_END: &str = ".segment";

/// The name of a segment's file; names sort as numbers do.
pub(crate) fn file_name(segment: u64) -> String {
    format!("{NAME_START}{segment:020}{NAME_END}")
}

/// The number of a segment by its file's name; `None` for files that are not ours.
pub(crate) fn file_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(NAME_START)?.strip_suffix(NAME_END)?;
    let is_ours = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours { digits.parse().ok() } else { None }
}

/// Reads a segment's header: the intact copy, and whether both are.
pub(crate) fn read_header(
    disk: &impl Disk,
    seal: &Seal,
    segment: u64,
) -> Result<(Option<SegmentHeader>, bool), StorageError> {
    let name = file_name(segment);
    let mut bytes = [0; HEADER_SECTORS as usize * SECTOR_BYTES];
    let (length, _) = read_sectors(disk, &name, 0, &mut bytes)?;
    let mut found = Vec::new();
    for (copy, sector) in (0..HEADER_SECTORS).zip(bytes[..length].chunks(SECTOR_BYTES)) {
        found.push(seal.open_segment_header(sector, segment, copy));
    }
    let good = found.iter().find_map(|copy| match copy {
        HeaderFound::Good(header) => Some(*header),
        _ => None,
    });
    if good.is_none() {
        // One flipped bit can make a version look newer, or an identity foreign, in one copy; not in both.
        for copy in &found {
            match *copy {
                HeaderFound::Foreign => return Err(StorageError::Foreign { file: name }),
                HeaderFound::Newer(version) if found.iter().all(|other| other == copy) => {
                    return Err(StorageError::Newer { file: name, found: version, known: LOG_VERSION });
                }
                _ => {}
            }
        }
    }
    let is_whole = found.len() == HEADER_SECTORS as usize
        && found.iter().all(|copy| matches!(copy, HeaderFound::Good(_)));
    Ok((good, is_whole))
}

/// Reads whole sectors from `first` on; those that the device cannot read are zeros, and the last of them is told with its
/// error. A device that reads none of them is an error.
fn read_sectors(
    disk: &impl Disk,
    name: &str,
    first: u32,
    buffer: &mut [u8],
) -> Result<(usize, Vec<(u32, StorageError)>), StorageError> {
    let start = u64::from(first) * SECTOR_BYTES as u64;
    let error = match disk.read_at(name, start, buffer) {
        Ok(count) => return Ok((count, Vec::new())),
        Err(error) => error,
    };
    if !matches!(error, StorageError::Io { cause: Cause::Device(_), .. }) {
        return Err(error);
    }
    // One sector that is gone must not take its neighbours along.
    let length = disk.length(name)?.saturating_sub(start).min(buffer.len() as u64) as usize;
    let mut unreadable = Vec::new();
    for (sector, bytes) in (first..).zip(buffer[..length].chunks_mut(SECTOR_BYTES)) {
        if let Err(error) = disk.read_at(name, u64::from(sector) * SECTOR_BYTES as u64, bytes) {
            bytes.fill(0);
            unreadable.push((sector, error));
        }
    }
    if unreadable.len() > UNREADABLE_SECTORS_MAX || unreadable.len() == length.div_ceil(SECTOR_BYTES) {
        return Err(error);
    }
    Ok((length, unreadable))
}

/// An intact record, internal ones included.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) position: Position,
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

/// One sector, as it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) sector: u32,
    /// `None` when it is not what was written there.
    pub(crate) header: Option<SectorHeader>,
}

/// A record of which some sectors were read.
#[derive(Debug)]
struct Partial {
    sector: u32,
    offset: u16,
    bytes: Vec<u8>,
}

/// Reads a segment from its first group to its end, one sector a step.
#[derive(Debug)]
pub(crate) struct SegmentReader<'d, D> {
    disk: &'d D,
    seal: &'d Seal,
    name: String,
    segment: u64,
    sectors: u32,
    next: u32,
    chunk: Vec<u8>,
    chunk_start: u32,
    partial: Option<Partial>,
    previous: Option<SectorHeader>,
    /// The last sector so far that the device could not read.
    unreadable: Option<(u32, StorageError)>,
    unreadable_count: usize,
    /// Records that ended in the sectors read so far, oldest first. At most those of one sector wait here.
    pub(crate) ready: VecDeque<Raw>,
}

impl<'d, D: Disk> SegmentReader<'d, D> {
    pub(crate) fn open(disk: &'d D, seal: &'d Seal, segment: u64) -> Result<Self, StorageError> {
        let name = file_name(segment);
        let sectors = disk.length(&name)?.div_ceil(SECTOR_BYTES as u64);
        let sectors = u32::try_from(sectors).map_err(|_| StorageError::Damaged {
            file: name.clone(),
            offset: 0,
            what: "it is longer than any segment".to_owned(),
            cure: "move it away; what it held is fetched from the other replicas",
        })?;
        Ok(Self {
            disk,
            seal,
            name,
            segment,
            sectors,
            next: HEADER_SECTORS,
            chunk: Vec::new(),
            chunk_start: 0,
            partial: None,
            previous: None,
            unreadable: None,
            unreadable_count: 0,
            ready: VecDeque::new(),
        })
    }

    /// Its length in sectors; a last one that is cut short counts.
    pub(crate) fn sectors(&self) -> u32 {
        self.sectors
    }

    /// The last sector so far that the device could not read, and what it said.
    pub(crate) fn unreadable(&self) -> Option<&(u32, StorageError)> {
        self.unreadable.as_ref()
    }

    /// Reads the next sector; records that end in it are then in `ready`. `None` at the end.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, StorageError> {
        if self.next >= self.sectors {
            return Ok(None);
        }
        let sector = self.next;
        self.load(sector)?;
        self.next += 1;
        let start = (sector - self.chunk_start) as usize * SECTOR_BYTES;
        let chunk = std::mem::take(&mut self.chunk);
        let bytes = chunk.get(start..start + SECTOR_BYTES).unwrap_or_default();
        let header = self.seal.open(bytes, self.segment, sector);
        match header {
            Some(header) => self.feed(sector, header, &bytes[HEADER_BYTES..]),
            None => self.partial = None,
        }
        self.previous = header;
        self.chunk = chunk;
        Ok(Some(Step { sector, header }))
    }

    /// Makes sure that the chunk holds this sector.
    fn load(&mut self, sector: u32) -> Result<(), StorageError> {
        let held = (self.chunk.len() / SECTOR_BYTES) as u32;
        if sector >= self.chunk_start && sector < self.chunk_start + held {
            return Ok(());
        }
        let count = CHUNK_SECTORS.min(self.sectors - sector);
        self.chunk.resize(count as usize * SECTOR_BYTES, 0);
        let (read, unreadable) = read_sectors(self.disk, &self.name, sector, &mut self.chunk)?;
        self.unreadable_count += unreadable.len();
        self.unreadable = unreadable.into_iter().next_back().or(self.unreadable.take());
        if let Some((_, error)) =
            self.unreadable.as_ref().filter(|_| self.unreadable_count > UNREADABLE_SECTORS_MAX)
        {
            return Err(error.clone());
        }
        // What the file does not hold must not look like what the chunk held before. A sector that is cut short is
        // no sector, even when only zeros are missing.
        self.chunk[read / SECTOR_BYTES * SECTOR_BYTES..].fill(0);
        self.chunk_start = sector;
        Ok(())
    }

    /// Takes the records out of an intact sector.
    fn feed(&mut self, sector: u32, header: SectorHeader, body: &[u8]) {
        let continues = self.previous.is_some_and(|before| {
            before.group == header.group && before.count == header.count && before.place + 1 == header.place
        });
        if !continues {
            self.partial = None;
        }
        let body = &body[..usize::from(header.used)];
        let mut cursor = match (&self.partial, header.first) {
            (Some(_), _) => 0,
            (None, NONE_BEGINS) => return,
            (None, first) => usize::from(first),
        };
        let group_rest = (header.count - header.place) as usize * BODY_BYTES;
        while cursor < body.len() {
            let mut partial = self.partial.take().unwrap_or_else(|| Partial {
                sector,
                offset: cursor as u16,
                bytes: Vec::with_capacity(RECORD_HEADER_BYTES),
            });
            let missing = RECORD_HEADER_BYTES.saturating_sub(partial.bytes.len()).min(body.len() - cursor);
            partial.bytes.extend_from_slice(&body[cursor..cursor + missing]);
            cursor += missing;
            if partial.bytes.len() < RECORD_HEADER_BYTES {
                self.partial = Some(partial);
                return;
            }
            let length = le_u32(&partial.bytes, 1) as usize;
            let rest = (RECORD_HEADER_BYTES + length).saturating_sub(partial.bytes.len());
            // Never allocate or wait for more than the group can hold.
            if length > RECORD_MAX_BYTES || rest > group_rest {
                return;
            }
            let take = rest.min(body.len() - cursor);
            partial.bytes.extend_from_slice(&body[cursor..cursor + take]);
            cursor += take;
            if take < rest {
                self.partial = Some(partial);
                return;
            }
            self.ready.push_back(self.finish(partial));
        }
    }

    fn finish(&self, partial: Partial) -> Raw {
        let Partial { sector, offset, mut bytes } = partial;
        let (kind, index) = (bytes[0], le_u64(&bytes, 5));
        bytes.drain(..RECORD_HEADER_BYTES);
        Raw { position: Position { index, segment: self.segment, sector, offset }, kind, payload: bytes }
    }
}

/// Reads the record at a position. `None` when it is not intact.
pub(crate) fn read_record(
    disk: &impl Disk,
    seal: &Seal,
    position: Position,
) -> Result<Option<(u8, Vec<u8>)>, StorageError> {
    let name = file_name(position.segment);
    let read = |sector: u32, count: usize| -> Result<Vec<u8>, StorageError> {
        let mut bytes = vec![0; count * SECTOR_BYTES];
        let length = disk.read_at(&name, u64::from(sector) * SECTOR_BYTES as u64, &mut bytes)?;
        bytes.truncate(length / SECTOR_BYTES * SECTOR_BYTES);
        Ok(bytes)
    };
    let mut record: Vec<u8> = Vec::new();
    let mut group: Option<SectorHeader> = None;
    let mut need = RECORD_HEADER_BYTES;
    let mut sector = position.sector;
    while record.len() < need {
        let count = (need - record.len()).div_ceil(BODY_BYTES);
        let bytes = read(sector, count)?;
        if bytes.len() != count * SECTOR_BYTES {
            return Ok(None);
        }
        for bytes in bytes.chunks_exact(SECTOR_BYTES) {
            let Some(header) = seal.open(bytes, position.segment, sector) else { return Ok(None) };
            let from = match group {
                None => usize::from(position.offset),
                Some(before) if before.group == header.group && before.place + 1 == header.place => 0,
                Some(_) => return Ok(None),
            };
            let Some(part) = bytes[HEADER_BYTES..HEADER_BYTES + usize::from(header.used)].get(from..) else {
                return Ok(None);
            };
            record.extend_from_slice(part);
            group = Some(header);
            sector += 1;
        }
        if record.len() >= RECORD_HEADER_BYTES && need == RECORD_HEADER_BYTES {
            let length = le_u32(&record, 1) as usize;
            if length > RECORD_MAX_BYTES || le_u64(&record, 5) != position.index {
                return Ok(None);
            }
            need += length;
        }
    }
    record.truncate(need);
    let kind = record[0];
    record.drain(..RECORD_HEADER_BYTES);
    Ok(Some((kind, record)))
}
