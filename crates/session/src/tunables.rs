//! The knobs of a client, each with a default and a reason.

use outvote_types::limits::NONCE_WINDOW;

/// How patient a client is. All times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunables {
    /// When a submission without an outcome becomes "pending". At least four windows of the replicas (R4), because a
    /// mutiny must never look like an error; 10 s is the longest window that replicas use.
    pub deadline_ms: u64,
    /// When half of this is gone, a request goes to every replica and not only to `f + 1` (R4).
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

/// The replicas' first window, of which a deadline has at least four.
const BASE_WINDOW_MS: u64 = 500;

impl Tunables {
    /// The same, with every value inside the limits that the protocol sets.
    #[must_use]
    pub fn sane(mut self) -> Self {
        self.deadline_ms = self.deadline_ms.max(4 * BASE_WINDOW_MS);
        self.in_flight = self.in_flight.clamp(1, NONCE_WINDOW);
        self.retransmit_ms = self.retransmit_ms.max(10);
        self.retransmit_max_ms = self.retransmit_max_ms.max(self.retransmit_ms);
        self
    }
}
