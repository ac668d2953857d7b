//! Reading one record, also from another thread.

use super::sector::Seal;
use super::segment::{file_name, read_record};
use super::{Position, Record};
use crate::disk::{Disk, SECTOR_BYTES};
use crate::error::StorageError;

/// Reads durable records of a log that another thread owns. A position that was not synced yet reads as damaged.
#[derive(Debug)]
pub struct LogReader<D> {
    pub(super) disk: D,
    pub(super) seal: Seal,
}

impl<D: Disk> LogReader<D> {
    /// Reads one record.
    pub fn read(&self, position: Position) -> Result<Record, StorageError> {
        read_at(&self.disk, &self.seal, position)
    }
}

pub(super) fn read_at(disk: &impl Disk, seal: &Seal, position: Position) -> Result<Record, StorageError> {
    match read_record(disk, seal, position)? {
        Some((kind, payload)) => Ok(Record { position, kind, payload }),
        None => Err(StorageError::Damaged {
            file: file_name(position.segment),
            offset: u64::from(position.sector) * SECTOR_BYTES as u64,
            what: format!("record {} cannot be read", position.index),
            cure: "it is fetched from the other replicas",
        }),
    }
}
