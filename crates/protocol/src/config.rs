//! What a replica is told once, when it starts.

use outvote_types::{Committee, ReplicaId};

/// Who this replica is and how it is tuned.
#[derive(Clone, Debug)]
pub struct Config {
    /// The committee; all members hold the same.
    pub committee: Committee,
    /// This replica's index in it.
    pub me: ReplicaId,
    /// Local tuning; no choice in it can break agreement.
    pub tunables: Tunables,
}

/// Local tuning. Members may differ in it: safety never depends on it.
#[derive(Clone, Debug)]
pub struct Tunables {
    /// A batch is cut when it holds this many requests.
    pub batch_count_max: usize,
    /// Under load a batch may hold so many times as much; 1 for never.
    pub batch_growth: usize,
    /// A batch is cut when it holds this many bytes.
    pub batch_bytes_max: usize,
    /// A batch is cut when its oldest request waited this long and the pipeline is not idle, microseconds.
    pub linger_us: u64,
    /// Proposed and not yet committed blocks at most (K).
    pub in_flight_max: u64,
    /// The base of the view timeout (T0), microseconds.
    pub timeout_base_us: u64,
    /// The view timeout's ceiling, microseconds.
    pub timeout_max_us: u64,
    /// Requests in the pool at most; more are refused as busy.
    pub pool_requests_max: usize,
    /// Bytes in the pool at most.
    pub pool_bytes_max: usize,
    /// Committed and not yet executed blocks at most before proposals pause (E).
    pub execution_lag_max: u64,
    /// The tolerance of a header's time into the past (D), microseconds.
    pub time_behind_us: u64,
    /// The tolerance of a header's time into the future (P), microseconds.
    pub time_ahead_us: u64,
    /// How far ahead of need the vote lease is extended (L).
    pub lease_slots: u64,
}

impl Default for Tunables {
    fn default() -> Self {
        Self {
            batch_count_max: 50,
            batch_growth: 16,
            batch_bytes_max: 1024 * 1024,
            linger_us: 1_000,
            in_flight_max: 8,
            timeout_base_us: 500_000,
            timeout_max_us: 10_000_000,
            pool_requests_max: 8_192,
            pool_bytes_max: 16 * 1024 * 1024,
            execution_lag_max: 256,
            time_behind_us: 500_000,
            time_ahead_us: 100_000,
            lease_slots: 256,
        }
    }
}
