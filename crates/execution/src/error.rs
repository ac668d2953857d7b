//! The world fails: why execution had to stop.

use crate::backend::BackendError;
use outvote_types::{Digest, Sequence};

/// Why a block could not be executed or a state not be opened. None of these comes from an operation: whatever clients
/// send has a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionError {
    /// The state's database failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The state's database holds bytes that this program never wrote.
    #[error(
        "the state database is damaged ({what}): remove data/state.redb; the replica then fetches the state from the others"
    )]
    Damaged {
        /// What could not be read.
        what: &'static str,
    },
    /// The state was written by another version of the program, mostly a newer one.
    #[error(
        "the state database has format {found}, this program reads format {known}: {}",
        format_cure(*found, *known)
    )]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The one that is read.
        known: u32,
    },
    /// The state belongs to another cluster.
    #[error(
        "the state database belongs to another cluster (genesis {found}, ours is {ours}): use that cluster's home"
    )]
    OtherCluster {
        /// The genesis found.
        found: Digest,
        /// Ours.
        ours: Digest,
    },
    /// A block came out of order.
    #[error("block {found} cannot be executed now: {expected} is the next one")]
    OutOfOrder {
        /// The next sequence.
        expected: Sequence,
        /// The block's.
        found: Sequence,
    },
    /// A block does not extend the executed one.
    #[error("block {sequence} does not extend the block that was executed before it")]
    WrongParent {
        /// The block's place.
        sequence: Sequence,
    },
    /// A state transfer is under way, so the state is a mixture of two.
    #[error("a state transfer is under way: finish it before executing blocks")]
    Installing,
    /// An earlier failure left a block half executed in memory.
    #[error("execution stopped at an earlier failure: restart the node; the log replays what is missing")]
    Stopped,
}

/// A newer state is somebody's newer program away; an older one no program of this version can read, but it can be had anew.
fn format_cure(found: u32, known: u32) -> &'static str {
    if found > known {
        "use the newer program that wrote it"
    } else {
        "remove data/state.redb; the replica then fetches the state from the others"
    }
}
