//! One direction of one connection.

use crate::control::{Settings, Shared};
use crate::random::Random;
use crate::weather::{Direction, Flow, Weather};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Bytes read at once at most.
const READ_BYTES: usize = 16 * 1024;
/// Bytes on their way in one direction of one connection at most; beyond it reading waits.
const QUEUED_BYTES_MAX: usize = 4 << 20;
/// A bounded rate is kept to within this part of a second.
const PACES_PER_SECOND: u64 = 50;

/// Why a direction ended early: the connection is to be reset.
pub(crate) struct Broken;

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Bytes read together, and when they may leave.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    sent: usize,
}

/// Moves bytes from `reader` to `writer` until the end of the stream.
pub(crate) struct Pump<'a> {
    shared: &'a Shared,
    direction: Direction,
    settings: watch::Receiver<Settings>,
    random: Random,
    queue: VecDeque<Piece>,
    queued: usize,
    /// Bytes up to the next flipped bit.
    until_flip: Option<u64>,
    has_swallowed: bool,
    begun: Instant,
}

impl<'a> Pump<'a> {
    pub(crate) fn new(shared: &'a Shared, direction: Direction, seed: u64) -> Self {
        Self {
            shared,
            direction,
            settings: shared.settings.clone(),
            random: Random::new(seed),
            queue: VecDeque::new(),
            queued: 0,
            until_flip: None,
            has_swallowed: false,
            begun: Instant::now(),
        }
    }

    /// Runs until all bytes and the end of the stream were passed on.
    pub(crate) async fn run(
        mut self,
        mut reader: ReadHalf<'_>,
        mut writer: WriteHalf<'_>,
    ) -> Result<(), Broken> {
        let mut buffer = vec![0; READ_BYTES];
        let mut is_over = false;
        loop {
            let weather = *self.settings.borrow_and_update().line.weather(self.direction);
            if self.has_swallowed && weather.flow != Flow::Swallowed {
                return Err(Broken);
            }
            if is_over && self.queue.is_empty() {
                return Ok(writer.shutdown().await?);
            }
            // A swallowed stream keeps its connection, whatever its ends do: a hole says nothing.
            let reads = !is_over
                && match weather.flow {
                    Flow::Open => self.queued < QUEUED_BYTES_MAX,
                    Flow::Stalled => false,
                    Flow::Swallowed => true,
                };
            let next = self.queue.front().filter(|_| weather.flow == Flow::Open);
            let next = next.map(|piece| (piece, self.leaves_at(piece, &weather)));
            let writes = next.is_some();
            let write = async {
                let Some((piece, at)) = next else { return Ok(0) };
                sleep_until(at).await;
                let rest = &piece.bytes[piece.sent..];
                writer.write(&rest[..rest.len().min(segment(&weather))]).await
            };
            tokio::select! {
                // A dropped control changes nothing any more.
                changed = self.settings.changed() => if changed.is_err() { return Err(Broken) },
                read = reader.read(&mut buffer), if reads => match read? {
                    0 => is_over = true,
                    count => self.take(&buffer[..count], &weather),
                },
                written = write, if writes => self.passed(written?, &weather),
            }
        }
    }

    /// Bytes came in.
    fn take(&mut self, bytes: &[u8], weather: &Weather) {
        if weather.flow == Flow::Swallowed {
            self.has_swallowed = true;
            self.shared.counters.swallowed.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            return;
        }
        let mut bytes = bytes.to_vec();
        if let Some(mean) = weather.flip_every {
            self.flip(&mut bytes, mean);
        }
        let mut due = Instant::now() + self.random.delay(weather.delay);
        if let Some(period) = weather.lump {
            due = self.next_lump(due, period);
        }
        self.queued += bytes.len();
        self.queue.push_back(Piece { due, bytes, sent: 0 });
    }

    fn flip(&mut self, bytes: &mut [u8], mean: u64) {
        let mut at = self.until_flip.take().unwrap_or_else(|| self.random.gap(mean));
        while let Some(byte) = usize::try_from(at - 1).ok().and_then(|index| bytes.get_mut(index)) {
            *byte ^= 1 << (self.random.next() % 8);
            self.shared.counters.flipped.fetch_add(1, Ordering::Relaxed);
            at = at.saturating_add(self.random.gap(mean));
        }
        self.until_flip = Some(at - bytes.len() as u64);
    }

    /// The first moment of a lump from `due` on.
    fn next_lump(&self, due: Instant, period: Duration) -> Instant {
        let period_ns = period.as_nanos().max(1);
        let passed = due.saturating_duration_since(self.begun).as_nanos();
        let late = u64::try_from((period_ns - passed % period_ns) % period_ns).unwrap_or(0);
        due + Duration::from_nanos(late)
    }

    fn leaves_at(&self, piece: &Piece, weather: &Weather) -> Instant {
        let free_at = weather.bytes_per_second.and_then(|_| self.shared.free_at(self.direction));
        free_at.map_or(piece.due, |free_at| free_at.max(piece.due))
    }

    /// So many bytes of the first piece went out.
    fn passed(&mut self, count: usize, weather: &Weather) {
        let counters = &self.shared.counters;
        counters.bytes[self.direction as usize].fetch_add(count as u64, Ordering::Relaxed);
        counters.segments.fetch_add(1, Ordering::Relaxed);
        if let Some(rate) = weather.bytes_per_second {
            self.shared.occupy(self.direction, count, rate);
        }
        self.queued -= count;
        if let Some(piece) = self.queue.front_mut() {
            piece.sent += count;
            if piece.sent == piece.bytes.len() {
                self.queue.pop_front();
            }
        }
    }
}

/// Bytes of one write at most.
fn segment(weather: &Weather) -> usize {
    let paced =
        weather.bytes_per_second.map(|rate| usize::try_from(rate / PACES_PER_SECOND).unwrap_or(usize::MAX));
    weather.slice.unwrap_or(usize::MAX).min(paced.unwrap_or(usize::MAX)).max(1)
}
