//! What is left of a simulated disk after the power went.

use std::collections::BTreeMap;

use crate::disk::SECTOR_BYTES;
use crate::disk::sim::{Change, NameChange, SimDisk, SimFile, apply};

/// Which of the changes that were not synced are on the disk after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// None of them.
    LoseAll,
    /// All of them, and they stay unsynced: the process was killed, the machine went on.
    KillProcess,
    /// The first so many, in the order in which they were made.
    Prefix(u64),
    /// Those whose bit is set: the change number n is kept when bit n is. Changes from 64 on are lost.
    Subset(u64),
    /// All changes before `change`, and of that one only the first `sectors` sectors.
    Torn {
        /// The number of the change, counted from 0.
        change: u64,
        /// How many of its sectors are kept.
        sectors: u64,
    },
    /// Each sector of each change by the toss of a coin, the same for the same seed.
    Random(u64),
}

/// What a piece is a piece of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// A file created, renamed or removed.
    Name,
    /// The new length of a file, the content still zeros.
    Length,
    /// One sector of a write, counted from the start of that write.
    Sector(u64),
}

/// The smallest thing that is kept or lost in a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The number of the unsynced change it belongs to, in the order in which they were made, from 0.
    pub change: u64,
    /// Which part of it.
    pub kind: PieceKind,
}

impl SimDisk {
    /// How many changes are not durable.
    pub fn unsynced_changes(&self) -> u64 {
        let contents: usize = self.files.values().map(|file| file.changes.len()).sum();
        (contents + self.name_changes.len()) as u64
    }

    /// The power goes and comes back: of what was not synced, only the choice is left.
    pub fn crash(&mut self, choice: Crash) {
        match choice {
            Crash::KillProcess => self.is_stopped = false,
            Crash::LoseAll => self.crash_with(|_| false),
            Crash::Prefix(count) => self.crash_with(|piece| piece.change < count),
            Crash::Subset(mask) => {
                self.crash_with(|piece| piece.change < 64 && mask >> piece.change & 1 == 1)
            }
            Crash::Torn { change, sectors } => self.crash_with(|piece| {
                let is_kept = match piece.kind {
                    PieceKind::Sector(sector) => sector < sectors,
                    PieceKind::Name | PieceKind::Length => false,
                };
                piece.change < change || piece.change == change && is_kept
            }),
            Crash::Random(seed) => {
                let mut state = seed;
                self.crash_with(|_| coin(&mut state));
            }
        }
    }

    /// The same with a choice for each piece.
    pub fn crash_with(&mut self, mut keep: impl FnMut(&Piece) -> bool) {
        let order = self.change_numbers();
        let number = |operation: &u64| order.get(operation).copied().unwrap_or(u64::MAX);
        for file in self.files.values_mut() {
            let changes = std::mem::take(&mut file.changes);
            for (operation, change) in changes {
                keep_pieces(file, number(&operation), change, &mut keep);
            }
            file.seen = file.durable.clone();
        }
        for (operation, change) in std::mem::take(&mut self.name_changes) {
            if keep(&Piece { change: number(&operation), kind: PieceKind::Name }) {
                self.keep_name(change);
            }
        }
        self.names = self.durable_names.clone();
        let (names, files) = (&self.names, &mut self.files);
        files.retain(|id, _| names.values().any(|used| used == id));
        self.is_stopped = false;
    }

    /// Maps the operations with unsynced changes to 0, 1, 2 and so on.
    fn change_numbers(&self) -> BTreeMap<u64, u64> {
        let contents =
            self.files.values().flat_map(|file| file.changes.iter().map(|(operation, _)| *operation));
        let mut all: Vec<u64> =
            contents.chain(self.name_changes.iter().map(|(operation, _)| *operation)).collect();
        all.sort_unstable();
        all.into_iter().zip(0..).collect()
    }

    fn keep_name(&mut self, change: NameChange) {
        match change {
            NameChange::Create { name, file } => {
                self.durable_names.insert(name, file);
            }
            // A rename whose creation was lost has nothing to rename.
            NameChange::Rename { from, to } => {
                if let Some(file) = self.durable_names.remove(&from) {
                    self.durable_names.insert(to, file);
                }
            }
            NameChange::Remove { name } => {
                self.durable_names.remove(&name);
            }
        }
    }
}

/// Applies those pieces of a change that are kept. Sectors are those of the disk, not of the write.
fn keep_pieces(
    file: &mut SimFile,
    change_number: u64,
    change: Change,
    keep: &mut impl FnMut(&Piece) -> bool,
) {
    let (offset, bytes) = match change {
        Change::Write { offset, bytes } => (offset, bytes),
        Change::Truncate { .. } => {
            if keep(&Piece { change: change_number, kind: PieceKind::Length }) {
                apply(&mut file.durable, &change);
            }
            return;
        }
    };
    let end = offset + bytes.len() as u64;
    if keep(&Piece { change: change_number, kind: PieceKind::Length }) && (file.durable.len() as u64) < end {
        apply(&mut file.durable, &Change::Truncate { length: end });
    }
    let sector_bytes = SECTOR_BYTES as u64;
    let mut start = offset;
    let mut sector = 0;
    while start < end {
        let stop = (start / sector_bytes * sector_bytes + sector_bytes).min(end);
        if keep(&Piece { change: change_number, kind: PieceKind::Sector(sector) }) {
            let range = (start - offset) as usize..(stop - offset) as usize;
            apply(&mut file.durable, &Change::Write { offset: start, bytes: bytes[range].to_vec() });
        }
        start = stop;
        sector += 1;
    }
}

/// SplitMix64: a coin that falls the same way for the same seed.
fn coin(state: &mut u64) -> bool {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *state;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ (value >> 31)) & 1 == 1
}
