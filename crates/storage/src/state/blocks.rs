//! A file of which every block has a checksum that is looked at whenever the block is read.
//!
//! The database library trusts what it reads. Reading all of it once before anything else would find what rotted until then, and
//! takes a time that grows with the file; this finds it whenever it rots, and opening takes no longer for a large file than for
//! a small one.
//!
//! The file begins with a page of ours. Groups follow: a page of seals, and the [`GROUP`] blocks to which they belong, so that blocks
//! lie where pages of memory and disk do. A seal is written in place, within one sector of the disk. The library's first page has none:
//! parts of it are written in place, too, and what tells where the state begins has a checksum of the library's.

use crate::planted::{self, Bug};
use redb::{BackendError, StorageBackend};
use std::io;
use std::ops::{Bound, Range};

/// What the library reads and writes at once, or a multiple of it.
const BLOCK: usize = 4096;
/// A tag, so that no seal is all zeros, and a checksum.
const SEAL: usize = 8;
/// Blocks whose seals fill a page.
const GROUP: u64 = (BLOCK / SEAL) as u64;
/// The tag of a block's seal.
const TAG: [u8; 4] = *b"blk1";
/// How the file begins.
const START: &[u8] = b"outvote state, blocks with checksums, 1\n";
/// How what the library wrote itself begins. Where a file does, this program made it before it had checksums.
const LIBRARY_START: &[u8] = b"redb";
/// What [`SealedBlocks::open`] says of such a file, for whoever gives errors our words.
pub(crate) const UNSEALED: &str = "a state without checksums of its blocks";
/// How what is said of a damaged block begins.
pub(crate) const BLOCK_NAMED: &str = "block ";
/// More than the library asks for when it begins a file.
const BARELY_BEGUN_MAX_BYTES: u64 = 1 << 20;
/// The system's number for a device that cannot read.
const EIO: i32 = 5;

/// Another storage, with checksums.
#[derive(Debug)]
pub(crate) struct SealedBlocks<B> {
    inner: B,
}

impl<B: StorageBackend> SealedBlocks<B> {
    /// Begins an empty storage, or looks how this one begins. Nothing is in it before it begins as it should: that is synced
    /// first.
    pub(crate) fn open(inner: B) -> io::Result<Self> {
        let length = inner.len()?;
        let mut start = vec![0; START.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        inner.read(0, &mut start)?;
        if start == START {
            let blocks = Self { inner };
            if blocks.is_barely_begun()? {
                blocks.inner.set_len(BLOCK as u64)?;
            }
            return Ok(blocks);
        }
        if start.starts_with(LIBRARY_START) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, UNSEALED));
        }
        // A crash right at the beginning leaves so much and no more.
        let is_blank = START.starts_with(&start) || start.iter().all(|byte| *byte == 0);
        if length > BLOCK as u64 || !is_blank {
            return Err(damaged("it does not begin as a state does".to_owned()));
        }
        let mut page = vec![0; BLOCK];
        page[..START.len()].copy_from_slice(START);
        inner.set_len(BLOCK as u64)?;
        inner.write(0, &page)?;
        inner.sync_data()?;
        Ok(Self { inner })
    }

    /// Whether the process died before the library had begun its file: it writes how that begins last of all, and then refuses what
    /// does not begin so. Nothing was ever in a file of that length without a single seal.
    fn is_barely_begun(&self) -> io::Result<bool> {
        let length = self.inner.len()?;
        if length <= BLOCK as u64 || length > BARELY_BEGUN_MAX_BYTES {
            return Ok(false);
        }
        // The first page of seals, and the library's first, as far as they are there.
        let mut pages = vec![0; 2 * BLOCK];
        let there = usize::try_from(length).map_or(0, |length| length - BLOCK).min(pages.len());
        self.inner.read(BLOCK as u64, &mut pages[..there])?;
        let (seals, library) = pages.split_at(BLOCK);
        let is_barely_begun = !library.starts_with(LIBRARY_START) && seals.iter().all(|byte| *byte == 0);
        if !is_barely_begun && there < pages.len() {
            return Err(damaged("it is cut short".to_owned()));
        }
        Ok(is_barely_begun)
    }

    /// Whole blocks from `first` on, each as it was written.
    fn read_blocks(&self, first: u64, out: &mut [u8]) -> io::Result<()> {
        for (block, bytes) in runs(first, out.len()) {
            let content = &mut out[bytes];
            let mut seals = vec![0; content.len() / BLOCK * SEAL];
            self.read_whole(block, place_of(block)?, content)?;
            self.read_whole(block, place_of_seal(block)?, &mut seals)?;
            for ((number, content), found) in
                (block..).zip(content.chunks_exact(BLOCK)).zip(seals.chunks_exact(SEAL))
            {
                let is_sealed = found == seal(number, content) || planted::is_on(Bug::BlockSealUnchecked);
                if number > 0 && !is_sealed {
                    return Err(damaged(format!("{BLOCK_NAMED}{number} is not what was written")));
                }
            }
        }
        Ok(())
    }

    /// What cannot be read any more, or lies behind the end, is as good as rotten: it is had from the others.
    fn read_whole(&self, block: u64, place: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(place, out).map_err(|error| {
            let is_gone = error.raw_os_error() == Some(EIO) || error.kind() == io::ErrorKind::UnexpectedEof;
            if is_gone { damaged(format!("{BLOCK_NAMED}{block} cannot be read: {error}")) } else { error }
        })
    }
}

