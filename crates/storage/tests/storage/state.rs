//! The state database: whole batches, steady snapshots, and no wrong answer from a damaged file.

use std::ops::Bound;
use std::sync::{Arc, Mutex};

use crate::harness::flips::quieten_the_database;
use outvote_storage::{
    Change, Crash, Disk, DiskFile, Fault, KEY_MAX_BYTES, PAGE_MAX_ENTRIES, SimDisk, StateOptions, StateStore,
    StorageError,
};

type Shared = Arc<Mutex<SimDisk>>;

fn options() -> StateOptions {
    StateOptions::default()
}

fn set<'a>(table: &'a str, key: &'a [u8], value: &'a [u8]) -> Change<'a> {
    Change { table, key, value: Some(value) }
}

fn on(disk: &Shared) -> Result<StateStore, StorageError> {
    StateStore::on_backend(DiskFile::open(disk.clone(), "state")?, "state", options())
}

fn shared(disk: SimDisk) -> Shared {
    Arc::new(Mutex::new(disk))
}

#[test]
fn a_batch_is_committed_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let mut store = StateStore::open(&path, options()).unwrap();
    store.commit([set("rooms", b"a", b"1"), set("names", b"a", b"2"), set("rooms", b"b", b"")]).unwrap();
    store
        .commit([
            Change { table: "rooms", key: b"a", value: None },
            set("rooms", b"c", b"x"),
            set("rooms", b"c", b"y"),
        ])
        .unwrap();
    drop(store);
    let store = StateStore::open(&path, options()).unwrap();
    assert_eq!(store.get("rooms", b"a").unwrap(), None);
    assert_eq!(store.get("rooms", b"b").unwrap(), Some(Vec::new()));
    assert_eq!(store.get("rooms", b"c").unwrap(), Some(b"y".to_vec()));
    assert_eq!(store.get("names", b"a").unwrap(), Some(b"2".to_vec()));
    assert_eq!(store.get("never written", b"a").unwrap(), None);
}

#[test]
fn a_range_comes_in_bounded_pages() {
    let mut store = StateStore::in_memory(options()).unwrap();
    let keys: Vec<[u8; 4]> = (0..10_000_u32).map(u32::to_be_bytes).collect();
    store.commit(keys.iter().map(|key| set("numbers", key, key))).unwrap();
    let (mut from, mut found, mut pages) = (Vec::new(), Vec::new(), 0);
    loop {
        let page = store.range("numbers", Bound::Included(&from), Bound::Unbounded).unwrap();
        assert!(page.entries.len() <= PAGE_MAX_ENTRIES);
        found.extend(page.entries.into_iter().map(|(key, _)| key));
        pages += 1;
        let Some(next) = page.next else { break };
        from = next;
    }
    assert_eq!((found.len(), pages), (keys.len(), 3));
    assert!(found.iter().zip(&keys).all(|(found, key)| found == key));
    let large = vec![7; 3 << 20];
    store
        .commit((0..4_u8).map(|key| set("large", [b"0", b"1", b"2", b"3"][usize::from(key)], &large)))
        .unwrap();
    let page = store.range("large", Bound::Unbounded, Bound::Unbounded).unwrap();
    assert_eq!((page.entries.len(), page.next), (2, Some(b"2".to_vec())));
    let backwards = store.range("numbers", Bound::Included(b"z"), Bound::Excluded(b"a")).unwrap();
    assert!(backwards.entries.is_empty() && backwards.next.is_none());
    let excluded = store.range("large", Bound::Excluded(b"1"), Bound::Included(b"2")).unwrap();
    assert_eq!(excluded.entries.len(), 1);
}

#[test]
fn a_snapshot_stands_still_while_writes_go_on() {
    let mut store = StateStore::in_memory(options()).unwrap();
    store.commit([set("table", b"key", b"before")]).unwrap();
    let snapshot = store.snapshot().unwrap();
    let reader = store.reader();
    store.commit([set("table", b"key", b"after"), set("table", b"more", b"")]).unwrap();
    let seen = std::thread::spawn(move || {
        let page = snapshot.range("table", Bound::Unbounded, Bound::Unbounded).unwrap();
        (snapshot.get("table", b"key").unwrap(), page.entries.len(), reader.get("table", b"key").unwrap())
    });
    assert_eq!(seen.join().unwrap(), (Some(b"before".to_vec()), 1, Some(b"after".to_vec())));
}

