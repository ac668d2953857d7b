//! A disk in memory that fails and crashes on demand, the same way every time.

use std::collections::{BTreeMap, BTreeSet};

use crate::disk::{Disk, SECTOR_BYTES};
use crate::error::{Cause, StorageError};

/// What a disk does wrong, once, at a chosen operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The power goes before the operation: it and all later ones fail until [`SimDisk::crash`].
    Stop,
    /// The device fails. A failed sync loses what it should have made durable, though reads still show it and a
    /// second sync would claim success: as real systems do.
    Device,
    /// The disk is full: half of a write is written.
    Full,
    /// The write is reported as done and lands nowhere.
    LostWrite,
    /// The write is reported as done and lands in another place of the same file.
    Misdirected {
        /// Where it lands, in bytes.
        offset: u64,
    },
}

/// A change of a file's content that is not durable yet.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Truncate { length: u64 },
}

/// A change of the folder that is not durable yet.
#[derive(Debug, Clone)]
pub(crate) enum NameChange {
    Create { name: String, file: u64 },
    Rename { from: String, to: String },
    Remove { name: String },
}

/// One file: what is durable, what is seen, and the changes between the two in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimFile {
    pub(crate) durable: Vec<u8>,
    pub(crate) seen: Vec<u8>,
    pub(crate) changes: Vec<(u64, Change)>,
}

/// A disk in memory: deterministic, cloneable (a clone is an independent copy), without clock or threads.
#[derive(Debug, Clone, Default)]
pub struct SimDisk {
    pub(crate) files: BTreeMap<u64, SimFile>,
    pub(crate) durable_names: BTreeMap<String, u64>,
    pub(crate) names: BTreeMap<String, u64>,
    pub(crate) name_changes: Vec<(u64, NameChange)>,
    next_file: u64,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    unreadable: BTreeSet<String>,
    unreadable_sectors: BTreeSet<(String, u64)>,
    capacity: Option<u64>,
    pub(crate) is_stopped: bool,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many changing operations (all but list, length and read) were asked for so far.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Lets the changing operation with this number (the first is 0) go wrong.
    pub fn fail_at(&mut self, operation: u64, fault: Fault) {
        self.faults.insert(operation, fault);
    }

    /// Forgets the faults that are still to come.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Bounds the bytes of all files together; beyond it, writes find the disk full. `None` lifts the bound.
    pub fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    /// Lets every read of this file fail, or heals it.
    pub fn set_unreadable(&mut self, file: &str, is_unreadable: bool) {
        if is_unreadable {
            self.unreadable.insert(file.to_owned());
        } else {
            self.unreadable.remove(file);
        }
    }

    /// Lets every read fail that touches this sector of a file, counted from 0: as rot mostly shows on a real disk.
    pub fn set_unreadable_sector(&mut self, file: &str, sector: u64) {
        self.unreadable_sectors.insert((file.to_owned(), sector));
    }

    /// Whether one of these bytes lies in a sector that cannot be read.
    fn touches_unreadable(&self, file: &str, offset: u64, count: usize) -> bool {
        let (first, end) =
            (offset / SECTOR_BYTES as u64, (offset + count as u64).div_ceil(SECTOR_BYTES as u64));
        let range = (file.to_owned(), first)..(file.to_owned(), end.max(first));
        self.unreadable_sectors.range(range).next().is_some()
    }

    /// Bit rot: flips the bits of `mask` in one byte. Returns whether the file has that byte.
    pub fn flip(&mut self, file: &str, offset: u64, mask: u8) -> bool {
        let Some(content) = self.names.get(file).and_then(|id| self.files.get_mut(id)) else { return false };
        let Ok(offset) = usize::try_from(offset) else { return false };
        for bytes in [&mut content.durable, &mut content.seen] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= mask;
            }
        }
        offset < content.seen.len()
    }

    /// Replaces a file's content by hand, durably: for tests that restore an old copy or plant a foreign one.
    pub fn plant(&mut self, file: &str, content: &[u8]) {
        let id = *self.names.entry(file.to_owned()).or_insert_with(|| {
            self.next_file += 1;
            self.next_file
        });
        self.durable_names.insert(file.to_owned(), id);
        self.files
            .insert(id, SimFile { durable: content.to_vec(), seen: content.to_vec(), changes: Vec::new() });
    }

    /// The content of a file as reads show it.
    pub fn content(&self, file: &str) -> Option<&[u8]> {
        self.names.get(file).and_then(|id| self.files.get(id)).map(|content| content.seen.as_slice())
    }

    /// Removes a file by hand, durably.
    pub fn lose(&mut self, file: &str) {
        if let Some(id) = self.names.remove(file) {
            self.files.remove(&id);
        }
        self.durable_names.remove(file);
    }

    /// Counts an operation and tells what goes wrong with it.
    fn begin(&mut self, operation: &'static str, file: &str) -> Result<(u64, Option<Fault>), StorageError> {
        let number = self.operations;
        self.operations += 1;
        let fault = self.faults.remove(&number);
        if fault == Some(Fault::Stop) {
            self.is_stopped = true;
        }
        if self.is_stopped {
            return Err(StorageError::cause(operation, file, Cause::Device("the power is off".to_owned())));
        }
        Ok((number, fault))
    }

    /// Counts an operation that either works or fails, with nothing between.
    fn begin_simple(&mut self, operation: &'static str, file: &str) -> Result<u64, StorageError> {
        let (number, fault) = self.begin(operation, file)?;
        match fault {
            None => Ok(number),
            Some(Fault::Full) => Err(StorageError::cause(operation, file, Cause::Full)),
            Some(_) => Err(broken(operation, file)),
        }
    }

    fn id(&self, operation: &'static str, file: &str) -> Result<u64, StorageError> {
        self.names.get(file).copied().ok_or_else(|| StorageError::cause(operation, file, Cause::Missing))
    }

    fn file(&self, operation: &'static str, file: &str) -> Result<&SimFile, StorageError> {
        if self.is_stopped {
            return Err(StorageError::cause(operation, file, Cause::Device("the power is off".to_owned())));
        }
        let id = self.id(operation, file)?;
        self.files.get(&id).ok_or_else(|| StorageError::cause(operation, file, Cause::Missing))
    }

    fn file_mut(&mut self, operation: &'static str, file: &str) -> Result<&mut SimFile, StorageError> {
        let id = self.id(operation, file)?;
        self.files.get_mut(&id).ok_or_else(|| StorageError::cause(operation, file, Cause::Missing))
    }

    /// How much of a write fits.
    fn room_for(&self, file: &str, offset: u64, length: usize) -> usize {
        let Some(capacity) = self.capacity else { return length };
        let used: u64 =
            self.names.values().filter_map(|id| self.files.get(id)).map(|f| f.seen.len() as u64).sum();
        let seen = self.content(file).map_or(0, |content| content.len() as u64);
        let free = capacity.saturating_sub(used) + seen.saturating_sub(offset);
        length.min(usize::try_from(free).unwrap_or(usize::MAX))
    }
}

