//! The commit that others need not wait for, under every order of turns that is drawn (row P12).

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../node/src/committer.rs"]
mod committer;

use committer::{Commit, CommitError, Committer};
use outvote_schedules::{explore, sync};
use std::panic::resume_unwind;
use sync::Arc;
use sync::atomic::{AtomicUsize, Ordering};

/// What a commit comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Good,
    Failed,
    Panicked,
}

/// A database that counts who writes at this moment, and what was committed.
#[derive(Clone, Default)]
struct Disk {
    writers: Arc<AtomicUsize>,
    committed: Arc<AtomicUsize>,
}

impl Disk {
    fn is_at_rest(&self) -> bool {
        self.writers.load(Ordering::SeqCst) == 0
    }
}

/// The disk's one writer.
struct Writer(Disk);

struct Job(End);

impl Commit<Writer> for Job {
    type Error = &'static str;

    fn commit(&self, Writer(disk): &mut Writer) -> Result<(), Self::Error> {
        assert_eq!(disk.writers.fetch_add(1, Ordering::SeqCst), 0, "one writes at a time");
        disk.committed.fetch_add(1, Ordering::SeqCst);
        disk.writers.fetch_sub(1, Ordering::SeqCst);
        match self.0 {
            End::Good => Ok(()),
            End::Failed => Err("no space"),
            // As a panic, and without its message at each schedule.
            End::Panicked => resume_unwind(Box::new("the planted panic")),
        }
    }
}

fn end_of(outcome: Result<(), CommitError<&'static str>>) -> End {
    match outcome {
        Ok(()) => End::Good,
        Err(CommitError::Failed(_)) => End::Failed,
        Err(CommitError::BrokeOff) => End::Panicked,
    }
}

// Faults: P12
#[test]
fn each_commit_has_one_outcome_and_the_writer_comes_back_unless_its_thread_broke_off() {
    explore(|| {
        let disk = Disk::default();
        let mut committer = Committer::start(Writer(disk.clone())).unwrap();
        let mut count = 0;
        for end in [End::Good, End::Failed, End::Good, End::Panicked] {
            committer.begin(Job(end)).unwrap();
            count += 1;
            assert!(committer.writer_mut().is_none(), "it is lent");
            // Asked twice, as the executor does between two blocks, and then waited for.
            let found = committer.try_settle().or_else(|| committer.try_settle());
            assert_eq!(found.is_none(), committer.is_away());
            let found = found.or_else(|| committer.settle()).unwrap();
            assert_eq!(end_of(found), end);
            assert_eq!(disk.committed.load(Ordering::SeqCst), count);
            assert!(committer.settle().is_none() && committer.try_settle().is_none(), "it is told once");
            assert_eq!(committer.writer().is_some(), end != End::Panicked);
        }
        assert!(
            committer.begin(Job(End::Good)).is_err() && committer.is_lost(),
            "the writer is lost for good"
        );
        assert!(committer.settle().is_none() && !committer.is_away());
    });
}

// Faults: P12
#[test]
fn whoever_drops_it_at_any_moment_waits_for_the_commit_under_way() {
    explore(|| {
        for end in [End::Good, End::Failed, End::Panicked] {
            let disk = Disk::default();
            let mut committer = Committer::start(Writer(disk.clone())).unwrap();
            committer.begin(Job(end)).unwrap();
            if end == End::Failed {
                // Perhaps it is over, and told.
                let _ = committer.try_settle();
            }
            drop(committer);
            assert!(disk.is_at_rest(), "nobody writes any more");
            assert_eq!(disk.committed.load(Ordering::SeqCst), 1, "and what was begun is done");
            assert_eq!(Arc::strong_count(&disk.committed), 1, "the writer is gone, too");
        }
    });
}
