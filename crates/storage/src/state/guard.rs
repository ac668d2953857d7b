//! Between us and the database library: its errors in our words, and checksums of values.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::StorageError;

/// A stored value ends with its checksum.
pub(crate) const CHECKSUM_BYTES: usize = 4;
const CURE: &str = "move the file away; the state is built again from the log and the other replicas";

/// How the library begins to say that a file has a later format than it knows.
const LATER_FORMAT: &str = "Expected file format version";

/// Names the database in errors.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    name: String,
}

impl Guard {
    pub(crate) fn new(name: String) -> Self {
        Self { name }
    }

    /// Runs a call into the library. Some damage makes it panic instead of returning an error: that is damage too.
    pub(crate) fn run<T, E: Into<redb::Error>>(
        &self,
        operation: &'static str,
        call: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, StorageError> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => result.map_err(|error| self.error(operation, error.into())),
            Err(_) => Err(self.damaged("the database library gave up on it".to_owned())),
        }
    }

    pub(crate) fn damaged(&self, what: String) -> StorageError {
        StorageError::Damaged { file: self.name.clone(), offset: 0, what, cure: CURE }
    }

    fn error(&self, operation: &'static str, error: redb::Error) -> StorageError {
        match error {
            redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                self.damaged(error.to_string())
            }
            redb::Error::Io(error) => StorageError::io(operation, &self.name, &error),
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
