//! The queue of the threads that verify signatures, under every order of turns that is drawn (row P12).

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

#[path = "../../node/src/workers.rs"]
mod workers;

use common::{Judge, check, error, threads, watch};
use outvote_schedules::{explore, sync};
use std::sync::atomic::{AtomicUsize, Ordering};
use sync::Arc;
use sync::mpsc::channel;
use threads::join;
use watch::Watch;
use workers::Workers;

/// The checks of each job, by whether their signature is good: of a client, of a member, in turn.
const JOBS: [&[bool]; 4] = [&[true, false], &[false], &[], &[true, true, false]];

// Faults: P12
#[test]
fn every_job_of_either_kind_is_judged_once_and_no_thread_ends_before_it_is_told_to() {
    explore(|| {
        let watch = Watch::default();
        let workers = Workers::start(&Judge::shared(), 2, &watch).unwrap();
        let (told, verdicts) = channel();
        let submitters = [0, 1].map(|kind| {
            let (workers, told) = (workers.clone(), told.clone());
            sync::thread::spawn(move || {
                for (index, goods) in JOBS.iter().enumerate().filter(|(index, _)| index % 2 == kind) {
                    let told = told.clone();
                    let on_verdicts = Box::new(move |found| told.send((index, found)).unwrap());
                    let checks = goods.iter().map(|good| check(*good)).collect();
                    match kind {
                        0 => workers.verify(checks, on_verdicts),
                        _ => workers.verify_of_members(checks, on_verdicts),
                    }
                }
            })
        });
        drop(told);
        // Who waits here while all threads wait for a job has found a lost wake-up.
        let mut found: Vec<(usize, Vec<bool>)> = JOBS.iter().map(|_| verdicts.recv().unwrap()).collect();
        submitters.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(verdicts.recv().is_err(), "a job is judged once, and nothing of it is kept");
        found.sort_unstable();
        let wanted: Vec<(usize, Vec<bool>)> = JOBS.iter().map(|goods| goods.to_vec()).enumerate().collect();
        assert_eq!(found, wanted, "each has the verdicts on its own checks, in their order");
        assert_eq!(watch.ended(), 0, "nobody told them to end");
        drop(workers);
        assert_eq!(join(&watch), 2);
    });
}

// Faults: P12
#[test]
fn an_end_at_any_moment_ends_every_thread_and_keeps_no_job() {
    explore(|| {
        let watch = Watch::default();
        let workers = Workers::start(&Judge::shared(), 3, &watch).unwrap();
        let judged = Arc::new(AtomicUsize::new(0));
        let submitter = {
            let (workers, judged) = (workers.clone(), Arc::clone(&judged));
            sync::thread::spawn(move || {
                for _ in 0..2 {
                    let judged = Arc::clone(&judged);
                    let on_verdicts = Box::new(move |_| {
                        judged.fetch_add(1, Ordering::Relaxed);
                    });
                    workers.verify(vec![check(true)], on_verdicts);
                }
            })
        };
        workers.end();
        assert_eq!(join(&watch), 3, "each of them ends, whatever it was at");
        submitter.join().unwrap();
        assert!(judged.load(Ordering::Relaxed) <= 2);
        assert_eq!(
            Arc::strong_count(&judged),
            1,
            "a job that was not judged is dropped, also one that came too late"
        );
    });
}

/// How many checks a batch takes of one kind at most, and more.
const BATCH: usize = 256;

// B3: one batch of clients' may be under way when a member's job comes; then it is its turn, whatever waits.
// Faults: P12
#[test]
fn no_member_waits_for_more_clients_than_are_being_judged() {
    explore(|| {
        let watch = Watch::default();
        let workers = Workers::start(&Judge::shared(), 1, &watch).unwrap();
        let judged = Arc::new(AtomicUsize::new(0));
        for _ in 0..4 {
            let judged = Arc::clone(&judged);
            let on_verdicts = Box::new(move |_| {
                judged.fetch_add(1, Ordering::Relaxed);
            });
            workers.verify(vec![check(true); BATCH], on_verdicts);
        }
        let (told, verdict) = channel();
        let at_last = Arc::clone(&judged);
        let on_verdicts = Box::new(move |_| told.send(at_last.load(Ordering::Relaxed)).unwrap());
        workers.verify_of_members(vec![check(true)], on_verdicts);
        let in_line = judged.load(Ordering::Relaxed);
        assert!(verdict.recv().unwrap() <= in_line + 1);
        drop(workers);
        assert_eq!(join(&watch), 1);
    });
}
