//! The log's files: whatever is in them, opening ends, and what it finds stays found.

use outvote_storage::{Disk as _, Entry, Log, LogOptions, SimDisk};

const IDENTITY: [u8; 32] = [5; 32];
const OPTIONS: LogOptions = LogOptions { segment_bytes: 4096, group_max_bytes: 1 << 16 };
/// What the input may do to a file: a place, how many bytes, and the bytes.
const PATCH_HEAD: usize = 4;

/// A log with several records, two promises and more than one segment.
fn written(is_sealed: bool) -> Option<SimDisk> {
    let (mut log, _) = Log::open(SimDisk::new(), IDENTITY, OPTIONS).ok()?;
    log.init_promise(b"first").ok()?;
    for number in 0..12u8 {
        log.append(1, &vec![number; 40 + usize::from(number) * 60]).ok()?;
        if number == 7 {
            log.promise(b"second").ok()?;
        }
        if number % 3 == 2 {
            log.sync().ok()?;
        }
    }
    if is_sealed {
        log.seal().ok()?;
    }
    Some(log.into_disk())
}

thread_local! {
    static DISKS: [Option<SimDisk>; 2] = [written(false), written(true)];
}

/// The first byte chooses the disk; patches follow.
pub(crate) fn run(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else { return };
    let Some(mut disk) = DISKS.with(|disks| disks[usize::from(first % 2)].clone()) else { return };
    let names = disk.list().unwrap_or_default();
    while let [file, low, high, length, more @ ..] = rest {
        let (bytes, behind) = more.split_at(more.len().min(usize::from(*length)));
        rest = behind;
        let Some(name) = names.get(usize::from(*file) % (names.len() + 1)) else {
            // A file that nobody wrote.
            disk.plant(&format!("{:020}.log", u64::from(*low)), bytes);
            continue;
        };
        let at = usize::from(u16::from_le_bytes([*low, *high]));
        let mut content = disk.content(name).unwrap_or_default().to_vec();
        let at = at.min(content.len());
        if *length == 0 {
            content.truncate(at);
        } else {
            let end = content.len().min(at + bytes.len());
            content.splice(at..end, bytes.iter().copied());
        }
        disk.plant(name, &content);
    }
    opens(disk);
}

/// What was found: an error that says so, or records with rising places.
fn opens(disk: SimDisk) {
    let size: usize =
        disk.list().unwrap_or_default().iter().filter_map(|name| disk.content(name)).map(<[u8]>::len).sum();
    let Ok((log, recovery)) =
        crate::allocation::bounded(size, 16, 4 << 20, || Log::open(disk, IDENTITY, OPTIONS))
    else {
        return;
    };
    let mut last = None;
    for entry in log.records() {
        match entry {
            Ok(Entry::Record(record)) => {
                let index = record.position.index;
                assert!(last.is_none_or(|last| index > last), "records come in order");
                assert!(
                    log.read(record.position).is_ok_and(|again| again == record),
                    "a record is found again"
                );
                last = Some(index);
            }
            Ok(Entry::Damage(damage)) => assert!(!damage.missing.is_empty(), "damage takes something away"),
            Err(_) => return,
        }
    }
    assert!(last.is_none_or(|last| last < recovery.next_index));
    let promises = log.promises().clone();
    // Opening changes nothing that another opening would see.
    let again = Log::open(log.into_disk(), IDENTITY, OPTIONS);
    assert!(again.is_ok_and(|(log, found)| *log.promises() == promises && found == recovery), "opened twice");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let patch = |file: u8, at: u16, bytes: &[u8]| {
        let mut patch =
            vec![file, at.to_le_bytes()[0], at.to_le_bytes()[1], u8::try_from(bytes.len()).unwrap_or(0)];
        patch.extend(bytes);
        patch
    };
    let mut seeds = vec![vec![0], vec![1]];
    for disk in [0u8, 1] {
        for (file, at) in [(0, 0), (0, 512), (0, 1024), (1, 40), (1, 600), (2, 1100)] {
            seeds.push([vec![disk], patch(file, at, &[0xff; 8])].concat());
            seeds.push([vec![disk], patch(file, at, &[])].concat());
        }
        seeds.push([vec![disk], patch(9, 9, &[0; 64]), patch(0, 300, &[1; PATCH_HEAD])].concat());
    }
    seeds
}
