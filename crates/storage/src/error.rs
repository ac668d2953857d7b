//! What can go wrong with a disk, said so that a person can mend it.

use crate::planted::{self, Bug};
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

/// The world failed: what was tried, on which file, why, and how to mend it. It is cloneable because a store that
/// failed once gives the same error for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused an operation.
    #[error("cannot {operation} {file}: {cause}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file or folder.
        file: String,
        /// Why, with the cure.
        cause: Cause,
    },
    /// Another process uses the folder.
    #[error("{folder} is in use by {holder}: stop it first, or give this one a folder of its own")]
    Locked {
        /// The folder with the lock.
        folder: String,
        /// The process that holds it, as far as it is known.
        holder: String,
    },
    /// The file was written by a later version of this program.
    #[error("{file} has format version {found}, this program knows up to {known}: start a newer program")]
    Newer {
        /// The file.
        file: String,
        /// Its version.
        found: u32,
        /// The latest version this program can read.
        known: u32,
    },
    /// The database was written by a version of this program that keeps it in another way.
    #[error(
        "{file} was written by another version of this program ({what}): start that version, or remove the file, on one replica after \
         the other, and it is filled again from the log and the other replicas"
    )]
    OtherFormat {
        /// The file.
        file: String,
        /// Which format it has.
        what: String,
    },
    /// The file belongs to another replica or another cluster.
    #[error(
        "{file} belongs to another replica or another cluster: check that the data folders were not swapped"
    )]
    Foreign {
        /// The file.
        file: String,
    },
    /// The folder holds the data of another cluster.
    #[error(
        "{folder} holds the data of cluster {found}, and this is cluster {expected}: install the committee file that belongs \
         to the data, or, for another cluster, make another home with keys of its own"
    )]
    OtherOwner {
        /// The folder.
        folder: String,
        /// Whose data it holds.
        found: String,
        /// Who asked.
        expected: String,
    },
    /// The content of a file is not what was written.
    #[error("{file} is damaged at byte {offset}: {what}; {cure}")]
    Damaged {
        /// The file.
        file: String,
        /// Where in the file, in bytes, as far as it is known.
        offset: u64,
        /// What is wrong.
        what: String,
        /// What to do.
        cure: &'static str,
    },
    /// Something is larger than its bound.
    #[error("{what} has {size}, at most {max} are allowed: {cure}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is, in the unit of `max`.
        size: u64,
        /// How large it may be.
        max: u64,
        /// What to do.
        cure: &'static str,
    },
    /// A promise was to be made on a disk that lost an earlier one.
    #[error(
        "this disk lost the promises made with its key ({reason}): it may only observe until the key is replaced"
    )]
    PromiseLost {
        /// How it is known.
        reason: String,
    },
    /// The first promise was to be made where something is already kept.
    #[error("this log is in use already: only a new key starts a new log, never an old one")]
    PromiseExists,
}

/// Why the operating system refused; its text names the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No space or no quota left.
    Full,
    /// The file system is mounted read-only.
    ReadOnly,
    /// This user may not.
    Denied,
    /// There is no such file.
    Missing,
    /// There is such a file already.
    Exists,
    /// Too many open files.
    OpenFiles,
    /// The device failed, or anything else, in the system's own words.
    Device(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("the disk is full; free some space and start again"),
            Self::ReadOnly => {
                formatter.write_str("the file system is read-only; mount it writable and start again")
            }
            Self::Denied => {
                formatter.write_str("permission denied; give this user read and write access and start again")
            }
            Self::Missing => formatter.write_str("it does not exist; check the path, or restore the file"),
            Self::Exists => formatter.write_str("it exists already; another program writes here, stop it"),
            Self::OpenFiles => {
                formatter.write_str("too many open files; raise the limit (ulimit -n) and start again")
            }
            Self::Device(text) => {
                write!(formatter, "{text}; check the disk (its cable, its health, its log), then start again")
            }
        }
    }
}

impl From<&io::Error> for Cause {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::AlreadyExists => Self::Exists,
            _ if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => Self::OpenFiles,
            _ => Self::Device(error.to_string()),
        }
    }
}

impl StorageError {
    /// An error of the operating system, with what was tried on which file.
    pub(crate) fn io(operation: &'static str, file: impl fmt::Display, error: &io::Error) -> Self {
        Self::Io { operation, file: file.to_string(), cause: Cause::from(error) }
    }

    /// The same for a cause that is known already.
    pub(crate) fn cause(operation: &'static str, file: impl fmt::Display, cause: Cause) -> Self {
        Self::Io { operation, file: file.to_string(), cause }
    }
}

/// Remembers the first failed write or sync. After it, nobody knows what the disk holds: a sync that is tried again
/// may report success for data that the system has already thrown away. So nothing is ever tried again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Poison(Arc<OnceLock<StorageError>>);

impl Poison {
    /// The first failure, if there was one.
    pub(crate) fn check(&self) -> Result<(), StorageError> {
        // D20: a failed write or flush is the end; the node stops on this error.
        self.0.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Passes a result through and remembers its error.
    pub(crate) fn keep<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        if planted::is_on(Bug::SyncTriedAgain) {
            return result;
        }
        result.map_err(|error| self.0.get_or_init(|| error).clone())
    }
}
