//! The rules for the one record that cannot be fetched from peers (scenario 49).

use outvote_storage::{
    Crash, Disk, Log, LogOptions, LostDisk, PROMISE_MAX_BYTES, Promise, Promises, SimDisk, StorageError,
};

const IDENTITY: [u8; 32] = [1; 32];

fn open(disk: SimDisk) -> Log<SimDisk> {
    Log::open(disk, IDENTITY, LogOptions { segment_bytes: 16384, ..LogOptions::default() }).unwrap().0
}

fn started() -> Log<SimDisk> {
    let mut log = open(SimDisk::new());
    assert_eq!(log.init_promise(b"promise one").unwrap(), 1);
    log
}

fn held(log: &Log<SimDisk>) -> Promise {
    match log.promises() {
        Promises::Held(held) => held.clone(),
        Promises::Lost(reason) => panic!("{reason}"),
    }
}

/// Where the copies of a promise lie: file and offset, in order.
fn copies(disk: &SimDisk, promise: &[u8]) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for file in disk.list().unwrap() {
        let content = disk.content(&file).unwrap();
        let places = content.windows(promise.len()).enumerate().filter(|(_, window)| *window == promise);
        found.extend(places.map(|(offset, _)| (file.clone(), offset as u64)));
    }
    found
}

/// Both copies of a promise rot.
fn rot_copies(disk: &mut SimDisk, payload: &[u8]) {
    for (file, offset) in copies(disk, payload) {
        disk.flip(&file, offset, 1);
    }
}

// D12: with a counter, twice, in different sectors of one write.
#[test]
fn a_promise_lies_in_two_sectors_of_one_write() {
    let mut log = started();
    let before = log.disk().operations();
    log.append(1, b"a block").unwrap();
    assert_eq!(log.promise(b"promise two").unwrap(), 2);
    log.sync().unwrap();
    assert_eq!(log.disk().operations() - before, 2, "one write and one sync");
    let places = copies(log.disk(), b"promise two");
    assert_eq!(places.len(), 2);
    // Also on a disk that writes 4096 bytes at once.
    assert!(places[0].1 / 4096 != places[1].1 / 4096, "{places:?}");
}

// D12: why it is written twice. Scenario 49.
// Faults: S11
#[test]
fn one_rotten_copy_is_no_loss() {
    let mut log = started();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    log.seal().unwrap();
    let disk = log.into_disk();
    for (file, offset) in copies(&disk, b"promise two") {
        let mut disk = disk.clone();
        disk.flip(&file, offset, 1);
        assert_eq!(held(&open(disk)).payload, b"promise two");
    }
}

// D13. Scenario 49.
// Faults: S04
#[test]
fn a_torn_pair_at_the_tail_was_never_made() {
    let mut log = started();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    let mut disk = log.into_disk();
    rot_copies(&mut disk, b"promise two");
    let log = open(disk);
    assert_eq!((held(&log).payload.as_slice(), held(&log).counter), (b"promise one".as_slice(), 1));
}

// D13
#[test]
fn one_good_copy_in_a_torn_tail_counts_and_stays() {
    let mut log = started();
    log.append(1, b"a block that is torn away").unwrap();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    let disk = log.into_disk();
    let places = copies(&disk, b"promise two");
    let mut torn = disk.clone();
    torn.flip(&places[0].0, places[0].1, 1);
    let mut log = open(torn);
    assert_eq!(held(&log).payload, b"promise two");
    assert!(held(&log).is_after_gap, "the block before it is gone, so its lock must be fetched");
    // From the first write on it is there twice again, and the torn group is not touched.
    log.append(1, b"next").unwrap();
    log.sync().unwrap();
    log.disk_mut().crash(Crash::LoseAll);
    assert_eq!(copies(log.disk(), b"promise two").len(), 3);
    let log = open(log.into_disk());
    assert_eq!((held(&log).counter, held(&log).is_after_gap), (2, false));
}

