//! The settings, and what was counted.

use crate::weather::{Direction, Line, Weather};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;

/// What a proxy has seen since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections taken.
    pub accepted: u64,
    /// Connections there now.
    pub open: u64,
    /// Connections reset by the proxy.
    pub resets: u64,
    /// Bytes passed on to the target.
    pub bytes_there: u64,
    /// Bytes passed on to whoever connected.
    pub bytes_back: u64,
    /// Bytes thrown away.
    pub swallowed: u64,
    /// Bits flipped.
    pub flipped: u64,
    /// Writes that these bytes took.
    pub segments: u64,
}

/// The counters behind [`Counts`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicU64,
    pub(crate) resets: AtomicU64,
    pub(crate) bytes: [AtomicU64; 2],
    pub(crate) swallowed: AtomicU64,
    pub(crate) flipped: AtomicU64,
    pub(crate) segments: AtomicU64,
}

/// What each connection looks at: the line, and how often it was told to reset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) line: Line,
    /// Connections begun under an older number are reset.
    pub(crate) generation: u64,
}

/// What the connections of a proxy share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: watch::Receiver<Settings>,
    pub(crate) counters: Arc<Counters>,
    /// From when on each direction may carry more.
    pub(crate) free_at: [Mutex<Option<Instant>>; 2],
}

/// Changes a proxy's line live. Cheap to clone; outlives the proxy, and does nothing then.
#[derive(Clone, Debug)]
pub struct Control {
    settings: Arc<watch::Sender<Settings>>,
    counters: Arc<Counters>,
}

impl Control {
    pub(crate) fn new(line: Line) -> (Self, Shared) {
        let (sender, settings) = watch::channel(Settings { line, generation: 0 });
        let counters = Arc::new(Counters::default());
        let shared = Shared { settings, counters: Arc::clone(&counters), free_at: Default::default() };
        (Self { settings: Arc::new(sender), counters }, shared)
    }

    /// The line as it is set now.
    #[must_use]
    pub fn line(&self) -> Line {
        self.settings.borrow().line
    }

    /// Changes the line. If it goes down or elsewhere, the connections that are there are reset.
    pub fn change(&self, change: impl FnOnce(&mut Line)) {
        self.settings.send_modify(|settings| {
            let before = settings.line;
            change(&mut settings.line);
            let now = &settings.line;
            if now.target != before.target || (now.is_down && !before.is_down) {
                settings.generation += 1;
            }
        });
    }

    /// Sets one direction's weather.
    pub fn set(&self, direction: Direction, weather: Weather) {
        self.change(|line| *line.weather_mut(direction) = weather);
    }

    /// Sets both directions' weather.
    pub fn set_both(&self, weather: Weather) {
        self.change(|line| {
            line.there = weather;
            line.back = weather;
        });
    }

    /// Makes the line fair again, to the target that it has.
    pub fn heal(&self) {
        self.change(|line| *line = Line::to(line.target));
    }

    /// Resets the connections that are there.
    pub fn reset(&self) {
        self.settings.send_modify(|settings| settings.generation += 1);
    }

    /// Passes new connections on to this target, and resets the others.
    pub fn retarget(&self, target: SocketAddr) {
        self.change(|line| line.target = target);
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        Counts {
            accepted: of(&counters.accepted),
            open: of(&counters.open),
            resets: of(&counters.resets),
            bytes_there: of(&counters.bytes[Direction::There as usize]),
            bytes_back: of(&counters.bytes[Direction::Back as usize]),
            swallowed: of(&counters.swallowed),
            flipped: of(&counters.flipped),
            segments: of(&counters.segments),
        }
    }
}

impl Shared {
    /// From when on this direction may carry more; now, if it may at once.
    pub(crate) fn free_at(&self, direction: Direction) -> Option<Instant> {
        *self.free_at[direction as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes were sent at a bounded rate.
    pub(crate) fn occupy(&self, direction: Direction, bytes: usize, bytes_per_second: u64) {
        let mut free_at = self.free_at[direction as usize].lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let from = free_at.map_or(now, |free_at| free_at.max(now));
        let seconds = bytes as f64 / bytes_per_second.max(1) as f64;
        *free_at = Some(from + std::time::Duration::from_secs_f64(seconds));
    }
}
