//! What can go wrong outside.

use std::path::PathBuf;

/// A measurement that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Nothing is called so.
    #[error("there is no system {name:?}; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A program cannot be had here.
    #[error("{program} cannot be had here: {why}")]
    Missing {
        /// Which.
        program: &'static str,
        /// Why, and what would help.
        why: String,
    },
    /// A program failed, or said what is not understood.
    #[error("{program}: {why}")]
    Program {
        /// Which.
        program: String,
        /// Its last words.
        why: String,
    },
    /// A file or folder of the measurement.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No free ports.
    #[error("no {0} free ports between 20000 and 32000; end what listens there")]
    Ports(usize),
    /// The page has no place for the section.
    #[error(transparent)]
    Page(#[from] outvote_bench::BenchError),
}
