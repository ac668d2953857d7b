//! The state's file: what is read of a large one that was never checked as a whole is what was written, or an error.

use outvote_storage::{Change, StateOptions, StateStore, StorageError};
use std::ops::Range;
use std::path::{Path, PathBuf};

const PAGE: usize = 4096;
const ROWS: u16 = 20_000;
/// What each row holds in the end.
const VALUE: [u8; 100] = [2; 100];

/// Options of a database that counts as large: nothing is looked at before it is read.
fn large() -> StateOptions {
    StateOptions { check_max_bytes: 0, ..StateOptions::default() }
}

/// A database with some rows, closed; it has more blocks than the first page of seals can hold.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("state.redb");
    let mut store = StateStore::open(&path, large()).unwrap();
    for round in 0..=2u8 {
        let rows: Vec<[u8; 2]> = (0..ROWS).map(u16::to_be_bytes).collect();
        let value = VALUE.map(|_| round);
        store
            .commit(rows.iter().map(|row| Change { table: "table", key: row, value: Some(&value) }))
            .unwrap();
    }
    path
}

/// Where a block lies in the file.
fn place(block: usize) -> Range<usize> {
    let page = 1 + block / 512 * 513 + 1 + block % 512;
    page * PAGE..(page + 1) * PAGE
}

/// The blocks of a file that hold anything, but for the first, which the library changes in place.
fn used(bytes: &[u8]) -> Vec<usize> {
    let blocks = (1..).take_while(|block| place(*block).end <= bytes.len());
    blocks.filter(|block| bytes[place(*block)].iter().any(|byte| *byte != 0)).collect()
}

/// The damage that an opening or a look at all rows finds; a row that reads otherwise than it was written fails the test.
fn found_in(path: &Path, what: &str) -> Option<String> {
    let judge = |error: StorageError| {
        assert!(matches!(error, StorageError::Damaged { .. }), "{what}: {error}");
        Some(error.to_string())
    };
    let store = match StateStore::open(path, large()) {
        Ok(store) => store,
        Err(error) => return judge(error),
    };
    for row in 0..ROWS {
        match store.get("table", &row.to_be_bytes()) {
            Ok(value) => assert_eq!(value.as_deref(), Some(VALUE.as_slice()), "{what}, row {row}"),
            Err(error) => return judge(error),
        }
    }
    None
}

fn is_found(path: &Path, what: &str) -> bool {
    found_in(path, what).is_some()
}

fn suspect(path: &Path) -> PathBuf {
    path.with_extension("redb.suspect")
}

// Faults: S08
#[test]
fn a_rotten_block_is_found_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let used = used(&whole);
    assert!(used.last().is_some_and(|last| *last > 512), "more than one page of seals");
    let mut found = 0;
    for block in used.iter().step_by(used.len() / 40) {
        let mut rotten = whole.clone();
        rotten[place(*block).start + block % PAGE] ^= 1 << (block % 8);
        std::fs::write(&path, rotten).unwrap();
        // What was damaged before has all of it checked, which is another test's.
        let _ = std::fs::remove_file(suspect(&path));
        // By name, before the library or a value's own checksum stumble over what is in it.
        if let Some(error) = found_in(&path, &format!("block {block}")) {
            assert!(error.contains(&format!("block {block} is not what was written")), "{error}");
            found += 1;
        }
    }
    assert!(found > 10, "only {found} were found; the others held nothing that counts");
}

// Faults: S09
#[test]
fn a_block_in_anothers_place_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let seal = |block: usize| {
        let start = (1 + block / 512 * 513) * PAGE + block % 512 * 8;
        start..start + 8
    };
    let used = used(&whole);
    let mut found = 0;
    for (block, other) in used.iter().zip(used.iter().skip(1)).step_by(used.len() / 40) {
        let mut moved = whole.clone();
        // With its seal: a write that went to the wrong place as a whole.
        let parts: [fn(usize) -> Range<usize>; 2] = [place, seal];
        for of in parts {
            moved[of(*block)].copy_from_slice(&whole[of(*other)]);
        }
        std::fs::write(&path, moved).unwrap();
        let _ = std::fs::remove_file(suspect(&path));
        found += u32::from(is_found(&path, &format!("block {other} in the place of {block}")));
    }
    assert!(found > 10, "only {found} were found; the others held nothing that counts");
}

// Faults: S08
#[test]
fn damage_that_was_seen_once_has_all_of_the_file_checked_at_the_next_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let mut rotten = whole.clone();
    for block in used(&whole) {
        rotten[place(block).start + 50] ^= 1;
    }
    std::fs::write(&path, rotten).unwrap();
    assert!(is_found(&path, "all blocks") && suspect(&path).exists());
    // One that an opening alone does not read.
    let quiet = used(&whole).into_iter().find(|block| {
        let mut rotten = whole.clone();
        rotten[place(*block).start + 50] ^= 1;
        std::fs::write(&path, rotten).unwrap();
        let _ = std::fs::remove_file(suspect(&path));
        StateStore::open(&path, large()).is_ok() && is_found(&path, "one block")
    });
    let block = quiet.unwrap();
    assert!(suspect(&path).exists(), "block {block} was read");
    let error = StateStore::open(&path, large()).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
    assert!(suspect(&path).exists(), "until all of it is whole");
    std::fs::write(&path, whole).unwrap();
    assert!(StateStore::open(&path, large()).is_ok() && !suspect(&path).exists());
}

/// Every block is what was written: the whole is found in order, and the value would be read for ever.
// Faults: S08
#[test]
fn a_value_that_was_written_wrong_is_damage_at_the_next_opening_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    std::fs::write(suspect(&path), "a value in table state is not what was written").unwrap();
    for _ in 0..2 {
        let error = StateStore::open(&path, large()).unwrap_err();
        assert!(error.to_string().contains("a value in table state"), "{error}");
        assert!(suspect(&path).exists());
    }
    // The cure that the error names, and what a replica does by itself.
    std::fs::remove_file(&path).unwrap();
    drop(StateStore::open(&path, large()).unwrap());
    assert!(!suspect(&path).exists());
    assert!(StateStore::open(&path, large()).is_ok());
}

// Faults: S20
#[test]
fn a_file_that_is_cut_short_is_damaged_wherever_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let whole = std::fs::read(&path).unwrap();
    for length in [5_000, 9_000, 12_288, 12_289, 16_384, 1 << 20, (1 << 20) + 1, whole.len() - 4096] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let _ = std::fs::remove_file(suspect(&path));
        assert!(is_found(&path, &format!("{length} bytes")), "{length} bytes");
    }
}

// Faults: M10
#[test]
fn a_file_of_an_earlier_program_is_left_as_it_is_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    drop(redb::Database::create(&path).unwrap());
    let before = std::fs::read(&path).unwrap();
    let error = StateStore::open(&path, large()).unwrap_err();
    assert!(matches!(error, StorageError::OtherFormat { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("without checksums") && text.contains("filled again"), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
