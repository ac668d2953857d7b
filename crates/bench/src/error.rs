//! What can go wrong outside.

use std::path::PathBuf;

/// A measurement that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// An option out of its range.
    #[error("{option}: {cure}")]
    Option {
        /// Which.
        option: &'static str,
        /// What is allowed.
        cure: String,
    },
    /// A replica's process could not be started, or ended by itself.
    #[error("replica {id} {what}; its output is in {log}")]
    Replica {
        /// Which.
        id: usize,
        /// What happened.
        what: String,
        /// Where it says why.
        log: PathBuf,
    },
    /// A file of the measurement.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The cluster does not do what it should.
    #[error("the cluster {0}")]
    Cluster(String),
    /// The client.
    #[error(transparent)]
    Client(#[from] outvote_client::ClientError),
    /// A page has no place for a section.
    #[error("{path} lacks the lines {begin} and {end}, between which the section stands")]
    Markers {
        /// Which page.
        path: PathBuf,
        /// The first marker.
        begin: &'static str,
        /// The last marker.
        end: &'static str,
    },
    /// What an earlier measurement left cannot be read.
    #[error("{path} is no record of a measurement ({why}); delete it, or measure that series again")]
    Record {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The system has no randomness for keys.
    #[error("no random bytes for keys: {0}")]
    Randomness(String),
}