/// The parts of so many bytes of blocks from `first` on that lie in one group each: a block's number, and which bytes.
fn runs(first: u64, length: usize) -> impl Iterator<Item = (u64, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let block = first + (at / BLOCK) as u64;
        let room = (GROUP - block % GROUP) as usize * BLOCK;
        let bytes = at..length.min(at + room);
        at = bytes.end;
        (!bytes.is_empty()).then_some((block, bytes))
    })
}

/// The page of a block's seal: each group is a page longer than its blocks, and one of ours lies before all of them.
const fn page_of_seals(block: u64) -> u64 {
    1 + block / GROUP * (GROUP + 1)
}

fn place_of(block: u64) -> io::Result<u64> {
    place_of_page(page_of_seals(block) + 1 + block % GROUP)
}

fn place_of_seal(block: u64) -> io::Result<u64> {
    Ok(place_of_page(page_of_seals(block))? + block % GROUP * SEAL as u64)
}

fn place_of_page(page: u64) -> io::Result<u64> {
    let place = page.checked_mul(BLOCK as u64);
    place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "far behind the end"))
}

/// The block's number is part of it: one that was written to another's place is not what belongs there.
fn seal(number: u64, content: &[u8]) -> [u8; SEAL] {
    let mut hasher = crc32fast::Hasher::new();
    if !planted::is_on(Bug::BlockNumberUnsealed) {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(content);
    let mut seal = [0; SEAL];
    seal[..4].copy_from_slice(&TAG);
    seal[4..].copy_from_slice(&hasher.finalize().to_le_bytes());
    seal
}

fn damaged(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<B: StorageBackend> StorageBackend for SealedBlocks<B> {
    fn len(&self) -> io::Result<u64> {
        let pages = (self.inner.len()? / BLOCK as u64).saturating_sub(1);
        let (groups, rest) = (pages / (GROUP + 1), pages % (GROUP + 1));
        Ok((groups * GROUP + rest.saturating_sub(1)) * BLOCK as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let (first, skipped) = (offset / BLOCK as u64, (offset % BLOCK as u64) as usize);
        let length = (skipped + out.len()).next_multiple_of(BLOCK);
        if length == out.len() {
            return self.read_blocks(first, out);
        }
        let mut blocks = vec![0; length];
        self.read_blocks(first, &mut blocks)?;
        out.copy_from_slice(&blocks[skipped..skipped + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let blocks = len.div_ceil(BLOCK as u64);
        // One behind the last.
        self.inner.set_len(match blocks.checked_sub(1) {
            Some(last) => place_of(last)? + BLOCK as u64,
            None => BLOCK as u64,
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (first, skipped) = (offset / BLOCK as u64, (offset % BLOCK as u64) as usize);
        if first == 0 && skipped + data.len() <= BLOCK {
            return self.inner.write(place_of(0)? + offset, data);
        }
        if skipped > 0 || !data.len().is_multiple_of(BLOCK) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the library writes whole pages"));
        }
        for (block, bytes) in runs(first, data.len()) {
            let content = &data[bytes];
            let seals: Vec<u8> = (block..)
                .zip(content.chunks_exact(BLOCK))
                .flat_map(|(number, content)| seal(number, content))
                .collect();
            self.inner.write(place_of(block)?, content)?;
            self.inner.write(place_of_seal(block)?, &seals)?;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
