//! What is measured, and for how long.

use std::time::Duration;

/// Bytes of an operation, for everybody.
pub(crate) const PAYLOAD_BYTES: usize = 256;
/// The open loop's share of what a system does at most.
pub(crate) const STEADY_SHARE: f64 = 0.7;

/// What is measured, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How often all systems take their turn.
    pub rounds: usize,
    /// How long a load runs before it is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub measured: Duration,
    /// Leaders killed of each system in a round.
    pub kills: usize,
    /// Only systems that are called so; all if empty.
    pub only: Vec<String>,
    /// Whether it is short.
    pub is_quick: bool,
}

impl Plan {
    /// Five rounds: half an hour.
    #[must_use]
    pub fn full() -> Self {
        Self {
            rounds: 5,
            warm_up: Duration::from_secs(2),
            measured: Duration::from_secs(5),
            kills: 2,
            only: Vec::new(),
            is_quick: false,
        }
    }

    /// One round, with rough figures.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            rounds: 1,
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(3),
            is_quick: true,
            ..Self::full()
        }
    }
}