// Faults: S05, S06, S19
#[test]
fn every_crash_of_a_commit_leaves_all_of_it_or_none() {
    let disk = shared(SimDisk::new());
    let mut store = on(&disk).unwrap();
    store.commit([set("table", b"a", b"old"), set("other", b"b", b"old")]).unwrap();
    drop(store);
    let start = disk.lock().unwrap().clone();
    let mut commits_seen = [0, 0];
    let commit = |store: &mut StateStore| {
        store.commit([set("table", b"a", b"new"), set("other", b"b", b"new")]).is_ok()
    };
    crash_at_each_operation(&start, commit, |store, is_done, when| {
        let seen = [store.get("table", b"a").unwrap().unwrap(), store.get("other", b"b").unwrap().unwrap()];
        assert_eq!(seen[0], seen[1], "half a batch {when}");
        let is_new = seen[0] == b"new";
        assert!(is_new || !is_done, "an acknowledged batch is lost");
        commits_seen[usize::from(is_new)] += 1;
    });
    assert!(commits_seen[0] > 10 && commits_seen[1] > 10, "{commits_seen:?}");
}

/// Lets the power go at each operation of a step in turn. What each way of losing leaves is opened again and judged, with whether
/// the step had been acknowledged, and with words that say when it was.
fn crash_at_each_operation(
    start: &SimDisk,
    step: impl Fn(&mut StateStore) -> bool,
    mut judge: impl FnMut(&StateStore, bool, &str),
) {
    for stop_after in 0.. {
        let disk = shared(start.clone());
        let mut store = on(&disk).unwrap();
        let now = disk.lock().unwrap().operations();
        disk.lock().unwrap().fail_at(now + stop_after, Fault::Stop);
        let is_done = step(&mut store);
        // What the library writes when it is dropped belongs to the crash as well.
        drop(store);
        let at_crash = disk.lock().unwrap().clone();
        for (choice, left) in left_by(&at_crash) {
            let when = format!("after {stop_after} operations and {choice:?}");
            judge(&on(&shared(left)).unwrap(), is_done, &when);
        }
        if is_done && !at_crash_is_stopped(&at_crash) {
            break;
        }
    }
}

/// What a crash leaves of a disk, in each of some ways.
fn left_by(at_crash: &SimDisk) -> impl Iterator<Item = (Crash, SimDisk)> {
    let choices = [Crash::LoseAll, Crash::KillProcess].into_iter().chain((0..12).map(Crash::Random));
    choices.map(|choice| {
        let mut left = at_crash.clone();
        left.clear_faults();
        left.crash(choice);
        (choice, left)
    })
}

fn at_crash_is_stopped(disk: &SimDisk) -> bool {
    disk.length("state").is_err()
}

// Faults: S02, S01
#[test]
fn a_failed_commit_is_never_tried_again() {
    let disk = shared(SimDisk::new());
    let mut store = on(&disk).unwrap();
    store.commit([set("table", b"a", b"1")]).unwrap();
    disk.lock().unwrap().set_capacity(Some(1));
    let big = vec![1; 200_000];
    let first = store.commit([set("table", b"b", &big)]).unwrap_err();
    assert!(first.to_string().contains("free some space"), "{first}");
    disk.lock().unwrap().set_capacity(None);
    assert_eq!(store.commit([set("table", b"c", b"1")]), Err(first));
    drop(store);
    assert_eq!(on(&disk).unwrap().get("table", b"a").unwrap(), Some(b"1".to_vec()));
}

// Faults: S08, S20
#[test]
fn no_flipped_byte_of_a_state_file_gives_a_wrong_answer() {
    let disk = shared(SimDisk::new());
    let mut store = on(&disk).unwrap();
    let keys: Vec<[u8; 2]> = (0..40_u16).map(u16::to_be_bytes).collect();
    store.commit(keys.iter().map(|key| set("table", key, b"a value that is right"))).unwrap();
    drop(store);
    let start = disk.lock().unwrap().clone();
    let content = start.content("state").unwrap().to_vec();
    // The library's own panics on damaged pages are caught; they need not fill the screen.
    quieten_the_database();
    let mut refused = 0;
    for offset in (0..content.len()).filter(|offset| content[*offset] != 0 || offset % 61 == 0) {
        let mut flipped = start.clone();
        flipped.flip("state", offset as u64, 1 << (offset % 8));
        let Ok(store) = on(&shared(flipped)) else {
            refused += 1;
            continue;
        };
        for key in &keys {
            match store.get("table", key) {
                Ok(value) => {
                    assert_eq!(value.as_deref(), Some(b"a value that is right".as_slice()), "byte {offset}")
                }
                Err(error) => assert!(matches!(error, StorageError::Damaged { .. }), "{error}"),
            }
        }
    }
    assert!(refused > 100, "only {refused} files were refused");
}

// Faults: M10
#[test]
fn a_file_that_is_no_database_is_refused_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    std::fs::write(&path, vec![b'x'; 100_000]).unwrap();
    let error = StateStore::open(&path, options()).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("state.redb") && error.to_string().contains("built again"), "{error}");
}

