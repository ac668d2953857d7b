//! Every bound of ring 1 that is not a tunable, in one place (B1).

/// How far above the committed block votes and headers are kept, in slots.
pub(crate) const SLOTS_AHEAD: u64 = 256;
/// How far below it votes are kept: late votes complete certificates and show liars.
pub(crate) const SLOTS_BEHIND: u64 = 64;
/// Bytes of blocks that no certificate covers at most; beyond it only their headers are kept, and they are fetched again.
pub(crate) const UNCERTIFIED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Committed blocks kept in memory for peers that lag a little at most.
pub(crate) const CACHED_BLOCKS_MAX: usize = 64;
/// Their bytes at most.
pub(crate) const CACHED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Identities of committed blocks kept in memory at most.
pub(crate) const COMMITTED_IDS_MAX: usize = 8_192;
/// The window above the stable checkpoint, in checkpoint intervals (W = 4C).
pub(crate) const WINDOW_INTERVALS: u64 = 4;
/// Checkpoint intervals whose blocks stay for laggards.
pub(crate) const RETAINED_INTERVALS: usize = 2;
/// Checkpoint votes kept per sender at most.
pub(crate) const CHECKPOINT_VOTES_PER_PEER: usize = 4;
/// Digests of batches that were found invalid, kept at most.
pub(crate) const INVALID_BATCHES_MAX: usize = 256;
/// Blocks that are being obtained at the same time at most.
pub(crate) const NEEDS_MAX: usize = 64;
/// After so many rounds of all who are said to hold a block, it is said that nobody sends it.
pub(crate) const ROUNDS_UNANSWERED: usize = 3;
/// From this distance on a laggard asks for ranges of committed blocks instead of single ones.
pub(crate) const RANGE_FROM_SLOTS: u64 = 8;
/// Blocks of an unfinished range kept at most.
pub(crate) const SEGMENT_BLOCKS_MAX: usize = 2_048;
/// Their bytes at most.
pub(crate) const SEGMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Fetches of one peer that are answered per second at most, of single pieces and of ranges and states each.
pub(crate) const FETCHES_PER_SECOND: u32 = 128;
/// Relays outstanding per link, and places reserved per peer (S).
pub(crate) const RELAY_PLACES: usize = 64;
/// So many requests may wait for a proposal, and for execution, however little was executed lately (P5, E10).
pub(crate) const WAITING_MIN: usize = 1_024;
/// Own requests of one session in the pool at most.
pub(crate) const REQUESTS_PER_SESSION: usize = 64;
/// Sessions whose ordered nonces are remembered at most.
pub(crate) const SESSIONS_REMEMBERED: usize = 16_384;
/// Ordered nonces remembered per session.
pub(crate) const NONCES_REMEMBERED: usize = 64;
/// Entries of the queue of requests that are watched for a relay at most.
pub(crate) const WATCHED_MAX: usize = 65_536;
/// Up to this committee size a VIEWCHANGE goes to all.
pub(crate) const VIEW_CHANGE_TO_ALL: usize = 32;
/// How often a peer's STATUS is answered at most, microseconds.
pub(crate) const ANSWER_INTERVAL_US: u64 = 50_000;
/// STATUS is sent this often, microseconds.
pub(crate) const STATUS_INTERVAL_US: u64 = 1_000_000;
/// A leader that was silent for this long gets a short first window, microseconds.
pub(crate) const SILENT_LEADER_US: u64 = 2_000_000;
/// That window, microseconds.
pub(crate) const SILENT_LEADER_WINDOW_US: u64 = 100_000;
/// Steady commits for this long bring the window back to its base, microseconds.
pub(crate) const STEADY_US: u64 = 2_000_000;
/// The time over which the performance rule counts rounds, and its grace in a new view, microseconds.
pub(crate) const PERFORMANCE_PERIOD_US: u64 = 1_000_000;
/// Samples of PREPARE turnaround kept per replica and period at most.
pub(crate) const TURNAROUND_SAMPLES: usize = 64;
/// Failed views that still widen the tolerance of time; 1.1^80 is about 2000.
pub(crate) const TOLERANCE_STEPS_MAX: u32 = 80;
/// Slots whose own votes are sent again at a time at most.
pub(crate) const RESENT_SLOTS: usize = 64;
/// D22: how often a peer is shown again what it was shown when its link came up.
pub(crate) const REMINDER_REPEATS: u32 = 3;
