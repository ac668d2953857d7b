//! No table grows beyond its named bound (B1, B2). The bounds are stated here once more, so that a constant that is changed
//! or forgotten over there is noticed.

use super::Verdict;
use outvote_replica::{Sizes, Tunables};
use outvote_types::ReplicaId;
use outvote_types::limits::MAX_MESSAGE_BYTES;

/// Views whose votes are kept: the last, this and the next one.
const VIEWS: usize = 3;
/// Slots above the committed block whose votes and headers are kept.
const SLOTS_AHEAD: usize = 256;
/// Slots up to the committed block whose votes are kept.
const SLOTS_BEHIND: usize = 64;
/// Blocks that are obtained at the same time, and the pieces that are asked for: one at a time for each.
const NEEDS: usize = 64;
/// Blocks of an unfinished range.
const SEGMENT_BLOCKS: usize = 2_048;
/// Their bytes, with the block that is one too many.
const SEGMENT_BYTES: usize = (64 << 20) + MAX_MESSAGE_BYTES;
/// Identities of committed blocks, with that of a state that was just installed.
const COMMITTED_IDS: usize = 8_192 + 1;
/// Committed blocks in memory.
const CACHED_BLOCKS: usize = 64;
/// Their bytes.
const CACHED_BYTES: usize = 4 << 20;
/// Batches that were found invalid.
const INVALID_BATCHES: usize = 256;
/// Kinds of evidence.
const RULES: usize = 7;
/// Checkpoints that are voted for at the same time.
const CHECKPOINTS: usize = 4;
/// Relays outstanding on a link, and places reserved for a peer (S).
const RELAYS: usize = 64;
/// Requests of one session of our own.
const REQUESTS_OF_ONE: usize = 64;
/// Requests that are watched for a relay.
const WATCHED: usize = 65_536;
/// Sessions whose nonces are remembered.
const SESSIONS: usize = 16_384;
/// Messages that wait for the disk.
const WITHHELD: usize = 4_096;
/// Frames of one peer that wait for their signatures to be checked.
const FRAMES_OF_ONE: usize = 4_096;
/// Jobs of one peer.
const JOBS_OF_ONE: usize = 8;
/// Questions of a state transfer.
const OPEN_FETCHES: usize = 512;

/// The bounds of one committee.
pub(super) struct Bounds {
    members: usize,
    own_requests: usize,
    own_request_bytes: usize,
}

impl Bounds {
    pub(super) const fn new(members: usize, tunables: &Tunables) -> Self {
        let (own_requests, own_request_bytes) = (tunables.pool_requests_max, tunables.pool_bytes_max);
        Self { members, own_requests, own_request_bytes }
    }

    pub(super) fn on_step(&self, replica: ReplicaId, sizes: &Sizes) -> Verdict {
        let over = self.rows(sizes).into_iter().find(|(_, size, bound)| size > bound);
        over.map_or(Ok(()), |(what, size, bound)| {
            Err(("bounds", format!("{replica} holds {size} of {bound} at most: {what}")))
        })
    }

    /// What is held, how much of it, and how much at most.
    fn rows(&self, sizes: &Sizes) -> [(&'static str, usize, usize); 28] {
        let rules = &sizes.rules;
        let members = self.members;
        [
            ("slots with votes", rules.slots, VIEWS * (SLOTS_AHEAD + SLOTS_BEHIND)),
            ("uncommitted blocks", rules.uncommitted, VIEWS * SLOTS_AHEAD + NEEDS + SEGMENT_BLOCKS),
            ("identities of committed blocks", rules.committed_ids, COMMITTED_IDS),
            ("committed blocks in memory", rules.cached_blocks, CACHED_BLOCKS),
            ("bytes of committed blocks in memory", rules.cached_bytes, CACHED_BYTES),
            ("blocks that are obtained", rules.needs, NEEDS),
            ("pieces that were asked for", rules.asked, NEEDS),
            ("members without our next block", rules.gone, members),
            ("invalid batches", rules.invalid_batches, INVALID_BATCHES),
            ("blocks of a range", rules.segment_blocks, SEGMENT_BLOCKS),
            ("bytes of a range", rules.segment_bytes, SEGMENT_BYTES),
            ("SUSPECTs", rules.suspects, members),
            ("VIEWCHANGEs", rules.view_changes, members),
            ("pieces of evidence", rules.evidence, members * RULES),
            ("checkpoint votes of one member", rules.checkpoint_votes, CHECKPOINTS),
            ("own state roots", rules.own_roots, CHECKPOINTS),
            ("relays outstanding", rules.relays, RELAYS),
            ("requests of own clients", rules.own_requests, self.own_requests),
            ("bytes of requests of own clients", rules.own_request_bytes, self.own_request_bytes),
            ("requests of one client", rules.own_requests_of_one, REQUESTS_OF_ONE),
            ("relays of one peer", rules.relayed_of_one, RELAYS),
            ("requests watched for a relay", rules.watched, WATCHED),
            ("sessions remembered", rules.sessions_remembered, SESSIONS),
            ("messages that wait for the disk", sizes.withheld, WITHHELD),
            ("frames of one peer", sizes.frames_of_one, FRAMES_OF_ONE),
            ("bytes of frames of one peer", sizes.bytes_of_one, 2 * MAX_MESSAGE_BYTES),
            ("jobs of one peer", sizes.jobs_of_one, JOBS_OF_ONE),
            ("open questions of a state transfer", sizes.open_fetches, OPEN_FETCHES),
        ]
    }
}
