//! Rot, tears, misdirected and lost writes, foreign and newer files: damage is found, and never becomes a wrong
//! record.

use outvote_storage::{
    Crash, Disk, Entry, Fault, LOG_VERSION, Log, LogOptions, Promises, SECTOR_BYTES, SimDisk, StorageError,
};

const IDENTITY: [u8; 32] = [5; 32];
const OPTIONS: LogOptions = LogOptions { segment_bytes: 8192, group_max_bytes: 1 << 20 };

fn open(disk: SimDisk) -> (Log<SimDisk>, outvote_storage::Recovery) {
    Log::open(disk, IDENTITY, OPTIONS).unwrap()
}

fn payload(number: usize) -> Vec<u8> {
    let mut payload = format!("this is the record with number {number:03}").into_bytes();
    payload.extend((0..100 + number * 37).map(|byte| (byte * 7 + number) as u8));
    payload
}

/// Several groups in several segments, twelve records, two promises; sealed, so that nothing is a tail.
fn sample() -> (SimDisk, Vec<Vec<u8>>) {
    let (mut log, _) = open(SimDisk::new());
    log.init_promise(b"first").unwrap();
    let payloads: Vec<_> = (0..24).map(payload).collect();
    for (number, payload) in payloads.iter().enumerate() {
        log.append(1, payload).unwrap();
        if number == 13 {
            log.promise(b"second").unwrap();
        }
        if number % 3 == 2 {
            log.sync().unwrap();
        }
    }
    log.seal().unwrap();
    assert!(log.segment_count() > 1);
    (log.into_disk(), payloads)
}

struct Found {
    payloads: Vec<Vec<u8>>,
    holes: usize,
}

/// All entries; every hole must lie between what surrounds it.
fn replay(log: &Log<SimDisk>) -> Found {
    let mut found = Found { payloads: Vec::new(), holes: 0 };
    let mut next = None;
    for entry in log.records() {
        match entry.unwrap() {
            Entry::Record(record) => {
                assert!(next.is_none_or(|next| record.position.index >= next));
                next = Some(record.position.index + 1);
                found.payloads.push(record.payload);
            }
            Entry::Damage(damage) => {
                assert!(!damage.missing.is_empty());
                assert!(next.is_none_or(|next| damage.missing.start >= next));
                assert!(damage.to_string().contains(&damage.file));
                next = Some(damage.missing.end);
                found.holes += 1;
            }
        }
    }
    found
}

fn is_subsequence(part: &[Vec<u8>], whole: &[Vec<u8>]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|wanted| rest.any(|other| other == wanted))
}

fn segments(disk: &SimDisk) -> Vec<String> {
    disk.list().unwrap()
}

#[test]
fn a_log_is_found_as_it_was_left() {
    let (disk, payloads) = sample();
    let (log, recovery) = open(disk);
    assert_eq!(recovery.torn_tail, None);
    assert!(recovery.damaged_headers.is_empty());
    let found = replay(&log);
    assert_eq!((found.payloads, found.holes), (payloads, 0));
    assert!(matches!(log.promises(), Promises::Held(held) if held.payload == b"second" && held.counter == 2));
}

// Faults: S07, S20, M10
#[test]
fn no_flipped_byte_of_a_sealed_log_is_missed_or_believed() {
    let (disk, payloads) = sample();
    for file in segments(&disk) {
        let length = disk.length(&file).unwrap();
        for offset in 0..length {
            let mut disk = disk.clone();
            assert!(disk.flip(&file, offset, 1 << (offset % 8)));
            let (log, recovery) = open(disk);
            let found = replay(&log);
            assert!(
                is_subsequence(&found.payloads, &payloads),
                "{file} byte {offset}: a record was invented"
            );
            // One sector is gone: never a whole group, never the promise, never the end.
            assert!(found.payloads.len() + 8 >= payloads.len());
            if found.payloads.len() < payloads.len() {
                assert!(
                    found.holes > 0 || recovery.torn_tail.is_some(),
                    "{file} byte {offset}: lost without a word"
                );
                let is_last = file == segments(log.disk()).last().unwrap().as_str();
                assert!(found.holes > 0 || is_last, "{file} byte {offset}: damage passed for a torn tail");
            }
            let held = matches!(log.promises(), Promises::Held(held) if held.payload == b"second");
            assert!(held, "{file} byte {offset}: one copy of the promise is enough");
        }
    }
}

