//! The state: rows that are whole for the database and nothing that this program writes, and the database's own file.

use crate::samples;
use outvote_execution::{Backend as _, Executor, ExecutorConfig, MemoryBackend, Value};
use outvote_kv::Kv;
use outvote_storage::{DiskFile, SimDisk, StateOptions, StateStore};
use outvote_types::{Block, Digest, PublicKey, encode};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

fn config() -> ExecutorConfig {
    ExecutorConfig { execute_twice: false, ..ExecutorConfig::new(&samples::committee()) }
}

/// A state and its rows in order.
type State = (MemoryBackend, Vec<(Vec<u8>, Value)>);

/// The state after one block.
fn executed() -> Option<State> {
    let backend = MemoryBackend::new();
    let mut executor = Executor::open(Box::new(backend.clone()), Box::new(Kv), config()).ok()?;
    executor.execute(&samples::block()).ok()?;
    executor.flush().ok()?;
    let rows = backend.range(&[], None, usize::MAX).ok()?;
    Some((backend, rows))
}

thread_local! {
    static STATE: Option<State> = executed();
    static NEXT: Block = next_block();
}

/// A block after the first one, by the same session.
fn next_block() -> Block {
    let mut block = samples::block();
    block.header.body.sequence = block.header.body.sequence.next();
    block.header.body.parent = samples::header().body.id();
    block
}

/// Each patch names a row, a place in its value, and bytes for it; or a key of its own.
pub(crate) fn run_rows(input: &[u8]) {
    STATE.with(|state| {
        let Some((backend, rows)) = state else { return };
        let mut backend = backend.copy();
        let mut rest = input;
        while let [row, at, length, more @ ..] = rest {
            let (bytes, behind) = more.split_at(more.len().min(usize::from(*length)));
            rest = behind;
            let (key, mut value) = match rows.get(usize::from(*row)) {
                Some((key, value)) => (key.clone(), value.to_vec()),
                None => (bytes.to_vec(), vec![*at; usize::from(*at)]),
            };
            let at = usize::from(*at).min(value.len());
            if bytes.is_empty() {
                value.truncate(at);
            } else {
                let end = value.len().min(at + bytes.len());
                value.splice(at..end, bytes.iter().copied());
            }
            if backend.commit([(key, Some(Value::from(value)))].into()).is_err() {
                return;
            }
        }
        let Ok(mut executor) = Executor::open(Box::new(backend), Box::new(Kv), config()) else { return };
        let _ = executor.session(&PublicKey([1; 32]));
        let _ = NEXT.with(|block| executor.execute(block));
        let _ = (executor.flush(), executor.state_digest());
    });
}

pub(crate) fn row_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new()];
    let count = STATE.with(|state| state.as_ref().map_or(0, |(_, rows)| rows.len()));
    for row in 0..u8::try_from(count.min(255)).unwrap_or(u8::MAX) {
        seeds.push([vec![row, 0, 8], vec![0xff; 8]].concat());
        seeds.push(vec![row, 1, 0]);
    }
    seeds.truncate(48);
    seeds
}

const FILE: &str = "state.redb";
const TABLE: &str = "state";

fn options() -> StateOptions {
    StateOptions { cache_bytes: 1 << 16, ..StateOptions::default() }
}

/// The bytes of a small database.
fn database() -> Option<Vec<u8>> {
    let disk = Arc::new(Mutex::new(SimDisk::new()));
    let mut store =
        StateStore::on_backend(DiskFile::open(Arc::clone(&disk), FILE).ok()?, FILE, options()).ok()?;
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..20u8).map(|at| (vec![at; 4], vec![at; 30])).collect();
    let changes =
        pairs.iter().map(|(key, value)| outvote_storage::Change { table: TABLE, key, value: Some(value) });
    store.commit(changes).ok()?;
    drop(store);
    let disk = disk.lock().ok()?;
    disk.content(FILE).map(<[u8]>::to_vec)
}

thread_local! {
    static DATABASE: Option<Vec<u8>> = database();
}

/// Patches of the file, each at a place of three bytes.
pub(crate) fn run_file(input: &[u8]) {
    let Some(mut file) = DATABASE.with(Clone::clone) else { return };
    let mut rest = input;
    while let [low, mid, high, length, more @ ..] = rest {
        let (bytes, behind) = more.split_at(more.len().min(usize::from(*length)));
        rest = behind;
        let at = u32::from_le_bytes([*low, *mid, *high, 0]) as usize % (file.len() + 1);
        if bytes.is_empty() {
            file.truncate(at);
        } else {
            let end = file.len().min(at + bytes.len());
            file.splice(at..end, bytes.iter().copied());
        }
    }
    let mut disk = SimDisk::new();
    disk.plant(FILE, &file);
    let Ok(storage) = DiskFile::open(Arc::new(Mutex::new(disk)), FILE) else { return };
    let Ok(store) = StateStore::on_backend(storage, FILE, options()) else { return };
    for at in 0..20u8 {
        if let Ok(Some(value)) = store.get(TABLE, &[at; 4]) {
            assert_eq!(value, vec![at; 30], "a value is what was written, or an error");
        }
    }
    if let Ok(page) = store.range(TABLE, Bound::Unbounded, Bound::Unbounded) {
        for (key, value) in page.entries {
            assert!(key.len() == 4 && value == vec![key[0]; 30], "no pair is invented");
        }
    }
}

pub(crate) fn file_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new()];
    for at in [0u32, 9, 16, 64, 128, 200, 320, 4096, 4100, 8192, 12_288, 70_000] {
        let [low, mid, high, _] = at.to_le_bytes();
        seeds.push(vec![low, mid, high, 4, 0xff, 0, 0xff, 1]);
        seeds.push(vec![low, mid, high, 0]);
    }
    seeds.push(encode(&Digest([9; 32])));
    seeds
}
