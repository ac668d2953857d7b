//! What can go wrong with keys in the world: what, where and how to mend it.

use outvote_types::{QuorumError, ReplicaId};
use std::path::PathBuf;

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is none.
    #[error(
        "no key file at {path}: create one with `outvote init`, or point --home at the folder that holds it"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is one already, and a key is never overwritten.
    #[error(
        "{path} exists already and a key is never overwritten: move it away first if you mean to replace it"
    )]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Others can read it.
    #[error(
        "{path} holds a secret key and its mode is {mode:04o}, so others may read it: run `chmod 600 {path}`, \
         and make a new key if you do not trust everybody on this machine"
    )]
    TooOpen {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error(
        "{path} belongs to user {owner}, but this process runs as user {us}: run `chown {us} {path}` or start as its owner"
    )]
    Foreign {
        /// Where.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// This process's user id.
        us: u32,
    },
    /// It does not hold a key.
    #[error(
        "{path} is no key file: {reason}; restore it from a backup, or make a new key and tell the other members"
    )]
    Malformed {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It holds a key for something else.
    #[error(
        "{path} holds a {found} key where a {expected} key belongs: the files were swapped; put them back"
    )]
    WrongRole {
        /// Where.
        path: PathBuf,
        /// What it is for.
        found: String,
        /// What was wanted.
        expected: &'static str,
    },
    /// The system said no.
    #[error(
        "cannot {doing} the key file {path}: {source}; check the folder's owner, permissions and free space"
    )]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's words.
        source: std::io::Error,
    },
}

/// A committee that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// Too few or too many members.
    #[error(transparent)]
    Size(#[from] QuorumError),
    /// A key that no honest key generator makes.
    #[error(
        "the {which} key of member {member} is unusable (small order, not canonical, or no point of the curve): \
         ask that member for the key that its own `outvote init` printed"
    )]
    UnusableKey {
        /// Whose.
        member: ReplicaId,
        /// Consensus or link.
        which: &'static str,
    },
    /// One key twice.
    #[error(
        "member {member} repeats a key that another entry already uses: every member needs its own two keys"
    )]
    DuplicateKey {
        /// The later entry.
        member: ReplicaId,
    },
    /// A checkpoint after nothing at all.
    #[error("{key} is 0: use a positive {example}")]
    NoCheckpoints {
        /// The committee's parameter.
        key: &'static str,
        /// What belongs there.
        example: &'static str,
    },
}
