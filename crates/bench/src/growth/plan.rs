//! What is measured, and for how long.

use std::time::Duration;

/// The series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Growth {
    /// Up to a hundred members, in the simulator.
    Simulated,
    /// Members, as processes.
    Members,
    /// Bytes of an operation.
    Payload,
    /// Requests in a batch.
    Batch,
    /// Clients.
    Clients,
    /// Operations that were ever executed.
    History,
    /// A replica that lost its disk.
    CatchUp,
}

impl Growth {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 7] = [
        Self::Simulated,
        Self::Members,
        Self::Payload,
        Self::Batch,
        Self::Clients,
        Self::History,
        Self::CatchUp,
    ];

    /// What `--only` calls it, and its file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Members => "members",
            Self::Payload => "payload",
            Self::Batch => "batch",
            Self::Clients => "clients",
            Self::History => "history",
            Self::CatchUp => "catch-up",
        }
    }

    /// The one that is called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|series| series.name() == name)
    }
}

/// What is measured, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which series.
    pub series: Vec<Growth>,
    /// Whether points are few and short.
    pub is_quick: bool,
    /// How long a load runs before it is measured.
    pub warm_up: Duration,
    /// How long each point is measured.
    pub measured: Duration,
    /// Operations of the history.
    pub operations: u64,
    /// How often a replica is restarted at its end.
    pub restarts: usize,
    /// How long the load of the catch-up ran when the replica is wiped.
    pub missed: Duration,
    /// Operations a second of that load; an eighth of the most that there is unless given.
    pub rate: Option<u32>,
    /// How it was asked for.
    pub command: String,
}

impl Plan {
    /// All points, ten seconds each, and ten million operations: some hours.
    #[must_use]
    pub fn full() -> Self {
        Self {
            series: Growth::ALL.to_vec(),
            is_quick: false,
            warm_up: Duration::from_secs(3),
            measured: Duration::from_secs(10),
            operations: 10_000_000,
            restarts: 5,
            missed: Duration::from_secs(300),
            rate: None,
            command: String::new(),
        }
    }

    /// Fewer and shorter points, with rough figures: minutes.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            is_quick: true,
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(3),
            operations: 100_000,
            restarts: 1,
            missed: Duration::from_secs(20),
            ..Self::full()
        }
    }

    fn chosen<const N: usize, const M: usize>(&self, all: [usize; N], quick: [usize; M]) -> Vec<usize> {
        if self.is_quick { quick.to_vec() } else { all.to_vec() }
    }

    /// Members of the series of that name.
    #[must_use]
    pub fn members(&self) -> Vec<usize> {
        self.chosen([4, 7, 10, 16, 31], [4, 7, 16, 31])
    }

    /// Members of simulated clusters.
    #[must_use]
    pub fn simulated(&self) -> Vec<usize> {
        self.chosen([4, 7, 10, 16, 31, 64, 100], [4, 7, 16, 31])
    }

    /// Bytes of an operation's value.
    #[must_use]
    pub fn payloads(&self) -> Vec<usize> {
        self.chosen([0, 64, 256, 1_024, 4_096, 16_384, 65_536], [0, 256, 4_096, 65_536])
    }

    /// Requests in a batch at most; 0 for the default, which grows under load.
    #[must_use]
    pub fn batches(&self) -> Vec<usize> {
        self.chosen([0, 1, 8, 50, 256, 1_024, 4_096], [0, 1, 50, 1_024, 4_096])
    }

    /// Clients.
    #[must_use]
    pub fn clients(&self) -> Vec<usize> {
        self.chosen([1, 4, 16, 64, 256, 1_024, 4_096], [1, 16, 256, 4_096])
    }
}
