//! Rows of the state database that are whole for the database, and nothing that this program writes.
#![allow(clippy::unwrap_used)]

use crate::common::{Bench, Words, client, request};
use outvote_execution::{Backend, ExecutionError, Executor, MemoryBackend, Value};
use outvote_types::{BoundedVec, CheckpointCertificate, Digest, ReplicaId, Sequence, Signature, encode};

const FORMAT: &[u8] = b"\x00mformat";
const GENESIS: &[u8] = b"\x00mgenesis";
const EXECUTED: &[u8] = b"\x00mexecuted";
const INSTALLING: &[u8] = b"\x00minstalling";
const SUMS: &[u8] = b"\x00b\x00";
const ADMISSION: &[u8] = b"\x01a";

fn session_row(name: u8) -> Vec<u8> {
    [&b"\x01s"[..], &client(name).0].concat()
}

fn held_row(name: u8, nonce: u64) -> Vec<u8> {
    [&b"\x01h"[..], &client(name).0, &nonce.to_be_bytes()].concat()
}

/// A state with a session, a second one with a held request, and one written key.
fn used() -> Bench {
    let mut bench = Bench::new();
    bench.run(vec![request(1, 1, &["put a 1"]), request(2, 2, &["put b 2"])]);
    bench.executor.flush().unwrap();
    bench
}

fn put(backend: &MemoryBackend, key: &[u8], value: Option<&[u8]>) {
    backend.clone().commit([(key.to_vec(), value.map(Value::from))].into()).unwrap();
}

fn all(backend: &MemoryBackend) -> Vec<(Vec<u8>, Value)> {
    backend.range(&[], None, usize::MAX).unwrap()
}

/// Cut short at both ends of its length, and longer by a byte.
fn misspelt(whole: &[u8]) -> Vec<Vec<u8>> {
    let cuts = [0, 1, whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec());
    cuts.into_iter().chain([[whole, &[0]].concat()]).collect()
}

fn open(bench: &Bench) -> Result<Executor, ExecutionError> {
    Executor::open(Box::new(bench.backend.clone()), Box::new(Words), bench.config)
}

fn assert_damaged(error: &ExecutionError, expected: &'static str) {
    assert_eq!(*error, ExecutionError::Damaged { what: expected });
    let text = error.to_string();
    assert!(text.contains(expected) && text.contains("remove data/state.redb"), "{text}");
}

// B4, E11
// Faults: M10, S08
#[test]
fn a_damaged_row_that_every_start_reads_is_named_and_nothing_is_changed() {
    let certificate = CheckpointCertificate {
        sequence: Sequence(4),
        id: Digest::ZERO,
        state_root: Digest::ZERO,
        votes: BoundedVec::new(vec![(ReplicaId(1), Signature::default())]).unwrap(),
    };
    let bench = used();
    for (row, what) in [
        (FORMAT, "the format's number"),
        (GENESIS, "the genesis"),
        (EXECUTED, "the executed block"),
        (INSTALLING, "the mark of a state transfer"),
        (SUMS, "a bucket's digest"),
    ] {
        let before = bench.backend.get(row).unwrap();
        let whole = before.clone().unwrap_or_else(|| encode(&certificate).into());
        for bad in misspelt(&whole) {
            put(&bench.backend, row, Some(&bad));
            let damaged = all(&bench.backend);
            assert_damaged(&open(&bench).err().unwrap(), what);
            assert!(all(&bench.backend) == damaged, "{what}: a refused start writes nothing");
        }
        put(&bench.backend, row, before.as_deref());
    }
    let executor = open(&bench).unwrap();
    assert_eq!(executor.executed(), Sequence(1), "with the row put back, all is there");
}

// B4: these rows are read only once somebody needs them.
// Faults: M10, S08
#[test]
fn a_damaged_row_of_a_session_stops_execution_and_nothing_is_changed() {
    for (row, requests) in [
        (session_row(1), vec![request(1, 2, &["put a 2"])]),
        (held_row(2, 2), vec![request(2, 1, &["put b 1"])]),
        (held_row(2, 2), vec![request(2, 2, &["put b 2"])]),
        (ADMISSION.to_vec(), vec![request(3, 1, &["put c 1"])]),
    ] {
        let whole = used().backend.get(&row).unwrap().unwrap();
        for bad in misspelt(&whole) {
            let mut bench = used();
            put(&bench.backend, &row, Some(&bad));
            bench.executor = open(&bench).unwrap();
            let damaged = all(&bench.backend);
            let block = bench.chain.block([vec![request(9, 2, &["put z 1"])], requests.clone()].concat());
            assert_damaged(&bench.executor.execute(&block).unwrap_err(), "a session");
            assert_eq!(bench.executor.execute(&block), Err(ExecutionError::Stopped));
            assert_eq!(bench.executor.flush(), Err(ExecutionError::Stopped));
            assert!(all(&bench.backend) == damaged, "half a block is never kept");
        }
    }
}

// Faults: M10
#[test]
fn a_session_with_counts_that_nobody_writes_is_damaged_and_never_counted_on() {
    let row = session_row(2);
    let whole = used().backend.get(&row).unwrap().unwrap();
    // The next nonce and two digests, then how many requests are held.
    let held = 8 + 32 + 32;
    for count in [65, u32::MAX] {
        let mut bench = used();
        let mut bad = whole.to_vec();
        bad[held..held + 4].copy_from_slice(&count.to_le_bytes());
        put(&bench.backend, &row, Some(&bad));
        bench.executor = open(&bench).unwrap();
        assert_damaged(&bench.executor.session(&client(2)).unwrap_err(), "a session");
        let block = bench.chain.block(vec![request(2, 3, &["put b 3"])]);
        assert_damaged(&bench.executor.execute(&block).unwrap_err(), "a session");
    }
}

// Faults: M16, O08
#[test]
fn a_state_of_another_format_is_refused_with_the_cure_and_nothing_is_changed() {
    for (format, cure) in
        [(3u32, "newer program"), (u32::MAX, "newer program"), (1, "remove data/state.redb")]
    {
        let bench = used();
        put(&bench.backend, FORMAT, Some(&encode(&format)));
        let before = all(&bench.backend);
        let error = open(&bench).err().unwrap();
        assert_eq!(error, ExecutionError::NewerFormat { found: format, known: 2 });
        let text = error.to_string();
        assert!(text.contains(&format!("format {format}")) && text.contains(cure), "{text}");
        assert!(all(&bench.backend) == before, "a refused start writes nothing");
    }
}
