//! What can be set.

use std::net::SocketAddr;
use std::time::Duration;

/// Seen from whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connects to the target.
    There,
    /// From the target to whoever connects.
    Back,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::There, Self::Back];
}

/// How late bytes are. Their order stays: what comes after a late piece is as late.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Delay {
    /// Not at all.
    #[default]
    None,
    /// Each piece by as much.
    Fixed(Duration),
    /// Each piece by something between these, all alike likely.
    Uniform(Duration, Duration),
    /// Mostly by little more than `least`, sometimes by much (Pareto).
    HeavyTail {
        /// No piece is earlier.
        least: Duration,
        /// The smaller, the longer the tail: 1.2 is heavy, 3 is light.
        shape: f64,
        /// No piece is later.
        most: Duration,
    },
}

/// Whether bytes travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They do.
    #[default]
    Open,
    /// They wait, and so does soon whoever sends: one side of a partition. Nothing is lost when it opens again.
    Stalled,
    /// They are taken and thrown away. A connection that lost some is reset when this ends, since its bytes are none any
    /// more.
    Swallowed,
}

/// How bytes travel in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// How late they are.
    pub delay: Delay,
    /// Whether they travel at all.
    pub flow: Flow,
    /// Bytes of a segment at most; 1 for single bytes.
    pub slice: Option<usize>,
    /// Bytes are held back and sent in lumps, so much time apart.
    pub lump: Option<Duration>,
    /// Bytes a second at most, of all connections together.
    pub bytes_per_second: Option<u64>,
    /// One bit is flipped every so many bytes on average.
    pub flip_every: Option<u64>,
}

impl Weather {
    /// The same with another flow.
    #[must_use]
    pub const fn flowing(self, flow: Flow) -> Self {
        Self { flow, ..self }
    }

    /// Fair but for a delay.
    #[must_use]
    pub fn late(delay: Delay) -> Self {
        Self { delay, ..Self::default() }
    }
}

/// The whole link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Where connections are passed on to. A change resets those that are there.
    pub target: SocketAddr,
    /// New connections are reset at once. Those that are there are reset when this begins.
    pub is_down: bool,
    /// No connection lives longer before it is reset.
    pub reset_after: Option<Duration>,
    /// Bytes on their way there.
    pub there: Weather,
    /// Bytes on their way back.
    pub back: Weather,
}

impl Line {
    /// A fair link to this target.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let fair = Weather::default();
        Self { target, is_down: false, reset_after: None, there: fair, back: fair }
    }

    /// A direction's weather.
    #[must_use]
    pub const fn weather(&self, direction: Direction) -> &Weather {
        match direction {
            Direction::There => &self.there,
            Direction::Back => &self.back,
        }
    }

    pub(crate) const fn weather_mut(&mut self, direction: Direction) -> &mut Weather {
        match direction {
            Direction::There => &mut self.there,
            Direction::Back => &mut self.back,
        }
    }
}
