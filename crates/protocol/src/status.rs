//! What a replica shows of itself, for people and tests.

use outvote_types::{Digest, Rank, ReplicaId, Sequence, View};

/// A replica's state in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The current view.
    pub view: View,
    /// Its leader.
    pub leader: ReplicaId,
    /// Whether the view is open: NEWVIEW accepted, votes possible.
    pub normal: bool,
    /// Whether this replica may not prepare in this view.
    pub sitting_out: bool,
    /// Whether it may never vote.
    pub observer: bool,
    /// The highest certificate's rank.
    pub high_rank: Rank,
    /// Highest proposed or voted sequence.
    pub voted: Sequence,
    /// Highest committed sequence.
    pub committed: Sequence,
    /// The block there.
    pub committed_id: Digest,
    /// Highest executed sequence.
    pub executed: Sequence,
    /// Latest stable checkpoint.
    pub stable: Sequence,
    /// The current view timeout, microseconds.
    pub timeout_us: u64,
    /// Requests waiting in the pool.
    pub pending: usize,
    /// Views entered since the start.
    pub view_changes: u64,
    /// Whether the state was found to differ from the quorum's and is being repaired.
    pub diverged: bool,
}
