//! The log on the disk, sector by sector.
//!
//! A segment is two copies of its header, one sector each, then groups. A group is what one sync made durable: a
//! whole number of sectors, written in one go and never written again. Each sector says which part of which group
//! it is, and its checksum also covers the log's identity, the segment and its place there. So a sector that is
//! torn, rotten, old, misdirected or foreign is known by itself, nothing in a record can pass for one, and what
//! lies behind a damaged place is found again without guessing.

use crate::planted::{self, Bug};
use crc32fast::Hasher;

use crate::disk::SECTOR_BYTES;

/// The format that this program writes, and the latest that it reads.
pub const LOG_VERSION: u32 = 1;
/// Length of the identity that a log is opened with.
pub const IDENTITY_BYTES: usize = 32;
/// Bytes of a sector that say what it is.
pub(crate) const HEADER_BYTES: usize = 48;
/// Bytes of a sector that hold records.
pub(crate) const BODY_BYTES: usize = SECTOR_BYTES - HEADER_BYTES;
/// Copies of a segment's header, in its first sectors.
pub(crate) const HEADER_SECTORS: u32 = 2;
/// In `first`: no record begins in this sector.
pub(crate) const NONE_BEGINS: u16 = u16::MAX;

const MAGIC: [u8; 8] = *b"OVLOGSEG";
const SEGMENT_HEADER_BYTES: usize = 88;

/// What a sector says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SectorHeader {
    /// Bytes of the body that hold records.
    pub(crate) used: u16,
    /// Where in the body the first record begins, or [`NONE_BEGINS`].
    pub(crate) first: u16,
    /// The group: one more than the last one that any sector shows.
    pub(crate) group: u64,
    /// Which sector of the group, from 0.
    pub(crate) place: u32,
    /// How many sectors the group has.
    pub(crate) count: u32,
    /// The index of the group's first record.
    pub(crate) first_index: u64,
    /// The index after the group's last record.
    pub(crate) end_index: u64,
    /// The counter of the latest promise, those in this group included.
    pub(crate) promise: u64,
}

/// What a segment says about itself and about all before it, as of its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) segment: u64,
    /// The index of its first record. Records before it in the log with this index or a higher one were dropped.
    pub(crate) first_index: u64,
    /// The counter of the promise that was held.
    pub(crate) promise: u64,
    /// The first segment that is still needed.
    pub(crate) kept_segment: u64,
    /// The index of the first record that is still needed.
    pub(crate) kept_index: u64,
}

/// What a header sector turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFound {
    Good(SegmentHeader),
    Foreign,
    Newer(u32),
    Bad,
}

/// The checksums of one log. Cloning is cheap; the identity has been fed already.
#[derive(Debug, Clone)]
pub(crate) struct Seal {
    identity: [u8; IDENTITY_BYTES],
    base: Hasher,
}

impl Seal {
    pub(crate) fn new(identity: [u8; IDENTITY_BYTES]) -> Self {
        let mut base = Hasher::new();
        base.update(&identity);
        Self { identity, base }
    }

    fn checksum(&self, segment: u64, sector: u32, bytes: &[u8]) -> u32 {
        let mut hasher = self.base.clone();
        if !planted::is_on(Bug::AddressUnsealed) {
            hasher.update(&segment.to_le_bytes());
            hasher.update(&sector.to_le_bytes());
        }
        hasher.update(bytes);
        hasher.finalize()
    }

