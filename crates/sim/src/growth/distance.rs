//! How long a frame is on its way.

/// The five regions, in the order in which replicas and clients are dealt out to them.
pub const REGIONS: [&str; 5] = ["Washington", "Frankfurt", "Sao Paulo", "Tokyo", "Sydney"];

/// Round trips between two regions, milliseconds, and between two sites of one region on the diagonal.
///
/// Source: averages that IBM Cloud published for its own backbone ("Inter-region latency", 27 July to 25 August 2024, in the
/// documentation of its virtual private cloud); two directions that differ by some milliseconds are one here. Half of a round trip
/// is taken as the way there, which is an assumption, as is that nothing is lost and nothing jitters.
const ROUND_TRIPS_MS: [[u64; 5]; 5] = [
    [2, 91, 118, 165, 214],
    [91, 2, 197, 233, 250],
    [118, 197, 2, 284, 328],
    [165, 233, 284, 2, 115],
    [214, 250, 328, 115, 2],
];

/// How far replicas and clients are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Everybody is as far from everybody: a frame takes so many microseconds.
    Even {
        /// One way.
        one_way_us: u64,
    },
    /// Replica `i` and client `i` are in region `i mod 5` of [`REGIONS`].
    Regions,
}

impl Distance {
    /// Where the actor with this number is.
    #[must_use]
    pub const fn region(self, number: usize) -> usize {
        match self {
            Self::Even { .. } => 0,
            Self::Regions => number % REGIONS.len(),
        }
    }

    /// How many places there are.
    #[must_use]
    pub const fn regions(self) -> usize {
        match self {
            Self::Even { .. } => 1,
            Self::Regions => REGIONS.len(),
        }
    }

    /// The way from one place to another, nanoseconds.
    #[must_use]
    pub const fn one_way_ns(self, from: usize, to: usize) -> u64 {
        match self {
            Self::Even { one_way_us } => one_way_us * 1_000,
            Self::Regions => ROUND_TRIPS_MS[from][to] * 1_000_000 / 2,
        }
    }
}
