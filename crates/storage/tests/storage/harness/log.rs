//! The log: appended groups, promises, seals, new segments, truncation.

use super::{SharedDisk, Subject};
use outvote_storage::{Entry, Log, LogOptions, Position, Promises, StorageError};

/// Whose log it is.
pub const IDENTITY: [u8; 32] = [9; 32];
/// Small segments, so that short workloads cross their borders.
pub const OPTIONS: LogOptions = LogOptions { segment_bytes: 4096, group_max_bytes: 1 << 20 };
const SMALL: usize = 20;
const LARGE: usize = 3_600;

/// What can be asked of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A record of a few bytes.
    Small,
    /// A record that fills most of a segment.
    Large,
    /// A promise.
    Promise,
    /// All so far made durable.
    Sync,
    /// All before the last record dropped.
    Truncate,
    /// A clean end.
    Seal,
    /// A promise and a record in one group, synced.
    Group,
}

/// What was asked for, and what was acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Every record ever appended that a recovery has not dropped; each is unique.
    appended: Vec<Vec<u8>>,
    acknowledged: usize,
    promises: Vec<(u64, Vec<u8>)>,
    acknowledged_promise: u64,
    /// Records before this one were dropped for certain; and may have been, when a truncation was interrupted.
    truncated: usize,
    truncating: usize,
    /// The lowest index that the next record may get: indexes of acknowledged records never come again (S22).
    next_index: u64,
    serial: u64,
}

impl Model {
    fn payload(&mut self, length: usize) -> Vec<u8> {
        self.serial += 1;
        let mut payload = self.serial.to_le_bytes().to_vec();
        payload.extend((0..length).map(|byte| (byte as u64 * 31 + self.serial) as u8));
        payload
    }
}

/// A log and where its last record is.
#[derive(Debug)]
pub struct LogSubject {
    log: Log<SharedDisk>,
    last: Option<(Position, usize)>,
}

impl LogSubject {
    fn synced(&self, model: &mut Model) {
        model.acknowledged = model.appended.len();
        model.acknowledged_promise = model.promises.last().map_or(0, |(counter, _)| *counter);
        model.next_index = self.log.next_index();
    }

    /// On a disk that lied once, in a log that was closed in order: what is found was appended, in order; what was
    /// acknowledged and is not found is named; and the last promise holds.
    pub fn check_on_a_lying_disk(&self, model: &Model) -> Result<(), String> {
        let (mut wanted, mut found, mut named) = (model.appended.iter(), 0, 0);
        for entry in self.log.records() {
            match entry.map_err(|error| error.to_string())? {
                Entry::Record(record) if wanted.any(|other| *other == record.payload) => found += 1,
                Entry::Record(record) => {
                    return Err(format!("record {} was invented or moved", record.position.index));
                }
                Entry::Damage(damage) => named += (damage.missing.end - damage.missing.start) as usize,
            }
        }
        let needed = model.appended.len() - model.truncated;
        if found + named < needed {
            return Err(format!("{found} records found and {named} named, of {needed}"));
        }
        match self.log.promises() {
            Promises::Held(held) if held.counter < model.acknowledged_promise => {
                Err(format!("promise {} was revived", held.counter))
            }
            Promises::Held(held) if !model.promises.contains(&(held.counter, held.payload.clone())) => {
                Err(format!("promise {} was invented", held.counter))
            }
            _ => Ok(()),
        }
    }

    fn append(&mut self, model: &mut Model, length: usize) -> Result<(), StorageError> {
        let payload = model.payload(length);
        model.appended.push(payload.clone());
        self.last = Some((self.log.append(3, &payload)?, model.appended.len() - 1));
        Ok(())
    }

    fn promise(&mut self, model: &mut Model) -> Result<(), StorageError> {
        let payload = model.payload(70);
        let next = model.promises.last().map_or(0, |(counter, _)| *counter) + 1;
        model.promises.push((next, payload.clone()));
        let counter = self.log.promise(&payload)?;
        if let Some(last) = model.promises.last_mut() {
            last.0 = counter;
        }
        Ok(())
    }
}