// D13, D14: what was promised before the gap is known by what finished writes show, whatever damage lies before it.
// Faults: S06, S07
#[test]
fn a_gap_tells_what_was_promised_before_it_or_that_it_is_lost() {
    let mut log = with_promise_two();
    log.append(1, b"a block that rots").unwrap();
    log.sync().unwrap();
    let mut disk = torn(log, b"promise three");
    rot(&mut disk, b"a block that rots");
    let promise = held(&open(disk.clone())).clone();
    assert_eq!((promise.payload.as_slice(), promise.is_after_gap), (&b"promise three"[..], true));
    assert_eq!(promise.before_gap.as_deref(), Some(&b"promise two"[..]));
    rot_copies(&mut disk, b"promise two");
    let promise = held(&open(disk)).clone();
    assert_eq!((promise.payload.as_slice(), promise.is_after_gap), (&b"promise three"[..], true));
    assert_eq!(promise.before_gap, None, "promise one is there, and was not the last");
}

/// Nothing is left of what `write` writes behind the first `kept` bytes of it.
fn lands_nowhere(mut log: Log<SimDisk>, kept: usize, write: impl FnOnce(&mut Log<SimDisk>)) -> Log<SimDisk> {
    let length = |log: &Log<SimDisk>, file: &str| log.disk().content(file).map_or(0, <[u8]>::len);
    let files = log.disk().list().unwrap();
    let before: Vec<usize> = files.iter().map(|file| length(&log, file)).collect();
    write(&mut log);
    log.sync().unwrap();
    for file in log.disk().list().unwrap() {
        let from = files.iter().position(|known| *known == file).map_or(0, |place| before[place]);
        let mut content = log.disk().content(&file).unwrap().to_vec();
        let is_written = content.len() > from;
        content.iter_mut().skip(from + kept).for_each(|byte| *byte = 0);
        if is_written {
            log.disk_mut().plant(&file, &content);
        }
    }
    log
}

/// A log in which two promises are finished.
fn with_promise_two() -> Log<SimDisk> {
    let mut log = started();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    log
}

/// The first copy of this on the disk rots.
fn rot(disk: &mut SimDisk, text: &[u8]) {
    let (file, offset) = copies(disk, text).remove(0);
    disk.flip(&file, offset, 1);
}

/// A last write of which its block is gone, and the first copy of its promise.
fn torn(mut log: Log<SimDisk>, promise: &[u8]) -> SimDisk {
    let block = b"a block that is torn away";
    log.append(1, block).unwrap();
    log.promise(promise).unwrap();
    log.sync().unwrap();
    let mut disk = log.into_disk();
    rot(&mut disk, block);
    rot(&mut disk, promise);
    disk
}

// D13, D14: groups are numbered, so a write of which nothing is left is missed where a later one was begun.
// Faults: S04, S05
#[test]
fn a_write_that_left_nothing_may_have_held_the_last_promise() {
    let log = with_promise_two();
    let log = lands_nowhere(log, 0, |log| assert_eq!(log.promise(b"promise three").unwrap(), 3));
    let mut disk = torn(log, b"promise four");
    let promise = held(&open(disk.clone()));
    assert_eq!((promise.payload.as_slice(), promise.is_after_gap), (&b"promise four"[..], true));
    assert_eq!(promise.before_gap, None, "promise two is there, and was not the last");
    // Without promise four nobody knows whether it or another was in the hole.
    rot(&mut disk, b"promise four");
    let mut log = open(disk);
    assert_eq!(*log.promises(), Promises::Lost(LostDisk::Damaged { shown: 4, held: 2 }));
    // And it stays so, whatever is written behind it.
    log.append(1, b"an observer's record").unwrap();
    log.sync().unwrap();
    assert_eq!(*open(log.into_disk()).promises(), Promises::Lost(LostDisk::Damaged { shown: 4, held: 2 }));
}

