//! A folder of the operating system.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::error::{Poison, StorageError};

/// Files that are kept open at once; more are opened and closed as needed.
const OPEN_FILES_MAX: usize = 16;

/// A file that is kept open. One with unsynced writes stays open: the system reports a failed write-back only to
/// those who hold the file.
#[derive(Debug)]
struct Handle {
    file: File,
    has_unsynced_writes: bool,
}

/// A folder of the operating system. It takes no lock: [`crate::DataFolder`] does, for the whole home.
///
/// After a failed write, sync, create, rename or remove it is poisoned: every later call gives the same error.
#[derive(Debug)]
pub struct RealDisk {
    folder: PathBuf,
    files: RefCell<BTreeMap<String, Handle>>,
    poison: Poison,
}

impl RealDisk {
    /// Opens a folder, and creates it when it is missing. Shows at once whether the folder can be written.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StorageError> {
        let folder = folder.as_ref().to_path_buf();
        create_folder(&folder)?;
        let disk = Self { folder, files: RefCell::default(), poison: Poison::default() };
        disk.probe()?;
        Ok(disk)
    }

    /// A second handle on the same folder, for a thread that only reads. It fails when the first one has failed.
    pub fn reader(&self) -> Self {
        Self { folder: self.folder.clone(), files: RefCell::default(), poison: self.poison.clone() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes that this user may still write to the disk of this folder.
    pub fn free_bytes(&self) -> Result<u64, StorageError> {
        let status = rustix::fs::statvfs(&self.folder)
            .map_err(|error| StorageError::io("measure", self.folder.display(), &error.into()))?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    /// A folder that cannot be written is better found at the start than at the first vote.
    fn probe(&self) -> Result<(), StorageError> {
        let path = self.folder.join(".probe");
        let result = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        result.map_err(|error| StorageError::io("write to", self.folder.display(), &error))?;
        fs::remove_file(&path).map_err(|error| StorageError::io("write to", self.folder.display(), &error))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn error(&self, operation: &'static str, file: &str, error: &io::Error) -> StorageError {
        StorageError::io(operation, self.path(file).display(), error)
    }

    /// Runs `action` on the open file; opens it first when needed.
    fn with_file<T>(
        &self,
        operation: &'static str,
        file: &str,
        action: impl FnOnce(&mut Handle) -> io::Result<T>,
    ) -> Result<T, StorageError> {
        self.poison.check()?;
        let mut files = self.files.borrow_mut();
        if !files.contains_key(file) {
            let opened = OpenOptions::new().read(true).write(true).open(self.path(file));
            let opened = opened.map_err(|error| self.error("open", file, &error))?;
            make_room(&mut files);
            files.insert(file.to_owned(), Handle { file: opened, has_unsynced_writes: false });
        }
        let handle = files.get_mut(file);
        let handle = handle.ok_or_else(|| self.error("open", file, &io::ErrorKind::NotFound.into()))?;
        action(handle).map_err(|error| self.error(operation, file, &error))
    }
}

/// Closes files without unsynced writes until there is room for one more.
fn make_room(files: &mut BTreeMap<String, Handle>) {
    while files.len() >= OPEN_FILES_MAX {
        let Some(idle) =
            files.iter().find(|(_, handle)| !handle.has_unsynced_writes).map(|(name, _)| name.clone())
        else {
            return;
        };
        files.remove(&idle);
    }
}

/// Creates a folder and those above it, and makes their names durable.
pub(crate) fn create_folder(folder: &Path) -> Result<(), StorageError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.is_dir()).collect();
    missing.retain(|path| !path.as_os_str().is_empty());
    fs::create_dir_all(folder).map_err(|error| StorageError::io("create", folder.display(), &error))?;
    for created in missing {
        let above = created.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_folder(above)?;
    }
    Ok(())
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    let result = File::open(folder).and_then(|open| open.sync_all());
    result.map_err(|error| StorageError::io("sync", folder.display(), &error))
}

impl Disk for RealDisk {
    fn list(&self) -> Result<Vec<String>, StorageError> {
        self.poison.check()?;
        let read = |error: io::Error| StorageError::io("list", self.folder.display(), &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(read)? {
            let entry = entry.map_err(read)?;
            // Names that are not text are not ours.
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type().map_err(read)?.is_file()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn length(&self, file: &str) -> Result<u64, StorageError> {
        self.with_file("measure", file, |handle| Ok(handle.file.metadata()?.len()))
    }

    fn read_at(&self, file: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.with_file("read", file, |handle| {
            let mut done = 0;
            while done < buffer.len() {
                match handle.file.read_at(&mut buffer[done..], offset + done as u64) {
                    Ok(0) => break,
                    Ok(count) => done += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(done)
        })
    }

    fn create(&mut self, file: &str) -> Result<(), StorageError> {
        self.poison.check()?;
        let opened =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(self.path(file));
        let opened = self.poison.keep(opened.map_err(|error| self.error("create", file, &error)))?;
        let mut files = self.files.borrow_mut();
        make_room(&mut files);
        files.insert(file.to_owned(), Handle { file: opened, has_unsynced_writes: true });
        Ok(())
    }

    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        // `write_all_at` goes on after short and interrupted writes.
        let result = self.with_file("write", file, |handle| {
            handle.has_unsynced_writes = true;
            handle.file.write_all_at(bytes, offset)
        });
        self.poison.keep(result)
    }

    fn truncate(&mut self, file: &str, length: u64) -> Result<(), StorageError> {
        let result = self.with_file("cut", file, |handle| {
            handle.has_unsynced_writes = true;
            handle.file.set_len(length)
        });
        self.poison.keep(result)
    }

    fn sync_data(&mut self, file: &str) -> Result<(), StorageError> {
        let result = self.with_file("sync", file, |handle| {
            handle.file.sync_data()?;
            handle.has_unsynced_writes = false;
            Ok(())
        });
        self.poison.keep(result)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.poison.check()?;
        let result = fs::rename(self.path(from), self.path(to));
        self.poison.keep(result.map_err(|error| self.error("rename", from, &error)))?;
        let mut files = self.files.borrow_mut();
        files.remove(to);
        if let Some(handle) = files.remove(from) {
            files.insert(to.to_owned(), handle);
        }
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), StorageError> {
        self.poison.check()?;
        self.files.borrow_mut().remove(file);
        let result = fs::remove_file(self.path(file));
        self.poison.keep(result.map_err(|error| self.error("remove", file, &error)))
    }

    fn sync_directory(&mut self) -> Result<(), StorageError> {
        self.poison.check()?;
        self.poison.keep(sync_folder(&self.folder))
    }
}