// Faults: S07
#[test]
fn damage_in_the_middle_is_named_and_the_rest_stays_readable() {
    let (disk, payloads) = sample();
    let (log, _) = open(disk);
    let entries: Vec<_> = log.records().map(Result::unwrap).collect();
    let Entry::Record(victim) = entries[4].clone() else { panic!("no damage yet") };
    let Entry::Record(later) = entries[20].clone() else { panic!("no damage yet") };
    let mut disk = log.into_disk();
    let file = segments(&disk)[0].clone();
    let at =
        disk.content(&file).unwrap().windows(34).position(|window| window == &victim.payload[..34]).unwrap();
    disk.flip(&file, at as u64, 0x10);
    let (log, recovery) = open(disk);
    assert_eq!(recovery.torn_tail, None);
    let damage = log.records().find_map(|entry| match entry.unwrap() {
        Entry::Damage(damage) => Some(damage),
        Entry::Record(_) => None,
    });
    let damage = damage.unwrap();
    assert_eq!((damage.segment, damage.offset), (1, (at / SECTOR_BYTES * SECTOR_BYTES) as u64));
    assert!(damage.missing.contains(&victim.position.index));
    assert_eq!(log.read(later.position).unwrap(), later);
    let error = log.read(victim.position).unwrap_err();
    assert!(error.to_string().contains("fetched from the other replicas"), "{error}");
    assert!(replay(&log).payloads.len() >= payloads.len() - 4);
}

// Faults: S04
#[test]
fn a_torn_tail_is_dropped_at_every_cut_point() {
    let (mut log, _) = open(SimDisk::new());
    log.init_promise(b"first").unwrap();
    let early: Vec<_> = (0..4).map(payload).collect();
    for payload in &early {
        log.append(1, payload).unwrap();
    }
    log.sync().unwrap();
    let file = segments(log.disk()).pop().unwrap();
    let kept = log.disk().length(&file).unwrap();
    let late: Vec<_> = (4..9).map(payload).collect();
    for payload in &late {
        log.append(1, payload).unwrap();
    }
    log.promise(b"second").unwrap();
    log.sync().unwrap();
    let disk = log.into_disk();
    let whole = disk.content(&file).unwrap().to_vec();
    let all = [early.clone(), late].concat();
    let mut lengths = Vec::new();
    for cut in (kept as usize)..whole.len() {
        let mut disk = disk.clone();
        disk.plant(&file, &whole[..cut]);
        let (log, recovery) = open(disk);
        let found = replay(&log);
        assert_eq!(found.holes, 0);
        assert!(found.payloads.len() >= early.len() && all.starts_with(&found.payloads));
        if cut > kept as usize {
            let torn = recovery.torn_tail.unwrap_or_else(|| panic!("cut at {cut} of {}", whole.len()));
            assert!(torn.file == file && torn.offset <= cut as u64, "cut at {cut}: {torn:?}");
        }
        lengths.push(found.payloads.len());
        // What was dropped does not come back after the log went on.
        let mut log = log;
        log.append(1, b"after").unwrap();
        log.sync().unwrap();
        let (log, _) = open(log.into_disk());
        let again = replay(&log);
        assert_eq!(again.payloads[..found.payloads.len()], found.payloads);
        assert_eq!(again.payloads[found.payloads.len()..], [b"after".to_vec()]);
        assert_eq!(again.holes, 0);
    }
    assert!(lengths.is_sorted() && lengths.first() < lengths.last());
}