// D14: a write that was finished behind it shows what was promised in a hole.
// Faults: S05, S06
#[test]
fn a_hole_in_which_nothing_was_promised_costs_no_vote() {
    let log = with_promise_two();
    let mut log = lands_nowhere(log, 0, |log| assert!(log.append(1, b"a block").is_ok()));
    log.append(1, b"another block").unwrap();
    log.sync().unwrap();
    let mut disk = torn(log, b"promise three");
    let promise = held(&open(disk.clone()));
    assert_eq!(promise.before_gap.as_deref(), Some(&b"promise two"[..]));
    rot(&mut disk, b"promise three");
    assert_eq!(held(&open(disk)).counter, 2, "what finished writes show is the last one");
}

// D13: what a first torn write left behind the gap is as little promised after a second one.
// Faults: S04, S06
#[test]
fn a_second_torn_write_leaves_what_was_promised_before_the_first() {
    let disk = torn(with_promise_two(), b"promise three");
    // Of the second write the segment's header is there; then its first sector too, with more records than were dropped before.
    for kept in [1024, 1024 + 512] {
        let log = lands_nowhere(open(disk.clone()), kept, |log| {
            (0..12).for_each(|_| assert!(log.append(1, &[7; 40]).is_ok()));
            log.promise(b"promise four").unwrap();
        });
        let log = open(log.into_disk());
        assert_eq!(log.records().count() > 4, kept > 1024);
        let promise = held(&log);
        assert_eq!((promise.payload.as_slice(), promise.is_after_gap), (&b"promise three"[..], true));
        assert_eq!(promise.before_gap.as_deref(), Some(&b"promise two"[..]), "{kept}");
        // Once a write is finished, nobody asks any more.
        let mut log = log;
        log.append(1, b"next").unwrap();
        log.sync().unwrap();
        let log = open(log.into_disk());
        let promise = held(&log);
        assert_eq!((promise.counter, promise.is_after_gap, promise.before_gap), (3, false, None));
        assert_eq!(
            held(&open(torn(log, b"promise five"))).before_gap.as_deref(),
            Some(&b"promise three"[..])
        );
    }
}

#[test]
fn a_promise_whose_records_are_whole_says_so() {
    let mut log = started();
    log.append(1, b"a block").unwrap();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    let mut disk = log.into_disk();
    let places = copies(&disk, b"promise two");
    disk.flip(&places[1].0, places[1].1, 1);
    let log = open(disk);
    assert_eq!((held(&log).counter, held(&log).is_after_gap), (2, false));
    assert_eq!(log.records().count(), 1);
}

// D14
// Faults: S11
#[test]
fn a_bad_pair_before_the_tail_is_a_lost_disk() {
    let mut log = started();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    log.append(1, b"sent under promise two").unwrap();
    log.sync().unwrap();
    let mut disk = log.into_disk();
    rot_copies(&mut disk, b"promise two");
    let mut log = open(disk);
    assert_eq!(*log.promises(), Promises::Lost(LostDisk::Damaged { shown: 2, held: 1 }));
    let error = log.promise(b"promise three").unwrap_err();
    assert!(error.to_string().contains("only observe until the key is replaced"), "{error}");
    // It stays lost, also when the log goes on and is cut, and it still serves.
    let position = log.append(1, b"an observer's record").unwrap();
    log.sync().unwrap();
    log.truncate_before(position).unwrap();
    let log = open(log.into_disk());
    assert!(matches!(log.promises(), Promises::Lost(LostDisk::Damaged { shown: 2, .. })));
    assert_eq!(log.records().count(), 1);
}

#[test]
fn an_older_bad_pair_does_no_harm_once_a_later_promise_is_there() {
    let mut log = started();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    log.promise(b"promise 3").unwrap();
    log.sync().unwrap();
    let mut disk = log.into_disk();
    rot_copies(&mut disk, b"promise two");
    assert_eq!(held(&open(disk)).payload, b"promise 3");
}

