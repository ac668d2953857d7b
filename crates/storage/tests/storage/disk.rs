//! Disks that fail: the error names the file and the cure, and nothing is tried again.

use crate::skipped::cannot_be_done_here;
use outvote_storage::{Cause, Crash, Disk, Fault, Log, LogOptions, RealDisk, SimDisk, StorageError};

const IDENTITY: [u8; 32] = [2; 32];

fn started() -> Log<SimDisk> {
    let (mut log, _) = Log::open(SimDisk::new(), IDENTITY, LogOptions::default()).unwrap();
    log.init_promise(b"first").unwrap();
    log.append(1, b"acknowledged").unwrap();
    log.sync().unwrap();
    log
}

/// Lets the operation after so many fail, and checks that the log is dead from then on without touching the disk.
fn fails_for_good(skip: u64, fault: Fault, operation: &str, cure: &str) {
    let mut log = started();
    let position = log.append(1, b"never acknowledged").unwrap();
    let now = log.disk().operations();
    log.disk_mut().fail_at(now + skip, fault);
    let first = log.sync().unwrap_err();
    let text = first.to_string();
    assert!(text.contains(operation) && text.contains("log-") && text.contains(cure), "{text}");
    let operations = log.disk().operations();
    assert_eq!(log.sync(), Err(first.clone()));
    assert_eq!(log.append(1, b"more"), Err(first.clone()));
    assert_eq!(log.promise(b"more"), Err(first.clone()));
    assert_eq!(log.seal(), Err(first.clone()));
    assert_eq!(log.truncate_before(position), Err(first.clone()));
    assert_eq!(log.read(position), Err(first));
    assert_eq!(log.disk().operations(), operations, "a failed disk is never asked again");
}

#[test]
fn a_failed_write_ends_the_log() {
    fails_for_good(0, Fault::Device, "cannot write", "check the disk");
}

// Faults: S01
// D20
// Faults: S01
#[test]
fn a_failed_sync_is_never_tried_again() {
    fails_for_good(1, Fault::Device, "cannot sync", "check the disk");
}

// Faults: S02
#[test]
fn a_full_disk_ends_the_log_and_says_so() {
    fails_for_good(0, Fault::Full, "cannot write", "free some space");
}

// Faults: S02
#[test]
fn a_log_whose_disk_was_full_goes_on_once_there_is_room() {
    let mut log = started();
    log.disk_mut().set_capacity(Some(8192));
    log.append(1, &[1; 10_000]).unwrap();
    assert!(matches!(log.sync(), Err(StorageError::Io { cause: Cause::Full, .. })));
    let mut disk = log.into_disk();
    disk.set_capacity(None);
    let (mut log, recovery) = Log::open(disk, IDENTITY, LogOptions::default()).unwrap();
    assert!(recovery.torn_tail.is_some());
    assert_eq!(log.records().count(), 1);
    log.append(1, &[1; 10_000]).unwrap();
    log.sync().unwrap();
    assert_eq!(log.records().count(), 2);
}

// Faults: S01
#[test]
fn what_a_failed_sync_left_in_the_cache_is_durable_before_it_is_believed() {
    let mut log = started();
    log.append(1, b"in the cache alone").unwrap();
    let now = log.disk().operations();
    log.disk_mut().fail_at(now + 1, Fault::Device);
    log.sync().unwrap_err();
    // The process ends and starts again; the machine goes on, and reads still show the record.
    let mut disk = log.into_disk();
    disk.crash(Crash::KillProcess);
    let (log, _) = Log::open(disk, IDENTITY, LogOptions::default()).unwrap();
    let believed = log.records().count();
    let mut disk = log.into_disk();
    disk.crash(Crash::LoseAll);
    let (log, _) = Log::open(disk, IDENTITY, LogOptions::default()).unwrap();
    assert_eq!(log.records().count(), believed);
}

#[test]
fn a_failed_read_is_told_and_forgotten() {
    let mut log = started();
    let position = log.append(1, b"a record").unwrap();
    log.sync().unwrap();
    let name = log.disk().list().unwrap()[0].clone();
    log.disk_mut().set_unreadable(&name, true);
    let error = log.read(position).unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
    log.disk_mut().set_unreadable(&name, false);
    assert_eq!(log.read(position).unwrap().payload, b"a record");
    log.append(1, b"still working").unwrap();
    log.sync().unwrap();
}

#[test]
fn a_gathered_record_is_read_before_it_is_durable() {
    let mut log = started();
    let long: Vec<u8> = (0..3000_u32).map(|byte| byte as u8).collect();
    let positions =
        [b"short".as_slice(), &long, b""].map(|payload| (log.append(4, payload).unwrap(), payload.to_vec()));
    for round in 0..2 {
        for (position, payload) in &positions {
            let record = log.read(*position).unwrap();
            assert_eq!((record.kind, &record.payload), (4, payload), "round {round}");
        }
        log.sync().unwrap();
    }
    let reader = log.reader(log.disk().clone());
    assert_eq!(reader.read(positions[1].0).unwrap().payload, long);
}