// Faults: S09, S10
#[test]
fn a_lost_or_misdirected_write_is_found() {
    for fault in
        [Fault::LostWrite, Fault::Misdirected { offset: 20 * 512 }, Fault::Misdirected { offset: 1024 }]
    {
        let (mut log, _) = open(SimDisk::new());
        log.init_promise(b"first").unwrap();
        let mut payloads = Vec::new();
        for number in 0..4 {
            if number == 2 {
                let now = log.disk().operations();
                log.disk_mut().fail_at(now, fault.clone());
            }
            payloads.push(payload(number));
            log.append(1, &payload(number)).unwrap();
            log.sync().unwrap();
        }
        log.seal().unwrap();
        let (log, _) = open(log.into_disk());
        let found = replay(&log);
        assert!(found.holes > 0, "{fault:?}");
        assert!(is_subsequence(&found.payloads, &payloads));
        assert!(!found.payloads.contains(&payloads[2]) || fault != Fault::LostWrite);
        assert!(found.payloads.contains(&payloads[3]));
    }
}

// Faults: S10
#[test]
fn a_missing_segment_is_damage_and_not_a_shorter_log() {
    let (disk, payloads) = sample();
    let names = segments(&disk);
    for name in &names[..names.len() - 1] {
        let mut disk = disk.clone();
        disk.lose(name);
        let (log, _) = open(disk);
        let found = replay(&log);
        assert_eq!(found.holes, 1, "{name}");
        assert!(is_subsequence(&found.payloads, &payloads) && found.payloads.len() < payloads.len());
    }
}

// Faults: S10
#[test]
fn an_old_copy_of_one_segment_is_damage() {
    let (disk, _) = sample();
    let first = segments(&disk)[0].clone();
    let content = disk.content(&first).unwrap();
    let mut old = disk.clone();
    old.plant(&first, &content[..content.len() - 4 * SECTOR_BYTES]);
    let (log, recovery) = open(old);
    assert_eq!(recovery.torn_tail, None);
    assert!(replay(&log).holes > 0);
}

// Faults: S09
#[test]
fn a_segment_in_the_place_of_another_is_not_believed() {
    let (disk, payloads) = sample();
    let names = segments(&disk);
    let mut swapped = disk.clone();
    swapped.plant(&names[0], disk.content(&names[1]).unwrap());
    let (log, recovery) = open(swapped);
    assert!(replay(&log).holes > 0 && is_subsequence(&replay(&log).payloads, &payloads));
    assert!(recovery.torn_tail.is_none());
}

// Faults: S13
#[test]
fn a_log_of_another_identity_is_refused() {
    let (disk, _) = sample();
    let error = Log::open(disk, [6; 32], OPTIONS).unwrap_err();
    assert!(matches!(error, StorageError::Foreign { .. }));
    assert!(error.to_string().contains("swapped"), "{error}");
}

// Faults: M16, O08
#[test]
fn a_log_of_a_later_format_is_refused() {
    let (mut disk, _) = sample();
    let name = segments(&disk)[0].clone();
    for copy in 0..2 {
        disk.flip(&name, copy * 512 + 12, LOG_VERSION as u8 ^ 9);
    }
    let error = Log::open(disk, IDENTITY, OPTIONS).unwrap_err();
    assert_eq!(error, StorageError::Newer { file: name, found: 9, known: LOG_VERSION });
    assert!(error.to_string().contains("newer program"));
}

// Faults: S11
#[test]
fn a_log_with_both_copies_of_a_header_gone_keeps_its_records() {
    let (disk, payloads) = sample();
    for name in segments(&disk) {
        let mut disk = disk.clone();
        disk.flip(&name, 30, 1);
        disk.flip(&name, 512 + 30, 1);
        let (log, recovery) = open(disk);
        assert_eq!(recovery.damaged_headers, [name]);
        assert_eq!(replay(&log).payloads, payloads);
    }
}

