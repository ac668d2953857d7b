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
        "the state database is damaged ({what}): remove the state database; the replica then fetches the state from its peers"
    )]
    Damaged {
        /// What could not be read.
        what: &'static str,
    },
    /// The state was written by a newer program.
    #[error(
        "the state database has format {found}, this program knows formats up to {known}: use the newer program"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest one that is known.
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
