//! Between us and the database library: its errors in our words, and checksums of values.

use std::fs::{self, File};
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::blocks::{BLOCK_NAMED, UNSEALED};
use crate::error::StorageError;
use crate::planted::{self, Bug};

/// A stored value ends with its checksum.
pub(crate) const CHECKSUM_BYTES: usize = 4;
const CURE: &str = "move the file away; the state is built again from the log and the other replicas";

/// How the library begins to say that a file has a later format than it knows.
const LATER_FORMAT: &str = "Expected file format version";

/// Behind the name of a database's file: the name of one that says what damage was seen, while the whole was not checked since.
const SUSPECT_ENDING: &str = ".suspect";
/// How much of that is read.
const SUSPICION_MAX_BYTES: u64 = 4096;

/// Names the database in errors, and keeps in mind that it gave one.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    name: String,
    /// The file that says so; none for a database that is no file of its own.
    suspect: Option<PathBuf>,
    /// The first error. After it the library says of every call no more than that there was one.
    first: Arc<OnceLock<StorageError>>,
}

impl Guard {
    pub(crate) fn new(name: String) -> Self {
        Self { name, suspect: None, first: Arc::default() }
    }

    pub(crate) fn of_file(path: &Path) -> Self {
        let mut suspect = path.as_os_str().to_owned();
        suspect.push(SUSPECT_ENDING);
        Self { suspect: Some(suspect.into()), ..Self::new(path.display().to_string()) }
    }

    /// What damage was seen, while the whole was not checked since.
    pub(crate) fn suspicion(&self) -> Option<String> {
        let file = File::open(self.suspect.as_ref()?).ok()?;
        let mut what = String::new();
        // Whatever can be read of it: that there is such a file is what counts.
        let _ = file.take(SUSPICION_MAX_BYTES).read_to_string(&mut what);
        (!planted::is_on(Bug::SuspicionForgotten)).then_some(what)
    }

    /// The whole was checked and every block is what was written. What else was damaged, such as a value that was written wrong, the
    /// check does not see: it would be read again and again, and is damage for good.
    pub(crate) fn acquit(&self, suspicion: Option<String>) -> Result<(), StorageError> {
        match suspicion {
            Some(what) if !what.is_empty() && !what.starts_with(BLOCK_NAMED) => Err(self.damaged(what)),
            _ => {
                // A file that cannot be removed costs another check and nothing else.
                let _ = self.suspect.as_ref().map(fs::remove_file);
                Ok(())
            }
        }
    }

    /// Runs a call into the library. Some damage makes it panic instead of returning an error: that is damage too.
    pub(crate) fn run<T, E: Into<redb::Error>>(
        &self,
        operation: &'static str,
        call: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, StorageError> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => result.map_err(|error| self.keep(self.error(operation, error.into()))),
            Err(_) => Err(self.keep(self.damaged("the database library gave up on it".to_owned()))),
        }
    }

    fn keep(&self, error: StorageError) -> StorageError {
        let _ = self.first.set(error.clone());
        error
    }

    /// What is damaged where this was read may be damaged elsewhere as well. Where that cannot be noted, whoever comes to the place
    /// next finds it again.
    pub(crate) fn damaged(&self, what: String) -> StorageError {
        if let Some(suspect) = &self.suspect {
            let _ = fs::write(suspect, &what);
        }
        StorageError::Damaged { file: self.name.clone(), offset: 0, what, cure: CURE }
    }

    fn error(&self, operation: &'static str, error: redb::Error) -> StorageError {
        match error {
            redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                self.damaged(error.to_string())
            }
            redb::Error::Io(error) if error.to_string() == UNSEALED => {
                StorageError::OtherFormat { file: self.name.clone(), what: UNSEALED.to_owned() }
            }
            redb::Error::Io(error) => StorageError::io(operation, &self.name, &error),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                self.first.get().cloned().unwrap_or_else(|| {
                    StorageError::io(operation, &self.name, &std::io::Error::other("it failed before"))
                })
            }
            redb::Error::DatabaseAlreadyOpen => {
                StorageError::Locked { folder: self.name.clone(), holder: "another process".to_owned() }
            }
            // Not damage: another version reads it, so it must stay where it is.
            redb::Error::Corrupted(what) if what.starts_with(LATER_FORMAT) => {
                StorageError::OtherFormat { file: self.name.clone(), what }
            }
            redb::Error::UpgradeRequired(version) => {
                StorageError::OtherFormat { file: self.name.clone(), what: format!("format {version}") }
            }
            redb::Error::Corrupted(what) => self.damaged(what),
            other => self.damaged(other.to_string()),
        }
    }
}

/// Over table, key and value.
pub(crate) fn checksum(table: &str, key: &[u8], value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    for part in [table.as_bytes(), key] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(value);
    hasher.finalize().to_le_bytes()
}

/// The value as it was committed, or the error that it is not.
pub(crate) fn checked(
    guard: &Guard,
    table: &str,
    key: &[u8],
    mut stored: Vec<u8>,
) -> Result<Vec<u8>, StorageError> {
    let length = stored.len().checked_sub(CHECKSUM_BYTES);
    let is_intact = length.is_some_and(|length| stored[length..] == checksum(table, key, &stored[..length]));
    match length {
        Some(length) if is_intact => {
            stored.truncate(length);
            Ok(stored)
        }
        _ => Err(guard.damaged(format!("a value in table {table} is not what was written"))),
    }
}
