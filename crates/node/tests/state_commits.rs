//! The thread that commits the state while blocks are executed, over a file that takes its time, fails or breaks off.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use outvote_execution::{Backend, Value, Writes};
use outvote_node::probes::{ArchiveRow, archived_rows, deleted_rows, read_rows, state_backend};
use outvote_storage::{Change, StateOptions, StateStore};
use outvote_types::Sequence;
use redb::StorageBackend;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What becomes of a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Sync {
    #[default]
    Ends,
    Waits,
    Fails(io::ErrorKind),
    Panics,
}

/// A file in memory, whose syncs end as they are told to.
#[derive(Clone, Debug, Default)]
struct File {
    bytes: Arc<Mutex<Vec<u8>>>,
    sync: Arc<(Mutex<Sync>, Condvar)>,
}

impl File {
    fn syncs(&self, sync: Sync) {
        *self.sync.0.lock().unwrap() = sync;
        self.sync.1.notify_all();
    }

    fn open(&self) -> Box<dyn Backend> {
        let store = StateStore::on_backend(self.clone(), "the state", StateOptions::default()).unwrap();
        state_backend(store).unwrap()
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.bytes.lock().unwrap()[from..from + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes.lock().unwrap().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let (sync, told) = &*self.sync;
        let sync = *told.wait_while(sync.lock().unwrap(), |sync| *sync == Sync::Waits).unwrap();
        match sync {
            Sync::Fails(kind) => Err(kind.into()),
            Sync::Panics => panic!("planted"),
            Sync::Ends | Sync::Waits => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        self.bytes.lock().unwrap()[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}

fn value(text: &str) -> Value {
    text.as_bytes().into()
}

fn writes(pairs: &[(&str, &str)]) -> Writes {
    pairs.iter().map(|(key, text)| (key.as_bytes().to_vec(), Some(value(text)))).collect()
}

// E11: others read and wait for nothing while the disk is at it.
#[test]
fn a_commit_under_way_hinders_no_reader_and_is_there_once_it_is_settled() {
    let file = File::default();
    let mut state = file.open();
    state.commit(writes(&[("a", "1"), ("b", "1")])).unwrap();
    file.syncs(Sync::Waits);
    state.begin_commit(Arc::new(writes(&[("a", "2"), ("c", "2")]))).unwrap();
    for _ in 0..100 {
        assert!(!state.is_settled().unwrap());
        assert_eq!(state.get(b"b").unwrap(), Some(value("1")));
        let a = state.get(b"a").unwrap().unwrap();
        assert!(a == value("1") || a == value("2"), "as it was or as it will be");
    }
    file.syncs(Sync::Ends);
    state.settle().unwrap();
    assert!(state.is_settled().unwrap());
    assert_eq!(state.get(b"a").unwrap(), Some(value("2")));
    assert_eq!(state.range(b"a", None, 9).unwrap().len(), 3);
}

// E11: one step at a time; whoever begins the next one waits for the one before.
#[test]
fn commits_follow_one_another() {
    let file = File::default();
    let mut state = file.open();
    for round in 0..50u32 {
        let text = round.to_string();
        state.begin_commit(Arc::new(writes(&[("a", &text), (&format!("k{round}"), &text)]))).unwrap();
    }
    state.mark().unwrap();
    state.begin_commit(Arc::new(writes(&[("a", "last")]))).unwrap();
    assert!(state.go_back().unwrap());
    assert_eq!(state.get(b"a").unwrap(), Some(value("49")));
    assert_eq!(state.range(b"k", Some(b"l"), 99).unwrap().len(), 50);
}

// The folder's lock is let go of behind it, and then another process may have the file.
#[test]
fn nobody_writes_any_more_once_it_is_dropped() {
    let file = File::default();
    let mut state = file.open();
    file.syncs(Sync::Waits);
    state.begin_commit(Arc::new(writes(&[("a", "1")]))).unwrap();
    let dropping = std::thread::spawn(move || drop(state));
    std::thread::sleep(Duration::from_millis(20));
    assert!(!dropping.is_finished(), "it waits for the disk");
    file.syncs(Sync::Ends);
    dropping.join().unwrap();
    assert_eq!(file.open().get(b"a").unwrap(), Some(value("1")));
}

fn commit(store: &mut StateStore, rows: &[ArchiveRow]) {
    let changes = rows.iter().map(|(table, key, value)| Change { table, key, value: value.as_deref() });
    store.commit(changes).unwrap();
}

// A block has many rows. They are deleted in one commit, while others may be reading them one after the other: once that stopped a
// node, which took it for damage.
// Faults: S07
#[test]
fn a_block_that_is_deleted_while_it_is_read_is_whole_or_gone() {
    let mut store = StateStore::in_memory(StateOptions::default()).unwrap();
    let (reader, at, bytes) = (store.reader(), Sequence(7), vec![5u8; 1 << 20]);
    let (is_over, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let found = read_rows(&reader, at);
                // Also if the next line fails: the other side waits for it.
                reads.fetch_add(1, Ordering::Relaxed);
                assert!(found.unwrap().is_none_or(|found| found == bytes));
            }
        });
        let await_a_read = || {
            let before = reads.load(Ordering::Relaxed);
            while reads.load(Ordering::Relaxed) < before + 2 && !reading.is_finished() {
                std::thread::yield_now();
            }
        };
        for _ in 0..100 {
            commit(&mut store, &archived_rows(at, bytes.clone()));
            await_a_read();
            let deleted = deleted_rows(&reader, at).unwrap();
            commit(&mut store, &deleted);
            await_a_read();
        }
        is_over.store(true, Ordering::Relaxed);
        reading.join().unwrap();
    });
}

// D20: a failure is told to whoever asks next, and nothing is tried again.
// Faults: S15, S16
#[test]
fn a_commit_that_fails_late_or_breaks_off_is_told_and_ends_it() {
    let ends = [Sync::Fails(io::ErrorKind::StorageFull), Sync::Fails(io::ErrorKind::Other), Sync::Panics];
    type Ask = fn(&mut dyn Backend) -> bool;
    let ways: [(&str, Ask); 4] = [
        ("settle", |state| state.settle().is_err()),
        ("is_settled", |state| {
            while let Ok(false) = state.is_settled() {
                std::thread::yield_now();
            }
            true
        }),
        ("commit", |state| state.commit(writes(&[("a", "3")])).is_err()),
        ("begin_commit", |state| state.begin_commit(Arc::new(writes(&[("a", "3")]))).is_err()),
    ];
    for end in ends {
        for (name, ask) in ways {
            let file = File::default();
            let mut state = file.open();
            state.commit(writes(&[("a", "1")])).unwrap();
            file.syncs(end);
            state.begin_commit(Arc::new(writes(&[("a", "2")]))).unwrap();
            assert!(ask(&mut *state), "{name} after {end:?}");
            file.syncs(Sync::Ends);
            assert!(state.commit(writes(&[("a", "3")])).is_err(), "nothing more after {end:?}, {name}");
            let begun = state.begin_commit(Arc::new(writes(&[("a", "3")])));
            assert!(begun.and_then(|()| state.settle()).is_err());
            drop(state);
            let kept = file.open().get(b"a").unwrap();
            assert!(kept == Some(value("1")) || kept == Some(value("2")), "{kept:?}");
        }
    }
}
