//! Stories of one log: power failures that leave any sectors of the write under way, writes that land nowhere, rot, restarts. What
//! was acted upon is kept beside it, and no opening may know less without saying so (D13, D14, scenario 49).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; the counts are told"
)]

use outvote_storage::{Disk, Log, LogOptions, Position, Promises, SECTOR_BYTES, SimDisk};
use std::collections::BTreeMap;

const IDENTITY: [u8; 32] = [1; 32];
const STEPS: u64 = 40;

/// Numbers that a story's own number decides (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What may befall the log besides power failures.
#[derive(Clone, Copy)]
struct Fate {
    /// Writes land nowhere now and then.
    loses_writes: bool,
    /// So many sectors rot at most, each in a write behind which another was finished.
    rots: u64,
}

struct Story {
    log: Log<SimDisk>,
    dice: Dice,
    fate: Fate,
    /// Whether no promise may be lost or forgotten: power failures, and at most one rotten sector.
    is_mild: bool,
    /// The highest promise that was acted upon, and what it was before the writes that were lost and that nothing shows so far.
    acted: u64,
    acted_before_loss: Option<u64>,
    /// The counters under which things were promised.
    counters: BTreeMap<Vec<u8>, u64>,
    /// How long each file was before the last write.
    settled: BTreeMap<String, usize>,
    positions: Vec<Position>,
    is_lost: bool,
    /// Openings that found a promise behind a gap, and losses.
    gaps: u64,
}

fn open(disk: SimDisk) -> Log<SimDisk> {
    Log::open(disk, IDENTITY, LogOptions { segment_bytes: 16384, ..LogOptions::default() }).unwrap().0
}

fn lengths(log: &Log<SimDisk>) -> BTreeMap<String, usize> {
    let files = log.disk().list().unwrap().into_iter();
    files.map(|file| (file.clone(), log.disk().content(&file).map_or(0, <[u8]>::len))).collect()
}

impl Story {
    fn begin(number: u64, fate: Fate) -> Self {
        let mut log = open(SimDisk::new());
        assert_eq!(log.init_promise(b"the first").unwrap(), 1);
        Self {
            log,
            dice: Dice(number),
            fate,
            is_mild: !fate.loses_writes && fate.rots <= 1,
            acted: 1,
            acted_before_loss: None,
            counters: BTreeMap::from([(b"the first".to_vec(), 1)]),
            settled: BTreeMap::new(),
            positions: Vec::new(),
            is_lost: false,
            gaps: 0,
        }
    }

    fn run(mut self) -> (u64, bool) {
        for _ in 0..STEPS {
            let turn = self.dice.below(16);
            if told_alone().is_some() {
                println!("{turn} at {}, {:?}", self.log.next_index(), self.log.promises());
            }
            match turn {
                0..=4 => self.append(),
                5..=7 => self.promise(),
                8..=10 => self.write(),
                11 if self.fate.loses_writes => self.lose_write(),
                12 | 13 => self.fail_power(),
                14 if self.fate.rots > 0 => self.rot(),
                15 => self.drop_the_front(),
                _ => {
                    self.write();
                    self.reopen();
                }
            }
        }
        (self.gaps, self.is_lost)
    }

    fn append(&mut self) {
        let length = self.dice.below(1500) as usize;
        self.positions.push(self.log.append(1, &vec![7; length]).unwrap());
    }

    fn promise(&mut self) {
        if !self.is_lost {
            let text = format!("promise {}", self.counters.len());
            let counter = self.log.promise(text.as_bytes()).unwrap();
            assert!(self.counters.insert(text.into_bytes(), counter).is_none());
        }
    }

    /// The counter under which this was promised.
    fn counter(&self, promise: &[u8]) -> u64 {
        self.counters.get(promise).copied().unwrap()
    }

    /// All that waits is on the disk, and acted upon.
    fn write(&mut self) {
        let before = lengths(&self.log);
        let pending = self.log.pending_bytes() > 0;
        self.log.sync().unwrap();
        if pending {
            self.settled = before;
            self.acted_before_loss = None;
            self.act();
        }
    }

    fn act(&mut self) {
        if let Promises::Held(held) = self.log.promises() {
            // A new segment repeats the latest promise.
            self.acted = self.acted.max(held.counter);
        }
    }

    /// The disk says that it is there, and nothing of it is.
    fn lose_write(&mut self) {
        let before = lengths(&self.log);
        if self.log.pending_bytes() > 0 {
            self.log.sync().unwrap();
            self.acted_before_loss.get_or_insert(self.acted);
            self.act();
            self.keep_sectors(&before, false, |_| false);
        }
    }

    /// Of the write under way any sectors arrive, and the process starts again.
    fn fail_power(&mut self) {
        let before = lengths(&self.log);
        if self.log.pending_bytes() > 0 {
            self.log.sync().unwrap();
            let odds = self.dice.below(101);
            let mut dice = Dice(self.dice.below(u64::MAX));
            if self.keep_sectors(&before, true, |_| dice.below(100) < odds) {
                self.acted_before_loss = None;
            }
        }
        self.reopen();
    }

