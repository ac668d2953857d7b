//! The log is crashed at every operation that makes the first promise, and many times over in long workloads. Short ones are
//! tried in all ways by `crash_points`, whose log and model these are.

use crate::harness::log::{IDENTITY, LogSubject, OPTIONS, Step};
use crate::harness::{Depth, Left, SharedDisk, Subject, choices};
use outvote_storage::{Crash, Fault, Log, Promises, SimDisk};
use proptest::prelude::*;

/// What is left after a crash of a workload of so few operations.
const DEPTH: Depth = Depth { steps: 0, subset_changes: 6, coins: 6, recoveries_every: 1, every: 1, round: 0 };

/// The disk after a crash.
fn crashed(disk: &SharedDisk, left: Left) -> SharedDisk {
    let mut copy = disk.copy();
    left.apply(&mut copy);
    SharedDisk::of(copy)
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
        for choice in choices(&disk, &DEPTH) {
            let mut disk = disk.clone();
            choice.apply(&mut disk);
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
    prop::sample::select(LogSubject::STEPS.to_vec())
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
        let mut disk = SharedDisk::of(SimDisk::new());
        let mut model = LogSubject::base(&disk);
        for (steps, stop_after, crash) in lives {
            // The crash may also hit the recovery itself.
            let spare = SharedDisk::of(disk.copy());
            disk.fail_in(stop_after, Fault::Stop);
            let is_opened = LogSubject::open(&disk).is_ok();
            disk = spare;
            if is_opened {
                // Checks what was found without using up the fault.
                let mut log = LogSubject::open(&disk).unwrap();
                log.check(&mut model).unwrap();
                disk.fail_in(stop_after, Fault::Stop);
                let _ = steps.into_iter().try_for_each(|step| log.run(&mut model, step));
            }
            disk = crashed(&disk, Left::Choice(crash));
        }
        // The log must work on, and be found again as it was left.
        let mut log = LogSubject::open(&disk).unwrap();
        log.check(&mut model).unwrap();
        for step in [Step::Small, Step::Promise, Step::Large, Step::Sync] {
            log.run(&mut model, step).unwrap();
        }
        let log = LogSubject::open(&crashed(&disk, Left::Choice(Crash::LoseAll))).unwrap();
        log.check(&mut model).unwrap();
    }
}
