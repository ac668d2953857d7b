//! A flat folder of files: all that the log asks of a disk.

pub(crate) mod crash;
pub(crate) mod real;
pub(crate) mod sim;

use crate::error::StorageError;

/// The unit that a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// A flat folder of files, by name. Nothing is durable before the sync that covers it: [`Disk::sync_data`] for what
/// a file holds, [`Disk::sync_directory`] for which files there are and how they are called.
pub trait Disk {
    /// The names of all files, sorted.
    fn list(&self) -> Result<Vec<String>, StorageError>;
    /// The length of a file in bytes.
    fn length(&self, file: &str) -> Result<u64, StorageError>;
    /// Reads into `buffer` from `offset`; fewer bytes than asked for only where the file ends. A failed read is
    /// told, but does not make the disk unusable.
    fn read_at(&self, file: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError>;
    /// Creates an empty file; one that exists already is an error.
    fn create(&mut self, file: &str) -> Result<(), StorageError>;
    /// Writes all of `bytes` at `offset`, lengthening the file with zeros where needed.
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), StorageError>;
    /// Cuts or lengthens a file to `length` bytes.
    fn truncate(&mut self, file: &str, length: u64) -> Result<(), StorageError>;
    /// Waits until all that was written to the file is durable, its length included.
    fn sync_data(&mut self, file: &str) -> Result<(), StorageError>;
    /// Gives a file another name; a file that had that name is replaced in one step.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError>;
    /// Removes a file.
    fn remove(&mut self, file: &str) -> Result<(), StorageError>;
    /// Waits until all that was created, renamed and removed is durable.
    fn sync_directory(&mut self) -> Result<(), StorageError>;
}
