//! One file of a [`Disk`] as the database's storage: for tests and the simulator, where disks crash.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;

use crate::disk::Disk;
use crate::error::{Cause, StorageError};

/// A file of a shared disk.
#[derive(Debug)]
pub struct DiskFile<D> {
    disk: Arc<Mutex<D>>,
    name: String,
}

impl<D: Disk> DiskFile<D> {
    /// The file with this name, created durably when it is missing.
    pub fn open(disk: Arc<Mutex<D>>, name: &str) -> Result<Self, StorageError> {
        {
            let mut disk = disk.lock().unwrap_or_else(PoisonError::into_inner);
            if !disk.list()?.iter().any(|other| other == name) {
                disk.create(name)?;
                disk.sync_directory()?;
            }
        }
        Ok(Self { disk, name: name.to_owned() })
    }

    fn with<T>(&self, action: impl FnOnce(&mut D, &str) -> Result<T, StorageError>) -> io::Result<T> {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        action(&mut disk, &self.name).map_err(|error| match &error {
            StorageError::Io { cause: Cause::Full, .. } => io::Error::new(io::ErrorKind::StorageFull, error),
            _ => io::Error::other(error),
        })
    }
}

impl<D: Disk + Send + std::fmt::Debug + 'static> StorageBackend for DiskFile<D> {
    fn len(&self) -> io::Result<u64> {
        self.with(|disk, name| disk.length(name))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let count = self.with(|disk, name| disk.read_at(name, offset, out))?;
        if count < out.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|disk, name| disk.truncate(name, len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|disk, name| disk.sync_data(name))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|disk, name| disk.write_at(name, offset, data))
    }
}