    /// Fills in the header of a sector whose body is complete.
    pub(crate) fn close(&self, bytes: &mut [u8], segment: u64, sector: u32, header: &SectorHeader) {
        assert!(bytes.len() == SECTOR_BYTES, "a sector has {SECTOR_BYTES} bytes");
        bytes[4..6].copy_from_slice(&header.used.to_le_bytes());
        bytes[6..8].copy_from_slice(&header.first.to_le_bytes());
        bytes[8..16].copy_from_slice(&header.group.to_le_bytes());
        bytes[16..20].copy_from_slice(&header.place.to_le_bytes());
        bytes[20..24].copy_from_slice(&header.count.to_le_bytes());
        bytes[24..32].copy_from_slice(&header.first_index.to_le_bytes());
        bytes[32..40].copy_from_slice(&header.end_index.to_le_bytes());
        bytes[40..48].copy_from_slice(&header.promise.to_le_bytes());
        let checksum = self.checksum(segment, sector, &bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Reads a sector; `None` when it is not what was written there.
    pub(crate) fn open(&self, bytes: &[u8], segment: u64, sector: u32) -> Option<SectorHeader> {
        if bytes.len() != SECTOR_BYTES
            || (le_u32(bytes, 0) != self.checksum(segment, sector, &bytes[4..])
                && !planted::is_on(Bug::ChecksumIgnored))
        {
            return None;
        }
        let header = SectorHeader {
            used: le_u16(bytes, 4),
            first: le_u16(bytes, 6),
            group: le_u64(bytes, 8),
            place: le_u32(bytes, 16),
            count: le_u32(bytes, 20),
            first_index: le_u64(bytes, 24),
            end_index: le_u64(bytes, 32),
            promise: le_u64(bytes, 40),
        };
        // One checksum in four billion fits by chance: nothing that follows may rest on it alone.
        let is_sound = usize::from(header.used) <= BODY_BYTES
            && (header.first == NONE_BEGINS || header.first < header.used)
            && header.place < header.count
            && header.first_index <= header.end_index
            && header.place.checked_add(HEADER_SECTORS).is_some_and(|least| least <= sector);
        is_sound.then_some(header)
    }

    /// Both copies of a segment's header.
    pub(crate) fn close_segment_header(&self, header: &SegmentHeader) -> Vec<u8> {
        let mut copies = Vec::with_capacity(HEADER_SECTORS as usize * SECTOR_BYTES);
        for copy in 0..HEADER_SECTORS {
            let mut bytes = [0; SECTOR_BYTES];
            bytes[4..12].copy_from_slice(&MAGIC);
            bytes[12..16].copy_from_slice(&LOG_VERSION.to_le_bytes());
            bytes[16..48].copy_from_slice(&self.identity);
            let numbers =
                [header.segment, header.first_index, header.promise, header.kept_segment, header.kept_index];
            for (slot, number) in bytes[48..SEGMENT_HEADER_BYTES].chunks_exact_mut(8).zip(numbers) {
                slot.copy_from_slice(&number.to_le_bytes());
            }
            let checksum = header_checksum(copy, &bytes);
            bytes[..4].copy_from_slice(&checksum.to_le_bytes());
            copies.extend_from_slice(&bytes);
        }
        copies
    }

    /// Reads one copy of a segment's header. The magic and the version stay where they are in every version; the
    /// identity is not part of this checksum, so that a foreign log is told from a damaged one.
    pub(crate) fn open_segment_header(&self, bytes: &[u8], segment: u64, copy: u32) -> HeaderFound {
        if bytes.len() != SECTOR_BYTES || bytes[4..12] != MAGIC {
            return HeaderFound::Bad;
        }
        let version = le_u32(bytes, 12);
        if version > LOG_VERSION {
            return HeaderFound::Newer(version);
        }
        if version != LOG_VERSION || le_u32(bytes, 0) != header_checksum(copy, bytes) {
            return HeaderFound::Bad;
        }
        if bytes[16..48] != self.identity && !planted::is_on(Bug::IdentityUnchecked) {
            return HeaderFound::Foreign;
        }
        let header = SegmentHeader {
            segment: le_u64(bytes, 48),
            first_index: le_u64(bytes, 56),
            promise: le_u64(bytes, 64),
            kept_segment: le_u64(bytes, 72),
            kept_index: le_u64(bytes, 80),
        };
        if header.segment == segment || planted::is_on(Bug::SegmentNumberUnchecked) {
            HeaderFound::Good(header)
        } else {
            HeaderFound::Bad
        }
    }
}

fn header_checksum(copy: u32, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&copy.to_le_bytes());
    hasher.update(&bytes[4..]);
    hasher.finalize()
}

pub(crate) fn le_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn le_u32(bytes: &[u8], at: usize) -> u32 {
    let mut buffer = [0; 4];
    buffer.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(buffer)
}

pub(crate) fn le_u64(bytes: &[u8], at: usize) -> u64 {
    let mut buffer = [0; 8];
    buffer.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(buffer)
}
