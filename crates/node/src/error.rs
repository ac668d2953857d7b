//! What can go wrong around a replica: what, where, and how to fix it.

use outvote_types::ReplicaId;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A failure of the world around a replica.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A file cannot be read.
    #[error(
        "cannot read {path}: {source}. Create the home with `outvote init`, or name the right one with --home"
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that ought to be text is none.
    #[error(
        "{path}, line {line}: there are bytes that are no text (UTF-8). Write that line anew, or put the whole file back"
    )]
    NotText {
        /// Which.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// A file is longer than any of its kind.
    #[error(
        "{path} is longer than the {bytes_max} bytes that it may have: is it the right file? Put that in its place"
    )]
    TooLong {
        /// Which.
        path: PathBuf,
        /// The bound.
        bytes_max: u64,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {path}: {source}. Check the folder's permissions and the free space")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration is wrong.
    #[error("{path}, line {line}: {message}")]
    Config {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1; 0 if it is about the whole.
        line: usize,
        /// What and how to fix it.
        message: String,
    },
    /// A variable in the environment that overrides a key is wrong.
    #[error("environment variable {variable}: {message}")]
    Environment {
        /// Which.
        variable: String,
        /// What and how to fix it.
        message: String,
    },
    /// The committee file is wrong.
    #[error("{path}: {error}")]
    Committee {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: outvote_session::CommitteeFileError,
    },
    /// There is no committee file.
    #[error(
        "cannot read {path}: {source}. Every member installs the file that `outvote committee create` made as config/committee.toml"
    )]
    NoCommittee {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key file is wrong.
    #[error(transparent)]
    Key(#[from] outvote_crypto::KeyFileError),
    /// The keys of this home are not in the committee.
    #[error(
        "the key {key} of this home is not in {committee}: install the committee file that names it, or make a committee from this home's public part"
    )]
    NotAMember {
        /// The consensus key, hexadecimal.
        key: String,
        /// The committee file.
        committee: PathBuf,
    },
    /// The consensus key of this home is in the committee, with another link key.
    #[error(
        "the link key {found} of this home is not the link_key {expected} that {committee} has for member {member}: restore \
         keys/link.key, or make a committee from this home's public part"
    )]
    WrongLinkKey {
        /// Which member.
        member: ReplicaId,
        /// The committee's, hexadecimal.
        expected: String,
        /// This home's, hexadecimal.
        found: String,
        /// The committee file.
        committee: PathBuf,
    },
    /// The mode is not served by this engine.
    #[error(
        "mode \"federated\" is not part of this version yet: use mode = \"byzantine\", with at least 4 replicas"
    )]
    Federated,
    /// An address is taken.
    #[error(
        "cannot listen on {address}: {source}. Stop the program that holds it, or change `{key}` in config.toml"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The configuration's key.
        key: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A socket that listens cannot be watched.
    #[error("cannot watch a socket: {0}. Raise the limit on open files (ulimit -n)")]
    Socket(io::Error),
    /// The storage failed or refused.
    #[error(transparent)]
    Storage(#[from] outvote_storage::StorageError),
    /// The executed state failed.
    #[error(transparent)]
    Execution(#[from] outvote_execution::ExecutionError),
    /// The archive of blocks holds bytes that this program never wrote. Never a backup: an old copy of the log beside it would
    /// make the replica an observer for good (D18).
    #[error(
        "the table {table} of the archive is damaged: {reason}. Remove data/state.redb; the replica then fetches the state \
         from the others. Leave data/log as it is"
    )]
    Archive {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Another process votes with the same keys, and was started before this one (D27).
    #[error(
        "another process with the keys of this replica runs, and was started {earlier_s} seconds before this one; replica \
         {shown_by} has its statement. This one ends, since two with one key count as a liar. If this is the one that is to run, stop the \
         other one first and take its home, the later of the two; if nobody here started the other one, the keys were copied: \
         replace this replica with a fresh key"
    )]
    RunsTwice {
        /// Who showed the proof.
        shown_by: ReplicaId,
        /// How much earlier the other one says that it was started, seconds.
        earlier_s: u64,
    },
    /// The links failed.
    #[error(transparent)]
    Transport(#[from] outvote_transport::TransportError),
    /// A home exists already.
    #[error("{path} is not empty: `init` never overwrites keys. Choose another folder")]
    HomeExists {
        /// Which.
        path: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("no random bytes from the system: {0}. Keys are never made without them")]
    Randomness(String),
    /// The log holds a record that this program cannot read.
    #[error(
        "record {index} of the log cannot be read: {reason}. Was it written by a newer program? Use that one"
    )]
    Record {
        /// Which record.
        index: u64,
        /// Why.
        reason: String,
    },
    /// The latest promise in the log is one that this program cannot read.
    #[error(
        "promise {counter} in the log cannot be read: {reason}. Was it written by a newer program? Use that one, and leave \
         data/log as it is: without its promises this replica never votes again"
    )]
    Promise {
        /// Which promise.
        counter: u64,
        /// Why.
        reason: String,
    },
    /// The committee is too small or too large.
    #[error(transparent)]
    Size(outvote_types::QuorumError),
    /// A thread of the node panicked: a bug of ours.
    #[error("a thread panicked, so the node stops; please report the message above. A restart is safe")]
    Panicked,
    /// A thread could not be started.
    #[error("cannot start a thread: {0}. Raise the limit on processes (ulimit -u)")]
    Thread(io::Error),
}