// D6
#[test]
fn many_records_cost_one_write_and_one_sync() {
    let mut log = started();
    let before = log.disk().operations();
    for number in 0..500_u32 {
        log.append(1, &number.to_le_bytes()).unwrap();
    }
    assert_eq!(log.disk().operations(), before);
    log.sync().unwrap();
    assert_eq!(log.disk().operations(), before + 2);
    log.sync().unwrap();
    assert_eq!(log.disk().operations(), before + 2, "nothing gathered, nothing written");
}

#[test]
fn gathered_records_never_exceed_their_bound() {
    let options = LogOptions { group_max_bytes: 10_000, ..LogOptions::default() };
    let (mut log, _) = Log::open(SimDisk::new(), IDENTITY, options).unwrap();
    for _ in 0..100 {
        log.append(1, &[0; 900]).unwrap();
        assert!(log.pending_bytes() < 12_000);
    }
    let too_long = vec![0; outvote_storage::RECORD_MAX_BYTES + 1];
    assert!(matches!(log.append(1, &too_long), Err(StorageError::TooLarge { .. })));
}

#[test]
fn a_real_folder_holds_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions { segment_bytes: 10_000, ..LogOptions::default() };
    let open =
        || Log::open(RealDisk::open(folder.path().join("a/b/log")).unwrap(), IDENTITY, options).unwrap();
    let (mut log, recovery) = open();
    assert!(recovery.is_empty);
    log.init_promise(b"first").unwrap();
    let positions: Vec<_> = (0..60_u32)
        .map(|number| {
            let position = log.append(1, &number.to_le_bytes().repeat(200)).unwrap();
            log.sync().unwrap();
            position
        })
        .collect();
    assert!(log.segment_count() > 3);
    let reader = log.reader(log.disk().reader());
    assert_eq!(reader.read(positions[7]).unwrap().payload, 7_u32.to_le_bytes().repeat(200));
    log.truncate_before(positions[50]).unwrap();
    drop(log);
    let (log, recovery) = open();
    assert_eq!((recovery.torn_tail, log.records().count()), (None, 10));
    assert!(log.disk().free_bytes().unwrap() > 0);
}

// Faults: S01
#[test]
fn a_real_disk_that_failed_gives_the_same_error_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = RealDisk::open(folder.path()).unwrap();
    disk.create("a").unwrap();
    disk.write_at("a", 3, b"text").unwrap();
    disk.sync_data("a").unwrap();
    let error = disk.create("a").unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    let other = disk.reader();
    assert_eq!(disk.write_at("a", 0, b"more"), Err(error.clone()));
    assert_eq!(disk.sync_data("a"), Err(error.clone()));
    assert_eq!(disk.sync_directory(), Err(error.clone()));
    assert_eq!(disk.length("a"), Err(error.clone()));
    assert_eq!(other.list(), Err(error));
}

// Faults: S02
#[test]
fn a_real_disk_that_is_full_says_so() {
    // A device that is always full stands in for a full disk.
    if !std::path::Path::new("/dev/full").exists() {
        return cannot_be_done_here("a_real_disk_that_is_full_says_so", "a device /dev/full");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut disk = RealDisk::open(folder.path()).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("full")).unwrap();
    let error = disk.write_at("full", 0, b"text").unwrap_err();
    assert!(matches!(&error, StorageError::Io { cause: Cause::Full, .. }), "{error}");
    assert!(error.to_string().contains("free some space"), "{error}");
    assert_eq!(disk.create("b"), Err(error));
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken"), b"").unwrap();
    let error = RealDisk::open(folder.path().join("taken")).unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
}

// Faults: S18
#[test]
fn a_read_only_file_system_is_refused_at_the_start() {
    // The kernel's own view of devices and processes takes no new files, whoever asks.
    let error = RealDisk::open("/proc/sys").unwrap_err();
    assert!(error.to_string().contains("/proc/sys"), "{error}");
}

// Faults: S28
#[test]
fn an_unsynced_name_can_be_lost_and_a_synced_one_cannot() {
    let mut disk = SimDisk::new();
    disk.create("old").unwrap();
    disk.write_at("old", 0, b"content").unwrap();
    disk.sync_data("old").unwrap();
    let mut lost = disk.clone();
    lost.crash(Crash::LoseAll);
    assert!(lost.list().unwrap().is_empty());
    disk.sync_directory().unwrap();
    disk.rename("old", "new").unwrap();
    disk.crash(Crash::LoseAll);
    assert_eq!(disk.list().unwrap(), ["old"]);
    disk.rename("old", "new").unwrap();
    disk.sync_directory().unwrap();
    disk.crash(Crash::LoseAll);
    assert_eq!(
        (disk.list().unwrap(), disk.content("new")),
        (vec!["new".to_owned()], Some(b"content".as_slice()))
    );
}

#[test]
fn a_log_moves_to_the_thread_that_writes() {
    fn moves<T: Send + 'static>() {}
    moves::<Log<RealDisk>>();
    moves::<Log<SimDisk>>();
    moves::<outvote_storage::LogReader<RealDisk>>();
    moves::<outvote_storage::StateStore>();
    moves::<outvote_storage::Snapshot>();
}
