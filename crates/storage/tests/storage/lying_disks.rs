//! Disks that say "written" and lie: the write is lost, or lands elsewhere in the file. Every write of every short workload is
//! such a one in turn. What comes back is what was written, and what does not come back is named.

use crate::harness::flips::quieten_the_database;
use crate::harness::log::{LogSubject, Step};
use crate::harness::state::StateSubject;
use crate::harness::{Failure, SharedDisk, Subject, workloads};
use outvote_storage::{Fault, SECTOR_BYTES, SimDisk, StorageError};

const SECTOR: u64 = SECTOR_BYTES as u64;

/// Plays a workload once for each write, with that write gone wrong; then closes in order, so that nothing is a torn tail.
fn lie<S: Subject>(
    workload: &[S::Step],
    end: &[S::Step],
    fault: &Fault,
    mut judge: impl FnMut(&S, &S::Model),
) -> u64 {
    let start = SharedDisk::of(SimDisk::new());
    let model = S::base(&start);
    let start = start.copy();
    let mut lies = 0;
    for at in 0.. {
        let mut model = model.clone();
        let disk = SharedDisk::of(start.clone());
        let mut subject = S::open(&disk).unwrap();
        let before = disk.operations();
        disk.fail_in(at, fault.clone());
        let done: Result<(), StorageError> =
            workload.iter().chain(end).try_for_each(|step| subject.run(&mut model, *step));
        let is_over = disk.operations() <= before + at;
        drop(subject);
        // Whatever is no write fails openly, which other tests are about.
        if done.is_ok() && !is_over {
            let mut left = disk.copy();
            left.clear_faults();
            // A file that cannot be opened is an answer too; a wrong one is not.
            if let Ok(subject) = S::open(&SharedDisk::of(left)) {
                judge(&subject, &model);
            }
            lies += 1;
        }
        if is_over {
            return lies;
        }
    }
    lies
}

fn faults() -> Vec<Fault> {
    let mut faults = vec![Fault::LostWrite];
    faults.extend([0, 1, 2, 5, 9, 40].map(|sector| Fault::Misdirected { offset: sector * SECTOR }));
    faults
}

// Faults: S09, S10
#[test]
fn no_lost_or_misdirected_write_of_a_log_is_believed_or_passed_over() {
    let mut lies = 0;
    for workload in workloads::<LogSubject>(2) {
        for fault in faults() {
            lies += lie::<LogSubject>(&workload, &[Step::Group, Step::Seal], &fault, |subject, model| {
                subject.check_on_a_lying_disk(model).unwrap_or_else(|what| {
                    panic!("{}", Failure(format!("{what} after {workload:?} with {fault:?}")).0)
                });
            });
        }
    }
    println!("{lies} lies");
    assert!(lies > 800, "only {lies} lies");
}

// Faults: S09, S10
#[test]
fn no_lost_or_misdirected_write_of_a_state_gives_a_wrong_answer() {
    quieten_the_database();
    let pages = [0, 1, 8, 16, 24, 32, 40].map(|page| Fault::Misdirected { offset: page * 512 });
    let faults: Vec<Fault> = pages.into_iter().chain([Fault::LostWrite]).collect();
    let lies = lies_of_a_state::<true>(&faults);
    println!("{lies} lies");
    assert!(lies > 100, "only {lies} lies");
}

/// A write that went elsewhere leaves two blocks behind that are not what was written there. One that was lost leaves a whole one, and
/// where the file is not checked as a whole that can pass for what is there now; ADR 0029 says so.
// Faults: S09
#[test]
fn no_misdirected_write_of_a_large_state_gives_a_wrong_answer() {
    quieten_the_database();
    let onto_data = [24, 32, 40, 48].map(|sector| Fault::Misdirected { offset: sector * SECTOR });
    let lies = lies_of_a_state::<false>(&onto_data);
    println!("{lies} lies");
    assert!(lies > 50, "only {lies} lies");
}

fn lies_of_a_state<const WHOLE: bool>(faults: &[Fault]) -> u64 {
    let mut lies = 0;
    for workload in workloads::<StateSubject<WHOLE>>(1) {
        for fault in faults {
            lies += lie::<StateSubject<WHOLE>>(&workload, &[], fault, |subject, model| {
                subject.check_on_a_lying_disk(model).unwrap_or_else(|what| {
                    panic!("{}", Failure(format!("{what} after {workload:?} with {fault:?}")).0)
                });
            });
        }
    }
    lies
}
