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

/// What is bounded.
const ROWS: [&str; 28] = [
    "slots with votes",
    "uncommitted blocks",
    "identities of committed blocks",
    "committed blocks in memory",
    "bytes of committed blocks in memory",
    "blocks that are obtained",
    "pieces that were asked for",
    "members without our next block",
    "invalid batches",
    "blocks of a range",
    "bytes of a range",
    "SUSPECTs",
    "VIEWCHANGEs",
    "pieces of evidence",
    "checkpoint votes of one member",
    "own state roots",
    "relays outstanding",
    "requests of own clients",
    "bytes of requests of own clients",
    "requests of one client",
    "relays of one peer",
    "requests watched for a relay",
    "sessions remembered",
    "messages that wait for the disk",
    "frames of one peer",
    "bytes of frames of one peer",
    "jobs of one peer",
    "open questions of a state transfer",
];

/// The bounds of one committee, in the order of [`ROWS`].
pub(super) struct Bounds([usize; ROWS.len()]);

impl Bounds {
    pub(super) const fn new(members: usize, tunables: &Tunables) -> Self {
        let (own_requests, own_request_bytes) = (tunables.pool_requests_max, tunables.pool_bytes_max);
        Self([
            VIEWS * (SLOTS_AHEAD + SLOTS_BEHIND),
            VIEWS * SLOTS_AHEAD + NEEDS + SEGMENT_BLOCKS,
            COMMITTED_IDS,
            CACHED_BLOCKS,
            CACHED_BYTES,
            NEEDS,
            NEEDS,
            members,
            INVALID_BATCHES,
            SEGMENT_BLOCKS,
            SEGMENT_BYTES,
            members,
            members,
            members * RULES,
            CHECKPOINTS,
            CHECKPOINTS,
            RELAYS,
            own_requests,
            own_request_bytes,
            REQUESTS_OF_ONE,
            RELAYS,
            WATCHED,
            SESSIONS,
            WITHHELD,
            FRAMES_OF_ONE,
            2 * MAX_MESSAGE_BYTES,
            JOBS_OF_ONE,
            OPEN_FETCHES,
        ])
    }

    pub(super) fn on_step(&self, replica: ReplicaId, sizes: &Sizes) -> Verdict {
        // This is looked at after every step, so it comes down to comparing two rows of numbers.
        let held = held(sizes);
        let Some(row) = held.iter().zip(&self.0).position(|(size, bound)| size > bound) else {
            return Ok(());
        };
        let (what, size, bound) = (ROWS[row], held[row], self.0[row]);
        Err(("bounds", format!("{replica} holds {size} of {bound} at most: {what}")))
    }
}

/// How much is held, in the order of [`ROWS`].
const fn held(sizes: &Sizes) -> [usize; ROWS.len()] {
    let rules = &sizes.rules;
    [
        rules.slots,
        rules.uncommitted,
        rules.committed_ids,
        rules.cached_blocks,
        rules.cached_bytes,
        rules.needs,
        rules.asked,
        rules.gone,
        rules.invalid_batches,
        rules.segment_blocks,
        rules.segment_bytes,
        rules.suspects,
        rules.view_changes,
        rules.evidence,
        rules.checkpoint_votes,
        rules.own_roots,
        rules.relays,
        rules.own_requests,
        rules.own_request_bytes,
        rules.own_requests_of_one,
        rules.relayed_of_one,
        rules.watched,
        rules.sessions_remembered,
        sizes.withheld,
        sizes.frames_of_one,
        sizes.bytes_of_one,
        sizes.jobs_of_one,
        sizes.open_fetches,
    ]
}
