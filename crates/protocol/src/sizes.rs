//! How full the tables are, for whoever judges them from outside (B1, B2).

use crate::replica::Replica;

/// The sizes of a replica's tables. Only lengths that are known without counting are in here, so it can be read after
/// every step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Slots with votes or headers, of all views.
    pub slots: usize,
    /// Blocks and headers above the committed one.
    pub uncommitted: usize,
    /// Identities of committed blocks.
    pub committed_ids: usize,
    /// Committed blocks that are kept for peers.
    pub cached_blocks: usize,
    /// Their bytes.
    pub cached_bytes: usize,
    /// Blocks that are being obtained.
    pub needs: usize,
    /// Pieces of them that were asked for.
    pub asked: usize,
    /// Members who said that our next block is gone.
    pub gone: usize,
    /// Batches that were found invalid.
    pub invalid_batches: usize,
    /// Blocks of a range that no certificate covers yet.
    pub segment_blocks: usize,
    /// Their bytes.
    pub segment_bytes: usize,
    /// Members with a SUSPECT.
    pub suspects: usize,
    /// Members with a VIEWCHANGE.
    pub view_changes: usize,
    /// Pieces of evidence.
    pub evidence: usize,
    /// The most checkpoint votes of one member.
    pub checkpoint_votes: usize,
    /// Our own states' roots.
    pub own_roots: usize,
    /// Relays outstanding on the link to the leader.
    pub relays: usize,
    /// Requests of our own clients that wait.
    pub own_requests: usize,
    /// Their bytes.
    pub own_request_bytes: usize,
    /// The most of them of one session.
    pub own_requests_of_one: usize,
    /// The most places that one peer's relays hold.
    pub relayed_of_one: usize,
    /// Requests that are watched for a relay.
    pub watched: usize,
    /// Sessions whose ordered nonces are remembered.
    pub sessions_remembered: usize,
}

impl Replica {
    /// How full the tables are. Nothing is decided from it.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let mut sizes = Sizes {
            slots: self.slots.table.len(),
            suspects: self.mutiny.suspects.len().max(self.mutiny.overtaken.len()),
            view_changes: self.mutiny.view_changes.len(),
            evidence: self.charges.len(),
            relays: self.relays.len(),
            ..Sizes::default()
        };
        self.chain.measure(&mut sizes);
        self.catch_up.measure(&mut sizes);
        self.checkpoints.measure(&mut sizes);
        self.pool.measure(&mut sizes);
        sizes
    }
}
