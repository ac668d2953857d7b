//! The log is crashed at every operation that makes the first promise, and many times over in long workloads. Short ones are
//! tried in all ways by `crash_points`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use outvote_storage::{Crash, Entry, Fault, Log, LogOptions, Position, Promises, SimDisk, StorageError};
use proptest::prelude::*;

const IDENTITY: [u8; 32] = [9; 32];
/// Small segments, so that short workloads cross their borders.
const OPTIONS: LogOptions = LogOptions { segment_bytes: 4096, group_max_bytes: 1 << 20 };

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Small,
    Large,
    Promise,
    Sync,
    Truncate,
    Seal,
}

const STEPS: [Step; 6] = [Step::Small, Step::Large, Step::Promise, Step::Sync, Step::Truncate, Step::Seal];

/// What was asked for, and what was acknowledged.
#[derive(Debug, Clone, Default)]
struct Model {
    /// Every record ever appended that a recovery has not dropped; the payload is unique.
    appended: Vec<Vec<u8>>,
    acknowledged: usize,
    promises: Vec<(u64, Vec<u8>)>,
    acknowledged_promise: u64,
    /// Records before this one were dropped for certain; and may have been, when a truncation was interrupted.
    truncated: usize,
    truncating: usize,
    serial: u64,
}

impl Model {
    fn payload(&mut self, length: usize) -> Vec<u8> {
        self.serial += 1;
        let mut payload = self.serial.to_le_bytes().to_vec();
        payload.extend((0..length).map(|byte| (byte as u64 * 31 + self.serial) as u8));
        payload
    }

    fn synced(&mut self) {
        self.acknowledged = self.appended.len();
        self.acknowledged_promise = self.promises.last().map_or(0, |(counter, _)| *counter);
    }
}

fn run(
    log: &mut Log<SimDisk>,
    model: &mut Model,
    step: Step,
    last: &mut Option<(Position, usize)>,
) -> Result<(), StorageError> {
    match step {
        Step::Small | Step::Large => {
            let payload = model.payload(if step == Step::Small { 20 } else { 1800 });
            model.appended.push(payload.clone());
            let position = log.append(3, &payload)?;
            *last = Some((position, model.appended.len() - 1));
        }
        Step::Promise => {
            let payload = model.payload(70);
            let next = model.promises.last().map_or(0, |(counter, _)| *counter) + 1;
            model.promises.push((next, payload.clone()));
            let counter = log.promise(&payload)?;
            model.promises.last_mut().unwrap().0 = counter;
        }
        Step::Sync => {
            log.sync()?;
            model.synced();
        }
        Step::Seal => {
            log.seal()?;
            model.synced();
        }
        Step::Truncate => {
            let Some((position, before)) = *last else { return Ok(()) };
            model.truncating = model.truncating.max(before);
            log.truncate_before(position)?;
            model.truncated = model.truncating;
            model.synced();
        }
    }
    Ok(())
}

/// Opens what is left and checks that it is legal; tells what was found to the model.
fn reopen(disk: SimDisk, model: &mut Model) -> Log<SimDisk> {
    let (log, _) = Log::open(disk, IDENTITY, OPTIONS).unwrap();
    let mut found = Vec::new();
    for entry in log.records() {
        match entry.unwrap() {
            Entry::Record(record) => {
                assert_eq!(log.read(record.position).unwrap(), record);
                found.push(record.payload);
            }
            Entry::Damage(damage) => panic!("a crash is no damage: {damage}"),
        }
    }
    // A contiguous part of what was appended, from a legal start to a legal end.
    let starts = [model.truncated, model.truncating];
    let start = starts.into_iter().find(|start| model.appended[*start..].starts_with(&found));
    let start = start.unwrap_or_else(|| panic!("{} records that were not appended so", found.len()));
    let end = start + found.len();
    assert!(end >= model.acknowledged, "{end} of {} acknowledged records", model.acknowledged);
    match log.promises() {
        Promises::Held(held) => {
            assert!(held.counter >= model.acknowledged_promise, "an old promise was revived");
            assert!(model.promises.contains(&(held.counter, held.payload.clone())), "a promise was invented");
        }
        Promises::Lost(reason) => assert_eq!(model.acknowledged_promise, 0, "{reason}"),
    }
    if let Promises::Held(held) = log.promises() {
        // Later ones were never finished: they must not come back.
        model.promises.retain(|(counter, _)| *counter <= held.counter);
    }
    model.appended.truncate(end);
    model.truncated = start;
    model.truncating = start;
    model.acknowledged = end;
    if let Promises::Held(held) = log.promises() {
        model.acknowledged_promise = held.counter;
    }
    log
}

