//! The knobs of a client, each with a default and a reason.

use outvote_types::limits::NONCE_WINDOW;

/// How patient a client is. All times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunables {
    /// When a submission without an outcome becomes "pending", or later: after four windows if the replicas' window has grown
    /// so long (R4), because a mutiny must never look like an error.
    pub deadline_ms: u64,
    /// When half of this is gone, a request goes to every replica and not only to `f + 1`; never within one window (R4).
    pub patience_ms: u64,
    /// The first pause before a request is sent again; doubles up to [`Tunables::retransmit_max_ms`].
    pub retransmit_ms: u64,
    /// The longest pause between two sendings of a request.
    pub retransmit_max_ms: u64,
    /// The longest that a replica's "busy" is believed, so that no liar postpones a request for good.
    pub busy_max_ms: u64,
    /// How long a query waits for `f + 1` equal answers before it is ordered like an operation.
    pub query_patience_ms: u64,
    /// How long the question where a session stands waits for more than `n - f` answers.
    pub standing_grace_ms: u64,
    /// Requests of one session in flight at most; never above [`NONCE_WINDOW`], beyond which replicas hold nothing.
    pub in_flight: u64,
    /// Feeds the jitter of retries. Give each process its own, so that clients refused together do not return together.
    pub seed: u64,
}

impl Default for Tunables {
    fn default() -> Self {
        Self {
            deadline_ms: 10_000,
            patience_ms: 1_500,
            retransmit_ms: 1_000,
            retransmit_max_ms: 4_000,
            busy_max_ms: 2_000,
            query_patience_ms: 600,
            standing_grace_ms: 250,
            in_flight: NONCE_WINDOW,
            seed: 0,
        }
    }
}

/// The replicas' first window (`T0`).
pub(crate) const BASE_WINDOW_MS: u64 = 500;
/// Their longest (`T_MAX`): more is not believed of anybody.
pub(crate) const WINDOW_MAX_MS: u64 = 10_000;
/// A deadline is at least so many windows.
const DEADLINE_WINDOWS: u64 = 4;
/// Patience is at least so many windows.
const PATIENCE_WINDOWS: u64 = 2;

impl Tunables {
    /// The same, with every value inside the limits that the protocol sets.
    #[must_use]
    pub fn sane(mut self) -> Self {
        self.in_flight = self.in_flight.clamp(1, NONCE_WINDOW);
        self.retransmit_ms = self.retransmit_ms.max(10);
        self.retransmit_max_ms = self.retransmit_max_ms.max(self.retransmit_ms);
        self
    }

    /// R4: the deadline while the replicas' window is this long.
    pub(crate) fn deadline_in(&self, window_ms: u64) -> u64 {
        self.deadline_ms.max(DEADLINE_WINDOWS * window_ms)
    }

    /// R4: the patience while the replicas' window is this long.
    pub(crate) fn patience_in(&self, window_ms: u64) -> u64 {
        self.patience_ms.max(PATIENCE_WINDOWS * window_ms)
    }
}
