//! Every crash point of every short workload leaves a legal log and a legal state, and every failed write is the last one.
//! `cargo run --release -p outvote-storage --example crash_points` goes on from here.

use crate::harness::log::LogSubject;
use crate::harness::state::StateSubject;
use crate::harness::{Count, Depth, Subject, crash_workload, fail_workload, workloads};
use outvote_storage::Fault;
use std::num::NonZero;
use std::thread;

/// All workloads of the log.
const LOG: Depth = Depth { steps: 3, subset_changes: 4, coins: 2, recoveries_every: 16, every: 1, round: 0 };
/// Some of the state's, which take longer: opened as a large one is, and fewer that are checked as a whole each time.
const LARGE_STATE: Depth =
    Depth { steps: 3, subset_changes: 2, coins: 1, recoveries_every: 1, every: 65, round: 0 };
const STATE: Depth = Depth { every: 129, ..LARGE_STATE };

fn crash_all<S: Subject<Step: Sync>>(depth: &Depth) -> Count {
    let all = workloads::<S>(depth.steps);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let every_so_many = &|first: usize| {
        let mut count = Count::default();
        for (number, workload) in all.iter().enumerate().step_by(depth.every).skip(first).step_by(threads) {
            crash_workload::<S>(number, workload, depth, &mut count)
                .unwrap_or_else(|failure| panic!("{}", failure.0));
        }
        count
    };
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|first| scope.spawn(move || every_so_many(first))).collect();
        parts.into_iter().map(|part| part.join().unwrap()).fold(Count::default(), |sum, part| Count {
            workloads: sum.workloads + part.workloads,
            points: sum.points + part.points,
            disks: sum.disks + part.disks,
        })
    })
}

fn fail_all<S: Subject>(steps: usize, every: usize) -> Count {
    let mut count = Count::default();
    for workload in workloads::<S>(steps).iter().step_by(every) {
        for fault in [Fault::Device, Fault::Full] {
            fail_workload::<S>(workload, &fault, &mut count)
                .unwrap_or_else(|failure| panic!("{}", failure.0));
        }
    }
    count
}

// Faults: S04, S05, S06, S19, S22, S28
#[test]
fn every_crash_point_of_every_workload_of_the_log_is_legal() {
    let count = crash_all::<LogSubject>(&LOG);
    println!("{count:?}");
    assert!(count.workloads == 400 && count.points > 50_000, "{count:?}");
}

// Faults: S05, S06, S19
#[test]
fn crash_points_of_workloads_of_the_state_are_legal() {
    for (count, points) in [
        (crash_all::<StateSubject<false>>(&LARGE_STATE), 1_000),
        (crash_all::<StateSubject<true>>(&STATE), 300),
    ] {
        println!("{count:?}");
        assert!(count.points > points, "{count:?}");
    }
}

// Faults: S01, S02
#[test]
fn the_log_tries_nothing_again_whichever_operation_fails() {
    let count = fail_all::<LogSubject>(3, 1);
    println!("{count:?}");
    assert!(count.points > 5_000, "{count:?}");
}

// Faults: S01, S02
#[test]
fn the_state_tries_nothing_again_whichever_operation_fails() {
    let count = fail_all::<StateSubject<false>>(2, 5);
    println!("{count:?}");
    assert!(count.points > 200, "{count:?}");
}