/// A log with a first promise and a few records, all durable.
fn base(model: &mut Model) -> Log<SimDisk> {
    let (mut log, _) = Log::open(SimDisk::new(), IDENTITY, OPTIONS).unwrap();
    let first = model.payload(10);
    let counter = log.init_promise(&first).unwrap();
    model.promises.push((counter, first));
    for step in [Step::Small, Step::Large, Step::Sync] {
        run(&mut log, model, step, &mut None).unwrap();
    }
    log
}

/// Every choice of what is left: nothing, all, each subset, each prefix, each torn write, some coins.
fn choices(disk: &SimDisk) -> Vec<Crash> {
    let count = disk.unsynced_changes();
    let mut all = vec![Crash::LoseAll, Crash::KillProcess];
    all.extend((0..=count).map(Crash::Prefix));
    all.extend((0..1_u64 << count.min(6)).map(Crash::Subset));
    for change in 0..count {
        all.extend((0..=14).map(|sectors| Crash::Torn { change, sectors }));
    }
    all.extend((0..6).map(Crash::Random));
    all
}

/// After a recovery the log must work on, and be found again as it was left.
fn goes_on(mut log: Log<SimDisk>, mut model: Model) {
    if matches!(log.promises(), Promises::Held(_)) {
        for step in [Step::Small, Step::Promise, Step::Large, Step::Sync] {
            run(&mut log, &mut model, step, &mut None).unwrap();
        }
    }
    let mut disk = log.into_disk();
    disk.crash(Crash::LoseAll);
    reopen(disk, &mut model);
}

// Faults: S19
#[test]
fn every_crash_of_the_first_promise_leaves_it_whole_or_lost() {
    for stop_after in 0..5 {
        let mut disk = SimDisk::new();
        disk.fail_at(stop_after, Fault::Stop);
        let (mut log, _) = Log::open(disk, IDENTITY, OPTIONS).unwrap();
        let result = log.init_promise(b"first");
        let disk = log.into_disk();
        for choice in choices(&disk) {
            let mut disk = disk.clone();
            disk.clear_faults();
            disk.crash(choice);
            let (mut log, _) = Log::open(disk, IDENTITY, OPTIONS).unwrap();
            match log.promises() {
                Promises::Held(held) => assert_eq!(held.payload, b"first"),
                Promises::Lost(_) => {
                    assert!(result.is_err());
                    // Nothing was ever made durable, so the key may be made anew.
                    log.init_promise(b"again").unwrap();
                }
            }
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop::sample::select(STEPS.to_vec())
}

fn any_crash() -> impl Strategy<Value = Crash> {
    prop_oneof![
        Just(Crash::LoseAll),
        Just(Crash::KillProcess),
        any::<u64>().prop_map(Crash::Random),
        any::<u64>().prop_map(Crash::Subset),
        (0..6_u64).prop_map(Crash::Prefix),
        (0..4_u64, 0..14_u64).prop_map(|(change, sectors)| Crash::Torn { change, sectors }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    // Faults: P14, S05, S06
    #[test]
    fn a_log_survives_crash_after_crash(
        lives in prop::collection::vec((prop::collection::vec(any_step(), 0..12), 0..14_u64, any_crash()), 1..7)
    ) {
        let mut model = Model::default();
        let mut disk = base(&mut model).into_disk();
        for (steps, stop_after, crash) in lives {
            let now = disk.operations();
            // The crash may also hit the recovery itself.
            disk.fail_at(now + stop_after, Fault::Stop);
            let spare = disk.clone();
            match Log::open(disk, IDENTITY, OPTIONS) {
                Err(_) => {
                    disk = spare;
                }
                Ok((log, _)) => {
                    // Checks what was found without using up the fault.
                    let mut log = { drop(log); let mut clean = spare; clean.clear_faults(); reopen(clean, &mut model) };
                    let now = log.disk().operations();
                    log.disk_mut().fail_at(now + stop_after, Fault::Stop);
                    let mut last = None;
                    let _ = steps.into_iter().try_for_each(|step| run(&mut log, &mut model, step, &mut last));
                    disk = log.into_disk();
                }
            }
            disk.clear_faults();
            disk.crash(crash);
        }
        let log = reopen(disk, &mut model);
        goes_on(log, model);
    }
}
