//! The group that is being gathered: records laid out in sectors, to be written in one go.

use crate::disk::SECTOR_BYTES;
use crate::log::sector::{BODY_BYTES, HEADER_BYTES, NONE_BEGINS, Seal, SectorHeader, le_u16, le_u32, le_u64};

/// Bytes before a record's payload: kind, length, index.
pub(crate) const RECORD_HEADER_BYTES: usize = 13;
/// A buffer that grew beyond this is given back after the sync.
const KEPT_BYTES: usize = 1 << 20;

/// Records in sectors. While the group grows, the sectors' headers hold only `used` and `first`.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The copies of the segment's header when this group opens one, then the sectors.
    bytes: Vec<u8>,
    prefix_bytes: usize,
    pub(crate) first_index: u64,
}

impl Group {
    /// Starts a group; `prefix` is the header of a new segment, or nothing.
    pub(crate) fn begin(&mut self, prefix: &[u8], first_index: u64) {
        assert!(self.bytes.is_empty(), "the previous group was written");
        self.bytes.extend_from_slice(prefix);
        self.prefix_bytes = prefix.len();
        self.first_index = first_index;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == self.prefix_bytes
    }

    /// How many sectors it has so far.
    pub(crate) fn count(&self) -> u32 {
        ((self.bytes.len() - self.prefix_bytes) / SECTOR_BYTES) as u32
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes left in the last sector.
    pub(crate) fn room(&self) -> usize {
        if self.is_empty() { 0 } else { BODY_BYTES - usize::from(self.used()) }
    }

    fn used(&self) -> u16 {
        le_u16(&self.bytes, self.bytes.len() - SECTOR_BYTES + 4)
    }

    /// Closes the last sector early: what comes next begins in another one.
    pub(crate) fn next_sector(&mut self) {
        self.bytes.resize(self.bytes.len() + SECTOR_BYTES, 0);
        let start = self.bytes.len() - SECTOR_BYTES;
        self.bytes[start + 6..start + 8].copy_from_slice(&NONE_BEGINS.to_le_bytes());
    }

    /// Adds a record of several parts and tells in which sector of the group and where in its body it begins.
    pub(crate) fn push(&mut self, kind: u8, index: u64, parts: &[&[u8]]) -> (u32, u16) {
        if self.room() == 0 {
            self.next_sector();
        }
        let begins = (self.count() - 1, self.used());
        let start = self.bytes.len() - SECTOR_BYTES;
        if le_u16(&self.bytes, start + 6) == NONE_BEGINS {
            self.bytes[start + 6..start + 8].copy_from_slice(&begins.1.to_le_bytes());
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut header = [kind; RECORD_HEADER_BYTES];
        header[1..5].copy_from_slice(&(length as u32).to_le_bytes());
        header[5..].copy_from_slice(&index.to_le_bytes());
        self.stream(&header);
        for part in parts {
            self.stream(part);
        }
        begins
    }

    fn stream(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.room() == 0 {
                self.next_sector();
            }
            let used = self.used();
            let count = bytes.len().min(self.room());
            let start = self.bytes.len() - SECTOR_BYTES;
            let from = start + HEADER_BYTES + usize::from(used);
            self.bytes[from..from + count].copy_from_slice(&bytes[..count]);
            self.bytes[start + 4..start + 6].copy_from_slice(&(used + count as u16).to_le_bytes());
            bytes = &bytes[count..];
        }
    }

    /// Fills in all headers: from here on the group is ready to be written at this segment and sector.
    pub(crate) fn close(&mut self, seal: &Seal, at: (u64, u32), number: u64, end_index: u64, promise: u64) {
        let (segment, start) = at;
        let (count, first_index) = (self.count(), self.first_index);
        for (place, sector) in (0..count).zip(self.bytes[self.prefix_bytes..].chunks_exact_mut(SECTOR_BYTES))
        {
            let header = SectorHeader {
                used: le_u16(sector, 4),
                first: le_u16(sector, 6),
                group: number,
                place,
                count,
                first_index,
                end_index,
                promise,
            };
            seal.close(sector, segment, start + place, &header);
        }
    }

    /// Reads back a record that is not written yet.
    pub(crate) fn read(&self, sector: u32, offset: u16) -> (u8, u64, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut from = usize::from(offset);
        let mut need = RECORD_HEADER_BYTES;
        for bytes_of_sector in
            self.bytes[self.prefix_bytes..].chunks_exact(SECTOR_BYTES).skip(sector as usize)
        {
            let used = usize::from(le_u16(bytes_of_sector, 4));
            bytes.extend_from_slice(&bytes_of_sector[HEADER_BYTES + from..HEADER_BYTES + used]);
            from = 0;
            if bytes.len() >= RECORD_HEADER_BYTES {
                need = RECORD_HEADER_BYTES + le_u32(&bytes, 1) as usize;
            }
            if bytes.len() >= need {
                break;
            }
        }
        let index = le_u64(&bytes, 5);
        (bytes[0], index, bytes[RECORD_HEADER_BYTES..need].to_vec())
    }

    /// Forgets what was written and keeps the buffer, unless it grew large.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.prefix_bytes = 0;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}
