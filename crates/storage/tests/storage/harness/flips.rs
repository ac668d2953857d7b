//! Bits that flip in files at rest. What is read is right or an error that names what is damaged, never anything else.

use super::log::{LogSubject, Step as LogStep};
use super::state::{StateSubject, Step as StateStep};
use super::{Failure, SharedDisk, Subject};
use outvote_storage::{Disk, SimDisk, StorageError};
use std::panic::Location;

/// What came of the flips.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flips {
    /// How many were tried.
    pub tried: u64,
    /// Refused at the opening, by name.
    pub refused: u64,
    /// Opened, and some of it missing or damaged, by name.
    pub named: u64,
    /// Opened as it was one commit ago, whole: what is missing comes again from the log and the others.
    pub older: u64,
}

/// A disk with a log of several segments, closed in order, and the steps that made it.
pub fn log_sample() -> (SimDisk, <LogSubject as Subject>::Model) {
    let disk = SharedDisk::of(SimDisk::new());
    let mut model = LogSubject::base(&disk);
    let mut subject = LogSubject::open(&disk).unwrap();
    use LogStep::{Group, Large, Seal, Small, Sync};
    for step in [Group, Small, Small, Sync, Large, Group, Small, Sync, Group, Seal] {
        subject.run(&mut model, step).unwrap();
    }
    drop(subject);
    (disk.copy(), model)
}

/// A disk with a state of several commits and a mark.
pub fn state_sample() -> (SimDisk, <StateSubject as Subject>::Model) {
    let disk = SharedDisk::of(SimDisk::new());
    let mut model = StateSubject::<true>::base(&disk);
    let mut subject = StateSubject::<true>::open(&disk).unwrap();
    for step in [StateStep::PutLarge, StateStep::Mark, StateStep::Put, StateStep::Remove] {
        subject.run(&mut model, step).unwrap();
    }
    drop(subject);
    (disk.copy(), model)
}

/// Flips these bits of a file, each in a copy of the disk, and judges what the real code makes of it.
pub fn flip<S: Subject>(
    (disk, model): &(SimDisk, S::Model),
    file: &str,
    bits: impl Iterator<Item = u64>,
    mut judge: impl FnMut(&S, &S::Model, &mut Flips) -> Result<(), String>,
) -> Result<Flips, Failure> {
    let mut flips = Flips::default();
    for bit in bits {
        let mut flipped = disk.clone();
        if !flipped.flip(file, bit / 8, 1 << (bit % 8)) {
            break;
        }
        flips.tried += 1;
        let tried = match S::open(&SharedDisk::of(flipped)) {
            Ok(subject) => judge(&subject, model, &mut flips),
            Err(error) if names(&error, file) => {
                flips.refused += 1;
                Ok(())
            }
            Err(error) => Err(format!("refused, and the file is not named: {error}")),
        };
        tried.map_err(|what| Failure(format!("{what}\n  bit {} of byte {} of {file}", bit % 8, bit / 8)))?;
    }
    Ok(flips)
}

fn names(error: &StorageError, file: &str) -> bool {
    error.to_string().contains(file)
}

/// Of a log: nothing invented, nothing missing without a word, and the last promise.
pub fn judge_log(
    subject: &LogSubject,
    model: &<LogSubject as Subject>::Model,
    flips: &mut Flips,
) -> Result<(), String> {
    subject.check_on_a_lying_disk(model)?;
    flips.named += u64::from(subject.check(&mut model.clone()).is_err());
    Ok(())
}

/// Of a state: what was committed last, or before it, as a whole; or a page that is named when it is read.
pub fn judge_state<const WHOLE: bool>(
    subject: &StateSubject<WHOLE>,
    model: &<StateSubject as Subject>::Model,
    flips: &mut Flips,
) -> Result<(), String> {
    subject.check_on_a_lying_disk(model)?;
    match (subject.is_readable(), subject.check(&mut model.clone())) {
        (true, Err(_)) => flips.older += 1,
        (false, _) => flips.named += 1,
        (true, Ok(())) => {}
    }
    Ok(())
}

/// The bits of a file that are worth flipping in a hurry: all in these places, then one of each byte that says anything.
pub fn telling_bits(disk: &SimDisk, file: &str, heads: &[std::ops::Range<u64>], every: usize) -> Vec<u64> {
    let content = disk.content(file).unwrap_or_default();
    let all = heads.iter().flat_map(|head| head.start * 8..head.end * 8);
    let rest = (0..content.len() as u64)
        .filter(|at| content[*at as usize] != 0 && !heads.iter().any(|head| head.contains(at)));
    all.chain(rest.step_by(every).map(|at| at * 8 + at % 8)).collect()
}

/// All bits of a file.
pub fn all_bits(disk: &SimDisk, file: &str) -> std::ops::Range<u64> {
    0..disk.length(file).unwrap_or_default() * 8
}

/// The database library gives up on some damage with a panic, which is caught and becomes an error; it need not fill the
/// screen.
pub fn quieten_the_database() {
    // The hook is the process's: one test more does not put another one around it.
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.location().map(Location::file).is_some_and(|file| file.contains("redb")) {
                shown(panic);
            }
        }));
    });
}
