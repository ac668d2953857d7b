//! The only thread that writes the log: it takes all groups that wait, writes them with one write and one sync, and says
//! so to the core. Nothing else waits for the disk, and no heartbeat shares this thread.

use crate::core_thread::CoreEvent;
use crate::disk_watch::{DiskWatch, Writer};
use crate::error::NodeError;
use crate::inbox::CoreSender;
use outvote_replica::Event;
use outvote_replica::{Record, Ticket};
use outvote_storage::{Log, Position, RealDisk};
use outvote_types::{Phase, Sequence, encode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The storage kind of every record that is not a promise; the record's own tag is in its bytes.
pub(crate) const RECORD: u8 = 1;

/// How long records that nobody waits for may wait for a sync of their own.
const PATIENCE: Duration = Duration::from_millis(20);
/// How many bytes of them may.
const PATIENT_BYTES_MAX: usize = 4 << 20;
/// How long the thread sleeps when nothing is pending.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Whether no message ever waits for this record alone: a block waits for its prepare certificate, which comes with a
/// promise and takes the block along in the same sync; a commit certificate is its voters' promise, not ours. So the way to
/// a commit has one sync, not three.
fn is_patient(record: &Record) -> bool {
    match record {
        Record::Block(_) => true,
        Record::Certificate(certificate) => certificate.phase == Phase::Commit,
        _ => false,
    }
}

/// What the log thread is asked for. The queue is bounded by the core, which goes no further than its window beyond what
/// is durable.
pub(crate) enum LogJob {
    /// Append and sync.
    Write {
        /// The group's name.
        ticket: Ticket,
        /// Its records.
        records: Vec<Record>,
    },
    /// Everything below this sequence is executed, durable in the state, and no longer kept for peers.
    Release {
        /// The lowest block that must stay.
        below: Sequence,
    },
    /// Sync what is pending and end.
    Stop,
}

/// The log and what the thread remembers of it.
pub(crate) struct LogThread {
    log: Log<RealDisk>,
    /// Where the first record that belongs to a block lies, for truncation; one entry per block.
    blocks: BTreeMap<Sequence, Position>,
    core: CoreSender,
    watch: Arc<DiskWatch>,
    /// The last group that was appended and not synced, and since when such groups wait.
    unsynced: Option<(Ticket, Instant)>,
}

impl LogThread {
    /// `blocks` are the positions of the blocks that recovery read.
    pub(crate) fn new(
        log: Log<RealDisk>,
        blocks: BTreeMap<Sequence, Position>,
        core: CoreSender,
        watch: Arc<DiskWatch>,
    ) -> Self {
        Self { log, blocks, core, watch, unsynced: None }
    }

    /// Runs until told to stop, or until the disk fails: then the node stops, for a failed sync is never tried again.
    pub(crate) fn run(mut self, jobs: &Receiver<LogJob>) -> Result<(), NodeError> {
        loop {
            let mut group = match jobs.recv_timeout(self.sleep()) {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            group.extend(jobs.try_iter());
            let watch = Arc::clone(&self.watch);
            let is_stopping = watch.during(Writer::Log, || self.write(group))?;
            if is_stopping {
                return Ok(());
            }
        }
    }

    /// Does what was asked for; nothing asked means that what waits has waited long enough. Whether the end was asked for.
    fn write(&mut self, group: Vec<LogJob>) -> Result<bool, NodeError> {
        let mut must_sync = group.is_empty();
        let mut is_stopping = false;
        for job in group {
            match job {
                LogJob::Write { ticket, records } => {
                    records.iter().try_for_each(|record| self.append(record))?;
                    must_sync |= !records.iter().all(is_patient);
                    let since = self.unsynced.map_or_else(Instant::now, |(_, since)| since);
                    self.unsynced = Some((ticket, since));
                }
                LogJob::Release { below } => self.release(below)?,
                LogJob::Stop => is_stopping = true,
            }
        }
        if must_sync || is_stopping || self.log.pending_bytes() >= PATIENT_BYTES_MAX {
            self.sync()?;
        }
        if is_stopping {
            // A clean stop: damage to the last group is damage from now on, and no torn tail.
            self.log.seal()?;
        }
        Ok(is_stopping)
    }

    fn sleep(&self) -> Duration {
        self.unsynced.map_or(LONGEST_SLEEP, |(_, since)| PATIENCE.saturating_sub(since.elapsed()))
    }

    /// D6, D20: one sync covers every group that waited; tickets rise, so the last one speaks for all.
    fn sync(&mut self) -> Result<(), NodeError> {
        if let Some((ticket, _)) = self.unsynced.take() {
            self.log.sync()?;
            // The core is gone only when the node stops.
            let _ = self.core.send(CoreEvent::replica(Event::Durable(ticket)));
        }
        Ok(())
    }

    fn append(&mut self, record: &Record) -> Result<(), NodeError> {
        if let Record::Promise(promise) = record {
            self.log.promise(&encode(promise))?;
            return Ok(());
        }
        let position = self.log.append(RECORD, &encode(record))?;
        if let Record::Block(block) = record {
            self.blocks.entry(block.header.body.sequence).or_insert(position);
        }
        Ok(())
    }

    /// Drops whole segments that hold only records older than the block at `below`.
    fn release(&mut self, below: Sequence) -> Result<(), NodeError> {
        self.blocks = self.blocks.split_off(&below);
        if let Some(position) = self.blocks.values().min().copied() {
            self.log.truncate_before(position)?;
        }
        Ok(())
    }
}