// Faults: M10
#[test]
fn a_log_that_is_not_ours_costs_no_memory_and_no_panic() {
    let mut state = 1_u64;
    for length in [0, 1, 511, 512, 1024, 5000, 40_000] {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            bytes.push((state >> 33) as u8);
        }
        let mut disk = SimDisk::new();
        disk.plant("log-00000000000000000001.segment", &bytes);
        disk.plant("notes.txt", b"not ours");
        let (mut log, recovery) = open(disk);
        assert!(recovery.is_empty && recovery.torn_tail.is_some());
        assert!(replay(&log).payloads.is_empty());
        log.init_promise(b"first").unwrap();
        log.disk_mut().crash(Crash::LoseAll);
        let (log, _) = open(log.into_disk());
        assert!(matches!(log.promises(), Promises::Held(_)));
    }
}

// Faults: S09
#[test]
fn a_sector_in_the_place_of_another_is_never_believed() {
    let (disk, payloads) = sample();
    let names = segments(&disk);
    let last = names.last().unwrap();
    for (from, to) in names.iter().flat_map(|from| names.iter().map(move |to| (from, to))) {
        let source = disk.content(from).unwrap().to_vec();
        let target = disk.content(to).unwrap().to_vec();
        for (number, sector) in source.chunks_exact(SECTOR_BYTES).enumerate().step_by(3) {
            // The same place in another segment, and other places in the same one.
            for place in [number, number + 1, number + 2, number + 7] {
                let start = place * SECTOR_BYTES;
                if start >= target.len() || target[start..start + SECTOR_BYTES] == *sector {
                    continue;
                }
                let mut content = target.clone();
                content[start..start + SECTOR_BYTES].copy_from_slice(sector);
                let mut disk = disk.clone();
                disk.plant(to, &content);
                let (log, recovery) = open(disk);
                let found = replay(&log);
                assert!(is_subsequence(&found.payloads, &payloads), "{from} {number} at {to} {place}");
                if found.payloads.len() < payloads.len() {
                    assert!(found.holes > 0 || to == last && recovery.torn_tail.is_some());
                }
                assert!(matches!(log.promises(), Promises::Held(held) if held.payload == b"second"));
            }
        }
    }
}

// Faults: S07, S20
#[test]
fn a_sector_that_cannot_be_read_is_damage_and_at_the_end_an_error() {
    let (disk, payloads) = sample();
    let (mut opened, mut refused) = (0, 0);
    for file in segments(&disk) {
        let is_last = file == *segments(&disk).last().unwrap();
        for sector in 0..disk.length(&file).unwrap() / SECTOR_BYTES as u64 {
            let mut disk = disk.clone();
            disk.set_unreadable_sector(&file, sector);
            match Log::open(disk, IDENTITY, OPTIONS) {
                Ok((log, recovery)) => {
                    let found = replay(&log);
                    assert!(is_subsequence(&found.payloads, &payloads), "{file} sector {sector}");
                    assert!(
                        found.payloads.len() == payloads.len() || found.holes > 0,
                        "{file} sector {sector}"
                    );
                    assert!(recovery.torn_tail.is_none(), "{file} sector {sector} passed for a torn tail");
                    assert!(matches!(log.promises(), Promises::Held(held) if held.payload == b"second"));
                    opened += 1;
                }
                Err(error) => {
                    assert!(is_last && error.to_string().contains(&file), "{file} sector {sector}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(opened > 20 && refused > 0, "{opened} opened, {refused} refused");
}

// Faults: S18
#[test]
fn a_disk_that_reads_nothing_is_an_error_and_no_empty_log() {
    let (disk, _) = sample();
    for file in segments(&disk) {
        let mut whole = disk.clone();
        whole.set_unreadable(&file, true);
        let error = Log::open(whole, IDENTITY, OPTIONS).unwrap_err();
        assert!(error.to_string().contains(&file), "{error}");
        let mut most = disk.clone();
        (2..disk.length(&file).unwrap() / 512).for_each(|sector| most.set_unreadable_sector(&file, sector));
        assert!(Log::open(most, IDENTITY, OPTIONS).is_err(), "{file}");
    }
}
