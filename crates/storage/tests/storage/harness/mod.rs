//! Every crash point of every short workload, on the real storage code: all that a workload asks of the disk is recorded by
//! the simulated one, the power goes before each of these operations in turn, and of what was not synced every small subset
//! survives. What is left is opened by the real code and must be legal.
//!
//! Used by the tests `crash_points` (a part in each run of the gate) and by the example `crash_points` (all of it, for hours
//! if wanted).
#![allow(dead_code, unreachable_pub, reason = "each user takes a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub mod flips;
pub mod log;
pub mod state;

use outvote_storage::{Crash, Disk, Fault, Piece, PieceKind, SimDisk, StorageError};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A program that keeps something on a disk, and the model of what it must keep.
pub trait Subject: Sized {
    /// What can be asked of it.
    type Step: Copy + Debug + 'static;
    /// What was asked, and what was acknowledged.
    type Model: Clone;
    /// Its name on the command line.
    const NAME: &'static str;
    /// All that can be asked of it.
    const STEPS: &'static [Self::Step];
    /// Whether each crash of a recovery is worth its time as well.
    const CRASHES_RECOVERY: bool;

    /// Puts something durable on an empty disk.
    fn base(disk: &SharedDisk) -> Self::Model;
    /// The real recovery.
    fn open(disk: &SharedDisk) -> Result<Self, StorageError>;
    /// Runs a step; what it acknowledges goes into the model.
    fn run(&mut self, model: &mut Self::Model, step: Self::Step) -> Result<(), StorageError>;
    /// What was found is legal; the model then holds just that.
    fn check(&self, model: &mut Self::Model) -> Result<(), String>;
}

/// A simulated disk that stays in the test's hands while the real code writes to it.
#[derive(Debug, Clone)]
pub struct SharedDisk(pub Arc<Mutex<SimDisk>>);

impl SharedDisk {
    /// A disk with this content.
    pub fn of(disk: SimDisk) -> Self {
        Self(Arc::new(Mutex::new(disk)))
    }

    fn lock(&self) -> MutexGuard<'_, SimDisk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of what it holds now.
    pub fn copy(&self) -> SimDisk {
        self.lock().clone()
    }

    /// Changing operations so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations()
    }

    /// Lets the operation that is so many from now go wrong.
    pub fn fail_in(&self, operations: u64, fault: Fault) {
        let mut disk = self.lock();
        let now = disk.operations();
        disk.fail_at(now + operations, fault);
    }
}

impl Disk for SharedDisk {
    fn list(&self) -> Result<Vec<String>, StorageError> {
        self.lock().list()
    }
    fn length(&self, file: &str) -> Result<u64, StorageError> {
        self.lock().length(file)
    }
    fn read_at(&self, file: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.lock().read_at(file, offset, buffer)
    }
    fn create(&mut self, file: &str) -> Result<(), StorageError> {
        self.lock().create(file)
    }
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        self.lock().write_at(file, offset, bytes)
    }
    fn truncate(&mut self, file: &str, length: u64) -> Result<(), StorageError> {
        self.lock().truncate(file, length)
    }
    fn sync_data(&mut self, file: &str) -> Result<(), StorageError> {
        self.lock().sync_data(file)
    }
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.lock().rename(from, to)
    }
    fn remove(&mut self, file: &str) -> Result<(), StorageError> {
        self.lock().remove(file)
    }
    fn sync_directory(&mut self) -> Result<(), StorageError> {
        self.lock().sync_directory()
    }
}

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Depth {
    /// Steps of a workload at most.
    pub steps: usize,
    /// Unsynced changes of which all subsets are tried.
    pub subset_changes: u64,
    /// Random choices for each sector at each point; they rise with the round.
    pub coins: u64,
    /// Of so many choices, at one the recovery is interrupted at each of its operations as well.
    pub recoveries_every: usize,
    /// Every so many workloads one is tried, beginning with the round.
    pub every: usize,
    /// Which round of a long run this is.
    pub round: u64,
}

/// What has been tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    /// Workloads.
    pub workloads: u64,
    /// Crash points: an operation at which the power went, and a choice of what survived.
    pub points: u64,
    /// Different disks that they left, each recovered from.
    pub disks: u64,
}