#[test]
fn a_sealed_pair_is_not_the_tail() {
    let mut log = started();
    log.promise(b"promise two").unwrap();
    log.seal().unwrap();
    let mut disk = log.into_disk();
    rot_copies(&mut disk, b"promise two");
    assert!(matches!(open(disk).promises(), Promises::Lost(LostDisk::Damaged { shown: 2, held: 1 })));
}

// Faults: S12
// D16
// Faults: S12
#[test]
fn a_key_without_a_promise_is_a_lost_disk() {
    let mut log = open(SimDisk::new());
    assert_eq!(*log.promises(), Promises::Lost(LostDisk::NeverWritten));
    assert!(matches!(
        log.promise(b"nothing but init makes the first"),
        Err(StorageError::PromiseLost { .. })
    ));
    log.append(1, b"a record").unwrap();
    log.sync().unwrap();
    assert!(matches!(log.init_promise(b"too late"), Err(StorageError::PromiseExists)));
    let mut log = open(log.into_disk());
    assert_eq!(*log.promises(), Promises::Lost(LostDisk::NeverWritten));
    assert!(matches!(log.init_promise(b"too late"), Err(StorageError::PromiseExists)));
}

#[test]
fn the_first_promise_is_made_once() {
    let mut log = started();
    assert!(matches!(log.init_promise(b"again"), Err(StorageError::PromiseExists)));
    let mut log = open(log.into_disk());
    assert!(matches!(log.init_promise(b"again"), Err(StorageError::PromiseExists)));
    assert_eq!(held(&log).payload, b"promise one");
}

// D12, D21
#[test]
fn a_counter_never_goes_back_or_is_given_twice() {
    let mut log = started();
    log.promise(b"promise two").unwrap();
    log.sync().unwrap();
    let mut disk = log.into_disk();
    rot_copies(&mut disk, b"promise two");
    // Promise two was torn away, but something may still show its number.
    let mut log = open(disk);
    assert_eq!(held(&log).counter, 1);
    assert_eq!(log.promise(b"promise three").unwrap(), 3);
    log.sync().unwrap();
    assert_eq!(held(&open(log.into_disk())).counter, 3);
}

// Faults: S22
#[test]
fn a_promise_survives_every_truncation() {
    let mut log = started();
    log.promise(b"the latest").unwrap();
    log.sync().unwrap();
    for round in 0..40_u32 {
        let position = log.append(1, &[7; 3000]).unwrap();
        log.sync().unwrap();
        log.truncate_before(position).unwrap();
        if round % 3 == 0 {
            log = open(log.into_disk());
        }
        assert!(log.segment_count() <= 3);
        let reopened = open(log.disk().clone());
        assert_eq!(
            (held(&reopened).payload.as_slice(), held(&reopened).counter),
            (b"the latest".as_slice(), 2)
        );
        assert_eq!(reopened.records().count(), 1);
    }
}

#[test]
fn of_several_promises_in_one_write_the_last_is_kept_twice() {
    let mut log = started();
    for text in [b"promise A", b"promise B", b"promise C"] {
        log.promise(text).unwrap();
    }
    log.sync().unwrap();
    assert_eq!(copies(log.disk(), b"promise C").len(), 2);
    let held = held(&open(log.into_disk()));
    assert_eq!((held.payload.as_slice(), held.counter), (b"promise C".as_slice(), 4));
}

#[test]
fn a_promise_has_a_bound() {
    let mut log = started();
    log.promise(&[3; PROMISE_MAX_BYTES]).unwrap();
    log.sync().unwrap();
    assert!(matches!(log.promise(&[3; PROMISE_MAX_BYTES + 1]), Err(StorageError::TooLarge { .. })));
    assert_eq!(held(&open(log.into_disk())).payload.len(), PROMISE_MAX_BYTES);
}