impl Subject for LogSubject {
    type Step = Step;
    type Model = Model;
    const NAME: &'static str = "log";
    const STEPS: &'static [Step] =
        &[Step::Small, Step::Large, Step::Promise, Step::Sync, Step::Truncate, Step::Seal, Step::Group];
    const CRASHES_RECOVERY: bool = true;

    fn base(disk: &SharedDisk) -> Model {
        let mut model = Model::default();
        let mut subject = Self::open(disk).unwrap();
        let first = model.payload(10);
        let counter = subject.log.init_promise(&first).unwrap();
        model.promises.push((counter, first));
        for step in [Step::Small, Step::Large, Step::Sync] {
            subject.run(&mut model, step).unwrap();
        }
        model
    }

    fn open(disk: &SharedDisk) -> Result<Self, StorageError> {
        let (log, _) = Log::open(disk.clone(), IDENTITY, OPTIONS)?;
        Ok(Self { log, last: None })
    }

    fn run(&mut self, model: &mut Model, step: Step) -> Result<(), StorageError> {
        match step {
            Step::Small => self.append(model, SMALL)?,
            Step::Large => self.append(model, LARGE)?,
            Step::Promise => self.promise(model)?,
            Step::Sync => {
                self.log.sync()?;
                self.synced(model);
            }
            Step::Seal => {
                self.log.seal()?;
                self.synced(model);
            }
            Step::Group => {
                self.append(model, SMALL)?;
                self.promise(model)?;
                self.log.sync()?;
                self.synced(model);
            }
            Step::Truncate => {
                let Some((position, before)) = self.last else {
                    // Nothing appended by this process: a sync shows at least that the log still works.
                    self.log.sync()?;
                    self.synced(model);
                    return Ok(());
                };
                model.truncating = model.truncating.max(before);
                self.log.truncate_before(position)?;
                model.truncated = model.truncating;
                self.synced(model);
            }
        }
        Ok(())
    }

    fn check(&self, model: &mut Model) -> Result<(), String> {
        let mut found = Vec::new();
        for entry in self.log.records() {
            match entry.map_err(|error| error.to_string())? {
                Entry::Record(record) => {
                    let again = self.log.read(record.position).map_err(|error| error.to_string())?;
                    if again != record {
                        return Err(format!("record {} reads in two ways", record.position.index));
                    }
                    found.push(record.payload);
                }
                Entry::Damage(damage) => return Err(format!("a crash is no damage: {damage}")),
            }
        }
        let starts = [model.truncated, model.truncating];
        let start = starts.into_iter().find(|start| model.appended[*start..].starts_with(&found));
        let start = start.ok_or_else(|| format!("{} records that were not appended so", found.len()))?;
        let end = start + found.len();
        if end < model.acknowledged {
            return Err(format!("{end} of {} acknowledged records are there", model.acknowledged));
        }
        if self.log.next_index() < model.next_index {
            return Err(format!("the next index went back to {}", self.log.next_index()));
        }
        match self.log.promises() {
            Promises::Held(held) if held.counter < model.acknowledged_promise => {
                return Err(format!("promise {} was revived", held.counter));
            }
            Promises::Held(held) if !model.promises.contains(&(held.counter, held.payload.clone())) => {
                return Err(format!("promise {} was invented", held.counter));
            }
            Promises::Held(held) => {
                model.promises.retain(|(counter, _)| *counter <= held.counter);
                model.acknowledged_promise = held.counter;
            }
            Promises::Lost(reason) => return Err(format!("a crash has lost the promises: {reason}")),
        }
        model.appended.truncate(end);
        (model.truncated, model.truncating, model.acknowledged) = (start, start, end);
        model.next_index = self.log.next_index();
        Ok(())
    }
}