#[test]
fn a_second_opener_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let _store = StateStore::open(&path, options()).unwrap();
    assert!(matches!(StateStore::open(&path, options()), Err(StorageError::Locked { .. })));
}

#[test]
fn a_key_has_a_bound() {
    let mut store = StateStore::in_memory(options()).unwrap();
    let key = vec![1; KEY_MAX_BYTES + 1];
    assert!(matches!(store.commit([set("table", &key, b"")]), Err(StorageError::TooLarge { .. })));
    store.commit([set("table", &key[1..], b"fits")]).unwrap();
}

#[test]
fn what_stood_at_the_mark_comes_back_whole_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let mut store = StateStore::open(&path, options()).unwrap();
    assert!(!store.is_marked().unwrap());
    assert!(!store.go_back().unwrap(), "there is nothing to go back to");
    store.commit([set("rooms", b"a", b"1"), set("rooms", b"b", b"2")]).unwrap();
    store.mark().unwrap();
    store
        .commit([
            Change { table: "rooms", key: b"a", value: None },
            set("rooms", b"b", b"3"),
            set("names", b"x", b""),
        ])
        .unwrap();
    drop(store);
    let mut store = StateStore::open(&path, options()).unwrap();
    assert!(store.is_marked().unwrap(), "a mark outlives the process");
    let now = store.snapshot().unwrap();
    assert!(store.go_back().unwrap());
    assert_eq!(now.get("rooms", b"b").unwrap(), Some(b"3".to_vec()), "a snapshot stays what it was");
    drop(now);
    for _ in 0..2 {
        assert!(!store.is_marked().unwrap(), "once is enough");
        assert_eq!(store.get("rooms", b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(store.get("rooms", b"b").unwrap(), Some(b"2".to_vec()));
        assert_eq!(store.get("names", b"x").unwrap(), None);
        drop(store);
        store = StateStore::open(&path, options()).unwrap();
    }
    store.mark().unwrap();
    store.commit([set("rooms", b"a", b"4")]).unwrap();
    store.mark().unwrap();
    store.unmark().unwrap();
    assert!(!store.go_back().unwrap(), "a later mark took the first one's place and is forgotten");
    assert_eq!(store.get("rooms", b"a").unwrap(), Some(b"4".to_vec()));
}

// Faults: S05, S06, S23
/// Power that goes at any write of a way back leaves what was there before it or after it.
#[test]
fn every_crash_of_a_way_back_leaves_one_of_the_two() {
    let disk = shared(SimDisk::new());
    let mut store = on(&disk).unwrap();
    store.commit([set("table", b"a", b"old"), set("other", b"b", b"old")]).unwrap();
    store.mark().unwrap();
    store.commit([set("table", b"a", b"new"), set("other", b"b", b"new")]).unwrap();
    drop(store);
    let start = disk.lock().unwrap().clone();
    let mut seen_of = [0, 0];
    let go_back = |store: &mut StateStore| store.go_back().is_ok();
    crash_at_each_operation(&start, go_back, |store, is_done, when| {
        let seen = [store.get("table", b"a").unwrap().unwrap(), store.get("other", b"b").unwrap().unwrap()];
        assert_eq!(seen[0], seen[1], "half of it {when}");
        let is_old = seen[0] == b"old";
        assert!(is_old || !is_done, "a way back that was acknowledged is lost");
        assert_eq!(store.is_marked().unwrap(), !is_old, "the mark goes with the step");
        seen_of[usize::from(is_old)] += 1;
    });
    assert!(seen_of[0] > 10 && seen_of[1] > 10, "{seen_of:?}");
}

/// Power that goes while the very first file is begun leaves one that can be begun again.
// Faults: S05
#[test]
fn every_crash_of_a_beginning_can_be_begun_again() {
    for stop_after in 0.. {
        let disk = shared(SimDisk::new());
        disk.lock().unwrap().fail_at(stop_after, Fault::Stop);
        let is_done = on(&disk).is_ok_and(|mut store| store.commit([set("table", b"a", b"1")]).is_ok());
        let at_crash = disk.lock().unwrap().clone();
        for (choice, left) in left_by(&at_crash) {
            let length = left.length("state");
            let store = on(&shared(left)).unwrap_or_else(|error| {
                panic!("{error} after {stop_after} operations and {choice:?}, {length:?} bytes")
            });
            let found = store.get("table", b"a").unwrap();
            assert!(found.is_some() || !is_done, "what was acknowledged is there");
        }
        if is_done && !at_crash_is_stopped(&at_crash) {
            break;
        }
    }
}
