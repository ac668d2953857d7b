//! What is simulated.

use super::{Distance, Prices};
use outvote_replica::Tunables;

/// One replica's machine; all are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Cores.
    pub cores: usize,
    /// What work costs on one of them.
    pub prices: Prices,
    /// How long the disk takes for one sync, microseconds; what waits meanwhile goes with the next.
    pub sync_us: u64,
    /// What the machine sends at most, megabits a second. A broadcast goes out one copy after another.
    pub egress_mbit_per_s: u64,
}

impl Hardware {
    /// A machine that costs no time at all: what is left is the way of the messages.
    pub const WEIGHTLESS: Self =
        Self { cores: 1, prices: Prices::NOTHING, sync_us: 0, egress_mbit_per_s: u64::MAX };

    /// How long a frame of so many bytes holds the line, nanoseconds.
    #[must_use]
    pub const fn egress_ns(&self, bytes: u64) -> u64 {
        (bytes * 8).saturating_mul(1_000) / self.egress_mbit_per_s
    }
}

impl Default for Hardware {
    /// Four cores, a disk that syncs in a millisecond, ten gigabits a second.
    fn default() -> Self {
        Self { cores: 4, prices: Prices::default(), sync_us: 1_000, egress_mbit_per_s: 10_000 }
    }
}

/// What is simulated: who is there, how far apart, on what machines, and who asks for what.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Replicas.
    pub replicas: usize,
    /// How far apart.
    pub distance: Distance,
    /// Their machines.
    pub hardware: Hardware,
    /// Their tuning.
    pub tunables: Tunables,
    /// Clients, each with a key of its own, on machines that cost nothing.
    pub clients: usize,
    /// Requests of each client under way.
    pub in_flight: usize,
    /// Bytes of an operation; a request holds one.
    pub payload_bytes: usize,
    /// Over how long clients begin one after another, milliseconds: replicas let wait what they order within a while, and must
    /// learn how much that is.
    pub ramp_ms: u64,
    /// Blocks that commit at the first replica before anything is counted.
    pub warm_up_blocks: u64,
    /// How long it takes at least until anything is counted, milliseconds.
    pub warm_up_ms: u64,
    /// Blocks that are counted.
    pub measured_blocks: u64,
    /// When it ends whatever came of it, milliseconds of the simulated time.
    pub limit_ms: u64,
}

impl Scenario {
    /// One client with one request under way: what a single operation costs, and how long it takes.
    #[must_use]
    pub fn alone(replicas: usize, distance: Distance, hardware: Hardware) -> Self {
        Self {
            replicas,
            distance,
            hardware,
            tunables: Tunables::default(),
            clients: 1,
            in_flight: 1,
            payload_bytes: 256,
            ramp_ms: 0,
            warm_up_blocks: 10,
            warm_up_ms: 0,
            measured_blocks: 20,
            limit_ms: 120_000,
        }
    }

    /// 4,096 clients: as many as make the largest blocks while a pipeline is full of them. Of large clusters fewer blocks are
    /// looked at; each is a hundred thousand messages.
    #[must_use]
    pub fn crowded(replicas: usize, distance: Distance, hardware: Hardware) -> Self {
        let (measured_blocks, hurry) = if replicas > 31 { (24, 2) } else { (60, 1) };
        let warm_up_ms = match distance {
            Distance::Even { .. } => 2_000 / hurry,
            Distance::Regions => 6_000 / hurry,
        };
        Self {
            clients: 4_096,
            ramp_ms: warm_up_ms / 2,
            warm_up_ms,
            measured_blocks,
            ..Self::alone(replicas, distance, hardware)
        }
    }
}