/// All workloads of up to so many steps, short ones first.
pub fn workloads<S: Subject>(steps: usize) -> Vec<Vec<S::Step>> {
    let mut all: Vec<Vec<S::Step>> = vec![vec![]];
    let mut last = all.clone();
    for _ in 0..steps {
        let longer = |workload: &Vec<S::Step>| {
            S::STEPS.iter().map(|step| [workload.as_slice(), &[*step]].concat()).collect::<Vec<_>>()
        };
        last = last.iter().flat_map(longer).collect();
        all.extend(last.clone());
    }
    all
}

/// What may be left of the unsynced changes.
#[derive(Debug, Clone, Copy)]
pub enum Left {
    /// One of the disk's own choices.
    Choice(Crash),
    /// All contents and lengths, but no name: the folder was never synced (S28).
    ContentsOnly,
    /// All names, but no content: files are there and empty.
    NamesOnly,
    /// All sectors of this change, but not the new length, and nothing else.
    SectorsOnly(u64),
}

impl Left {
    /// The power goes, and this is what is left.
    pub fn apply(self, disk: &mut SimDisk) {
        disk.clear_faults();
        match self {
            Self::Choice(crash) => disk.crash(crash),
            Self::ContentsOnly => disk.crash_with(|piece| piece.kind != PieceKind::Name),
            Self::NamesOnly => disk.crash_with(|piece| piece.kind == PieceKind::Name),
            Self::SectorsOnly(change) => disk.crash_with(|piece: &Piece| {
                piece.change == change && matches!(piece.kind, PieceKind::Sector(_))
            }),
        }
    }
}

/// Nothing, all, every prefix, every subset of the first few, every torn write, names without contents and the other way
/// round, and coins.
pub fn choices(disk: &SimDisk, depth: &Depth) -> Vec<Left> {
    let count = disk.unsynced_changes();
    let mut all = vec![Crash::LoseAll, Crash::KillProcess];
    all.extend((1..=count).map(Crash::Prefix));
    all.extend((1..1_u64 << count.min(depth.subset_changes)).map(Crash::Subset));
    for change in 0..count {
        // Torn at each of the first sectors, and at pages of 4 KiB.
        all.extend(
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24].map(|sectors| Crash::Torn { change, sectors }),
        );
    }
    let first = depth.round * depth.coins;
    all.extend((first..first + depth.coins).map(Crash::Random));
    let mut all: Vec<Left> = all.into_iter().map(Left::Choice).collect();
    all.extend([Left::ContentsOnly, Left::NamesOnly]);
    all.extend((0..count).map(Left::SectorsOnly));
    all
}

/// Where a run went wrong, with what plays it again.
#[derive(Debug)]
pub struct Failure(pub String);

/// Tries all crash points of one workload.
pub fn crash_workload<S: Subject>(
    number: usize,
    workload: &[S::Step],
    depth: &Depth,
    count: &mut Count,
) -> Result<(), Failure> {
    let start = SharedDisk::of(SimDisk::new());
    let model = S::base(&start);
    let start = start.copy();
    for stop_after in 0.. {
        let mut model = model.clone();
        let disk = SharedDisk::of(start.clone());
        let mut subject = S::open(&disk).map_err(|error| Failure(error.to_string()))?;
        let before = disk.operations();
        disk.fail_in(stop_after, Fault::Stop);
        // What a store writes when it ends belongs to the crash as well.
        let _ = workload.iter().try_for_each(|step| subject.run(&mut model, *step));
        drop(subject);
        let disk = disk.copy();
        let mut seen = BTreeSet::new();
        for (place, left) in choices(&disk, depth).into_iter().enumerate() {
            let mut left_disk = disk.clone();
            left.apply(&mut left_disk);
            count.points += 1;
            if !seen.insert(fingerprint(&left_disk)) {
                // Another choice has left the very same disk.
                continue;
            }
            count.disks += 1;
            let is_interrupted = S::CRASHES_RECOVERY && place % depth.recoveries_every == 0;
            let tried = recover::<S>(&left_disk, &mut model.clone(), is_interrupted, count);
            tried.map_err(|what| {
                let point = format!("workload {workload:?}, power gone at operation {stop_after}");
                let again = format!("{} {number} {} # choice {place}", S::NAME, depth.round);
                Failure(format!("{what}\n  {point}, left {left:?}\n  again: {AGAIN} {again}"))
            })?;
        }
        if disk.operations() <= before + stop_after {
            break;
        }
    }
    count.workloads += 1;
    Ok(())
}