    /// Says whether any sector that was written since stays.
    fn keep_sectors(
        &mut self,
        before: &BTreeMap<String, usize>,
        is_power_gone: bool,
        mut is_kept: impl FnMut(usize) -> bool,
    ) -> bool {
        let mut is_any_kept = false;
        let is_cut = self.dice.below(2) == 0;
        for (file, length) in lengths(&self.log) {
            let from = before.get(&file).copied().unwrap_or(0);
            let mut content = self.log.disk().content(&file).unwrap().to_vec();
            for place in (from..length).step_by(SECTOR_BYTES) {
                let sector = &mut content[place..place + SECTOR_BYTES];
                if is_kept(place) {
                    // What an earlier write that was lost left out is nothing that this one wrote.
                    is_any_kept |= sector.iter().any(|byte| *byte != 0);
                } else {
                    sector.fill(0);
                }
            }
            if from == length {
                continue;
            }
            // The file's length may have reached the disk, or not.
            let kept = content
                .rchunks(SECTOR_BYTES)
                .take_while(|sector| sector.iter().all(|byte| *byte == 0))
                .count();
            if is_cut {
                content.truncate(content.len() - kept * SECTOR_BYTES);
            }
            self.log.disk_mut().plant(&file, &content);
            // A name that is not durable goes with the power; a process that runs on still has the file open.
            if content.is_empty() && is_power_gone {
                self.log.disk_mut().lose(&file);
            }
        }
        is_any_kept
    }

    fn rot(&mut self) {
        let files: Vec<(String, usize)> =
            self.settled.clone().into_iter().filter(|(_, length)| *length > 0).collect();
        if files.is_empty() {
            return;
        }
        let (file, length) = files[self.dice.below(files.len() as u64) as usize].clone();
        let place = self.dice.below(length as u64);
        if self.log.disk_mut().flip(&file, place, 1) {
            self.fate.rots -= 1;
        }
    }

    fn drop_the_front(&mut self) {
        self.write();
        let known = self.positions.iter().filter(|position| position.index < self.log.next_index());
        if let Some(position) = known.copied().collect::<Vec<_>>().get(self.dice.below(8) as usize) {
            let before = lengths(&self.log);
            let next = self.log.next_index();
            self.log.truncate_before(*position).unwrap();
            if self.log.next_index() > next {
                self.settled = before;
                self.acted_before_loss = None;
                self.act();
            }
        }
    }

    fn reopen(&mut self) {
        self.log = open(self.log.disk().clone());
        self.positions.retain(|position| position.index < self.log.next_index());
        if let Some(acted) = self.acted_before_loss.take() {
            // Nothing on the disk shows that it is an old copy; its peers will (D18).
            self.acted = acted;
        }
        let promises = self.log.promises().clone();
        let Promises::Held(held) = promises else {
            self.is_lost = true;
            assert!(!self.is_mild, "{promises:?} by power failures and one rotten sector at most");
            return;
        };
        assert!(!self.is_lost, "what was lost is trusted again: {held:?}");
        assert_eq!(self.counter(&held.payload), held.counter);
        assert!(held.counter >= self.acted, "{held:?} after {} was acted upon", self.acted);
        if !held.is_after_gap {
            self.acted = held.counter;
            return;
        }
        self.gaps += 1;
        match &held.before_gap {
            Some(before) => {
                assert!(self.counter(before) >= self.acted, "{held:?} after {} was acted upon", self.acted)
            }
            None => assert!(!self.is_mild, "{held:?} by power failures and one rotten sector at most"),
        }
    }
}

/// The one story that is told, turn by turn.
fn told_alone() -> Option<u64> {
    std::env::var("OUTVOTE_STORY").ok()?.parse().ok()
}

fn tell(name: &str, stories: u64, fate: Fate) -> (u64, u64) {
    let (mut gaps, mut losses) = (0, 0);
    for number in told_alone().map_or(0..stories, |alone| alone..alone + 1) {
        let told = std::panic::catch_unwind(|| Story::begin(number, fate).run());
        let (found, is_lost) = told.unwrap_or_else(|_| {
            let command = "cargo test --release -p outvote-storage --test promise_stories";
            panic!("story {number}: OUTVOTE_STORY={number} {command} {name} -- --nocapture")
        });
        gaps += found;
        losses += u64::from(is_lost);
    }
    println!("{name}: {stories} stories, {gaps} promises behind a gap, {losses} disks lost");
    (gaps, losses)
}

fn stories() -> u64 {
    std::env::var("OUTVOTE_STORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(3_000)
}

// Faults: S04, S06
#[test]
fn power_failures_cost_no_vote_and_no_promise() {
    let (gaps, losses) = tell("power_failures_cost", stories(), Fate { loses_writes: false, rots: 0 });
    assert!(gaps > 0 && losses == 0);
}

// Faults: S05, S06
#[test]
fn a_disk_that_loses_writes_is_never_trusted_for_less_than_was_acted_upon() {
    let (gaps, losses) = tell("loses_writes", stories(), Fate { loses_writes: true, rots: 0 });
    assert!(gaps > 0 && losses > 0);
}

// Faults: S06, S07
#[test]
fn a_rotten_sector_beside_power_failures_takes_no_promise_back() {
    let (gaps, losses) = tell("rotten", stories(), Fate { loses_writes: false, rots: 1 });
    assert!(gaps > 0 && losses == 0);
    tell("rotten", stories(), Fate { loses_writes: true, rots: 3 });
}
