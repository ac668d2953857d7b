//! Misdirected writes: a sector, or a whole file, that is intact but in the wrong place says no more than rot would.

use outvote_storage::{Disk, Entry, Log, LogOptions, Recovery, SECTOR_BYTES, SimDisk};

const IDENTITY: [u8; 32] = [5; 32];
const OPTIONS: LogOptions = LogOptions { segment_bytes: 4096, group_max_bytes: 1 << 20 };
/// Every so many pairs of places are tried.
const STRIDE: usize = 5;

/// Some groups in some segments, and two promises; not sealed, so that there is a tail.
fn sample() -> SimDisk {
    let (mut log, _) = Log::open(SimDisk::new(), IDENTITY, OPTIONS).unwrap();
    log.init_promise(b"first").unwrap();
    for number in 0..16u8 {
        log.append(1, &vec![number; 60 + usize::from(number) * 30]).unwrap();
        if number == 9 {
            log.promise(b"second").unwrap();
        }
        if number % 2 == 1 {
            log.sync().unwrap();
        }
    }
    assert!(log.segment_count() > 2);
    log.into_disk()
}

/// All that an opening tells: records and holes, the promise, and where it goes on.
fn told(disk: SimDisk) -> (Vec<Entry>, String, Recovery) {
    let (log, recovery) = Log::open(disk, IDENTITY, OPTIONS).unwrap();
    let entries = log.records().map(Result::unwrap).collect();
    (entries, format!("{:?}", log.promises()), recovery)
}

/// The disk with these bytes written over a place of a file.
fn overwritten(disk: &SimDisk, file: &str, offset: usize, bytes: &[u8]) -> SimDisk {
    let mut content = disk.content(file).unwrap().to_vec();
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
    let mut disk = disk.clone();
    disk.plant(file, &content);
    disk
}

/// Found by the place that the checksum covers.
// Faults: S09
#[test]
fn a_sector_in_a_wrong_place_says_no_more_than_a_rotten_one() {
    let disk = sample();
    let places: Vec<(String, usize)> = disk
        .list()
        .unwrap()
        .into_iter()
        .flat_map(|file| {
            let sectors = disk.content(&file).unwrap().len() / SECTOR_BYTES;
            (0..sectors).map(move |sector| (file.clone(), sector * SECTOR_BYTES))
        })
        .collect();
    let rot = [0xa5; SECTOR_BYTES];
    for (number, (file, offset)) in places.iter().enumerate() {
        let rotten = told(overwritten(&disk, file, *offset, &rot));
        for (from, at) in places.iter().skip(number % STRIDE).step_by(STRIDE) {
            if (from, at) == (file, offset) {
                continue;
            }
            let sector = &disk.content(from).unwrap()[*at..at + SECTOR_BYTES];
            let misdirected = told(overwritten(&disk, file, *offset, sector));
            assert!(misdirected == rotten, "{from} byte {at} written to {file} byte {offset}");
        }
    }
}

/// A segment's header says which one it is.
// Faults: S09
#[test]
fn a_segment_under_the_name_of_another_says_no_more_than_a_rotten_one() {
    let disk = sample();
    let files = disk.list().unwrap();
    for (from, to) in files.iter().flat_map(|from| files.iter().map(move |to| (from, to))) {
        if from == to {
            continue;
        }
        let content = disk.content(from).unwrap().to_vec();
        let (mut swapped, mut rotten) = (disk.clone(), disk.clone());
        swapped.plant(to, &content);
        rotten.plant(to, &vec![0xa5; content.len()]);
        assert!(told(swapped) == told(rotten), "{from} in place of {to}");
    }
}