/// What plays a workload again, followed by its subject, number and round.
const AGAIN: &str = "cargo run --release -p outvote-storage --example crash_points -- again";

/// Opens what is left, checks it, and goes on with it; also when the recovery itself is interrupted at each of its operations.
fn recover<S: Subject>(
    disk: &SimDisk,
    model: &mut S::Model,
    is_interrupted: bool,
    count: &mut Count,
) -> Result<(), String> {
    for stop_after in 0.. {
        let shared = SharedDisk::of(disk.clone());
        shared.fail_in(stop_after, Fault::Stop);
        if !is_interrupted || S::open(&shared).map(drop).is_ok() {
            break;
        }
        for crash in [Crash::LoseAll, Crash::Random(stop_after)] {
            let mut disk = shared.copy();
            disk.clear_faults();
            disk.crash(crash);
            settle::<S>(disk, &mut model.clone())?;
            count.points += 1;
        }
    }
    settle::<S>(disk.clone(), model)
}

/// What a disk holds, and whether all of it is durable.
fn fingerprint(disk: &SimDisk) -> (u64, u64) {
    let mut hasher = DefaultHasher::new();
    for name in disk.list().unwrap_or_default() {
        name.hash(&mut hasher);
        disk.content(&name).hash(&mut hasher);
    }
    (hasher.finish(), disk.unsynced_changes())
}

/// What is left is found to be legal, works on, and is found again as it was left.
fn settle<S: Subject>(disk: SimDisk, model: &mut S::Model) -> Result<(), String> {
    let disk = SharedDisk::of(disk);
    let mut subject = S::open(&disk).map_err(|error| format!("what a crash left is refused: {error}"))?;
    subject.check(model)?;
    for step in S::STEPS {
        subject.run(model, *step).map_err(|error| format!("after the recovery {step:?} fails: {error}"))?;
    }
    drop(subject);
    let mut disk = disk.copy();
    disk.crash(Crash::LoseAll);
    let subject = S::open(&SharedDisk::of(disk));
    subject.map_err(|error| format!("a second opening is refused: {error}"))?.check(model)
}

/// Every operation of a workload fails once in this way; after the first failure nothing is tried again.
pub fn fail_workload<S: Subject>(
    workload: &[S::Step],
    fault: &Fault,
    count: &mut Count,
) -> Result<(), Failure> {
    let start = SharedDisk::of(SimDisk::new());
    let model = S::base(&start);
    let start = start.copy();
    for fail_after in 0.. {
        let mut model = model.clone();
        let disk = SharedDisk::of(start.clone());
        let mut subject = S::open(&disk).map_err(|error| Failure(error.to_string()))?;
        let before = disk.operations();
        disk.fail_in(fail_after, fault.clone());
        let tried = fail_steps(&mut subject, &disk, &mut model, workload);
        drop(subject);
        let mut left = disk.copy();
        left.clear_faults();
        let tried = tried.and_then(|()| {
            [Crash::LoseAll, Crash::KillProcess, Crash::Random(fail_after)].into_iter().try_for_each(
                |crash| {
                    let mut left = left.clone();
                    left.crash(crash);
                    count.points += 1;
                    settle::<S>(left, &mut model.clone())
                },
            )
        });
        tried.map_err(|what| {
            Failure(format!("{what}\n  {} {workload:?}, operation {fail_after}: {fault:?}", S::NAME))
        })?;
        if disk.operations() <= before + fail_after {
            break;
        }
    }
    count.workloads += 1;
    Ok(())
}

/// After the first failure every step gives the same error, and asks nothing of the disk.
fn fail_steps<S: Subject>(
    subject: &mut S,
    disk: &SharedDisk,
    model: &mut S::Model,
    workload: &[S::Step],
) -> Result<(), String> {
    let mut failed: Option<(StorageError, u64)> = None;
    for step in workload.iter().chain(S::STEPS) {
        match (subject.run(model, *step), &failed) {
            (Ok(()), None) => {}
            (Err(error), None) => failed = Some((error, disk.operations())),
            (Ok(()), Some((error, _))) => return Err(format!("{step:?} works after {error}")),
            (Err(again), Some((error, operations))) => {
                if again != *error || disk.operations() != *operations {
                    return Err(format!("after {error} the disk was asked again, or it says {again}"));
                }
            }
        }
    }
    Ok(())
}