fn broken(operation: &'static str, file: &str) -> StorageError {
    StorageError::cause(operation, file, Cause::Device("input/output error".to_owned()))
}

/// Applies a change to a file's bytes.
pub(crate) fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, bytes } => {
            let start = usize::try_from(*offset).unwrap_or(usize::MAX);
            let end = start.saturating_add(bytes.len());
            if content.len() < end {
                content.resize(end, 0);
            }
            content[start..end].copy_from_slice(bytes);
        }
        Change::Truncate { length } => content.resize(usize::try_from(*length).unwrap_or(usize::MAX), 0),
    }
}

impl Disk for SimDisk {
    fn list(&self) -> Result<Vec<String>, StorageError> {
        if self.is_stopped {
            return Err(broken("list", "the disk"));
        }
        Ok(self.names.keys().cloned().collect())
    }

    fn length(&self, file: &str) -> Result<u64, StorageError> {
        Ok(self.file("measure", file)?.seen.len() as u64)
    }

    fn read_at(&self, file: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        let content = self.file("read", file)?;
        if self.unreadable.contains(file) || self.touches_unreadable(file, offset, buffer.len()) {
            return Err(broken("read", file));
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.seen.len());
        let count = buffer.len().min(content.seen.len() - start);
        buffer[..count].copy_from_slice(&content.seen[start..start + count]);
        Ok(count)
    }

    fn create(&mut self, file: &str) -> Result<(), StorageError> {
        let number = self.begin_simple("create", file)?;
        if self.names.contains_key(file) {
            return Err(StorageError::cause("create", file, Cause::Exists));
        }
        self.next_file += 1;
        let id = self.next_file;
        self.files.insert(id, SimFile::default());
        self.names.insert(file.to_owned(), id);
        self.name_changes.push((number, NameChange::Create { name: file.to_owned(), file: id }));
        Ok(())
    }

    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let (number, fault) = self.begin("write", file)?;
        let mut offset = offset;
        let mut room = self.room_for(file, offset, bytes.len());
        match fault {
            None | Some(Fault::Stop) => {}
            Some(Fault::Device) => return Err(broken("write", file)),
            Some(Fault::Full) => room = room.min(bytes.len() / 2),
            Some(Fault::LostWrite) => return Ok(()),
            Some(Fault::Misdirected { offset: other }) => offset = other,
        }
        let content = self.file_mut("write", file)?;
        let change = Change::Write { offset, bytes: bytes[..room].to_vec() };
        apply(&mut content.seen, &change);
        content.changes.push((number, change));
        if room < bytes.len() {
            return Err(StorageError::cause("write", file, Cause::Full));
        }
        Ok(())
    }

    fn truncate(&mut self, file: &str, length: u64) -> Result<(), StorageError> {
        let number = self.begin_simple("cut", file)?;
        let seen = self.content(file).map_or(0, |content| content.len() as u64);
        let more = usize::try_from(length.saturating_sub(seen)).unwrap_or(usize::MAX);
        if self.room_for(file, seen, more) < more {
            return Err(StorageError::cause("lengthen", file, Cause::Full));
        }
        let content = self.file_mut("cut", file)?;
        let change = Change::Truncate { length };
        apply(&mut content.seen, &change);
        content.changes.push((number, change));
        Ok(())
    }

    fn sync_data(&mut self, file: &str) -> Result<(), StorageError> {
        let (_, fault) = self.begin("sync", file)?;
        let content = self.file_mut("sync", file)?;
        let changes = std::mem::take(&mut content.changes);
        if fault.is_some() {
            return Err(broken("sync", file));
        }
        for (_, change) in &changes {
            apply(&mut content.durable, change);
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        let number = self.begin_simple("rename", from)?;
        let id = self.id("rename", from)?;
        self.names.remove(from);
        self.names.insert(to.to_owned(), id);
        self.name_changes.push((number, NameChange::Rename { from: from.to_owned(), to: to.to_owned() }));
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), StorageError> {
        let number = self.begin_simple("remove", file)?;
        self.id("remove", file)?;
        self.names.remove(file);
        self.name_changes.push((number, NameChange::Remove { name: file.to_owned() }));
        Ok(())
    }

    fn sync_directory(&mut self) -> Result<(), StorageError> {
        self.begin_simple("sync", "the folder")?;
        self.name_changes.clear();
        self.durable_names = self.names.clone();
        let (names, files) = (&self.names, &mut self.files);
        files.retain(|id, _| names.values().any(|used| used == id));
        Ok(())
    }
}
