//! When checkpoints are due: rule C1.
#![allow(clippy::unwrap_used)]

use crate::common::{Bench, Chain, open, request};
use outvote_execution::{Executor, ExecutorConfig, MemoryBackend};
use outvote_types::{Block, BoundedVec, CheckpointCertificate, Data, Fetch, Parameters, ReplicaId, Sequence};

const BYTES: u64 = 3_000;

fn config() -> ExecutorConfig {
    let parameters = Parameters { checkpoint_interval: 16, checkpoint_bytes: BYTES, ..Parameters::default() };
    ExecutorConfig { parameters, ..crate::common::config(16) }
}

/// Forty blocks of very different sizes.
fn blocks() -> Vec<Block> {
    let mut chain = Chain::new();
    let payload = |at: u64| format!("put k {}", "v".repeat(usize::try_from(at * 97 % 1_500).unwrap()));
    (1..=40).map(|at| chain.block(vec![request(1, at, &[&payload(at)])])).collect()
}

/// Where the rule wants checkpoints, counted from the blocks' own bytes.
fn expected(blocks: &[Block]) -> Vec<u64> {
    let (mut bytes, mut due) = (0, Vec::new());
    for block in blocks {
        bytes += outvote_types::encode(block).len() as u64;
        let sequence = block.header.body.sequence.0;
        if bytes >= BYTES || sequence % 16 == 0 {
            bytes = 0;
            due.push(sequence);
        }
    }
    due
}

fn taken(executor: &mut Executor, blocks: &[Block]) -> Vec<u64> {
    let results = blocks.iter().map(|block| executor.execute(block).unwrap());
    results.filter(|result| result.state_root.is_some()).map(|result| result.sequence.0).collect()
}

// C1: after so many blocks, or so many bytes of them, whichever comes first.
#[test]
fn bytes_bring_a_checkpoint_before_its_interval_ends() {
    let blocks = blocks();
    let expected = expected(&blocks);
    let between = expected.iter().filter(|at| *at % 16 != 0).count();
    assert!(between >= 4 && expected.contains(&16), "{expected:?}");
    assert_eq!(taken(&mut open(&MemoryBackend::new(), config()), &blocks), expected);
}

// C1, E11: the count is part of the durable state, so a restart at any block, flushed or not, moves no checkpoint.
#[test]
fn a_restart_moves_no_checkpoint() {
    let blocks = blocks();
    let expected = expected(&blocks);
    for stop in 1..blocks.len() {
        for flushes in [true, false] {
            let backend = MemoryBackend::new();
            let mut executor = open(&backend, config());
            let mut found = taken(&mut executor, &blocks[..stop]);
            if flushes {
                executor.flush().unwrap();
            }
            drop(executor);
            let mut executor = open(&backend, config());
            let executed = usize::try_from(executor.executed().0).unwrap();
            assert!(if flushes { executed == stop } else { executed <= stop });
            // A snapshot is at hand again exactly where a checkpoint was.
            let is_checkpoint = expected.contains(&executor.executed().0);
            assert_eq!(!executor.snapshots().is_empty(), is_checkpoint, "at {executed}");
            found.extend(taken(&mut executor, &blocks[executed..]));
            assert_eq!(found, expected, "stopped after {stop}");
        }
    }
}

// C1: the same blocks through a bench whose interval never ends: only bytes count then.
#[test]
fn empty_blocks_alone_hardly_count() {
    let parameters =
        Parameters { checkpoint_interval: 1_000_000, checkpoint_bytes: BYTES, ..Parameters::default() };
    let mut bench = Bench::with(ExecutorConfig { parameters, ..config() });
    let first = (1..).find(|_| bench.run(vec![]).state_root.is_some()).unwrap();
    assert!((5..20).contains(&first), "an empty block's bytes count too: {first}");
}

/// Executes the blocks above `from` up to `to`, and flushes each.
fn run(executor: &mut Executor, blocks: &[Block], from: u64, to: u64) {
    for block in &blocks[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()] {
        executor.execute(block).unwrap();
        executor.flush().unwrap();
    }
}

fn certificate(executor: &mut Executor) -> CheckpointCertificate {
    let (sequence, id) = (executor.executed(), executor.executed_id());
    CheckpointCertificate { sequence, id, state_root: executor.state_digest(), votes: BoundedVec::default() }
}

fn stable(executor: &mut Executor) -> CheckpointCertificate {
    let certificate = certificate(executor);
    executor.on_stable(&certificate);
    certificate
}

fn is_served(executor: &Executor) -> Option<u64> {
    let fetch = Fetch::Manifest { replica: ReplicaId(0) };
    match executor.serve(&fetch, Sequence(1)).unwrap() {
        Data::Manifest(manifest) => Some(manifest.certificate.sequence.0),
        _ => None,
    }
}

// C6, D5: where it is asked for, a restart begins at the last stable checkpoint, and comes to the same state again.
#[test]
fn a_restart_goes_back_to_the_last_stable_checkpoint_and_serves_it() {
    let blocks = blocks();
    let first = usize::try_from(expected(&blocks)[0]).unwrap();
    for stop in first..blocks.len() {
        for goes_back in [true, false] {
            let config = ExecutorConfig { restarts_at_checkpoint: goes_back, ..config() };
            let backend = MemoryBackend::new();
            let mut executor = open(&backend, config);
            let mut certificate = None;
            for block in &blocks[..stop] {
                let is_checkpoint = executor.execute(block).unwrap().state_root.is_some();
                executor.flush().unwrap();
                if is_checkpoint {
                    certificate = Some(stable(&mut executor));
                }
            }
            let (certificate, came_to) = (certificate.unwrap(), executor.state_digest());
            let restarts_at = executor.restarts_at();
            drop(executor);
            let mut executor = open(&backend, config);
            executor.on_stable(&certificate);
            assert_eq!(executor.executed(), restarts_at, "the log is kept from there");
            assert_eq!(
                restarts_at <= certificate.sequence,
                goes_back || certificate.sequence.0 == stop as u64
            );
            let done = usize::try_from(executor.executed().0).unwrap();
            for block in &blocks[done..stop] {
                executor.execute(block).unwrap();
            }
            assert_eq!(executor.state_digest(), came_to);
            let is_there = goes_back || certificate.sequence.0 == stop as u64;
            assert_eq!(is_served(&executor), is_there.then_some(certificate.sequence.0));
            // And once more: a checkpoint on the way was flushed again.
            let restarts_at = executor.restarts_at();
            drop(executor);
            assert_eq!(open(&backend, config).executed(), restarts_at);
        }
    }
}

// A checkpoint that is not stable yet takes no place of one that is.
#[test]
fn the_mark_stays_at_the_last_stable_checkpoint_until_a_later_one_is_stable() {
    let blocks = blocks();
    let due = expected(&blocks);
    let config = ExecutorConfig { restarts_at_checkpoint: true, ..config() };
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config);
    run(&mut executor, &blocks, 0, due[0]);
    let first = stable(&mut executor);
    run(&mut executor, &blocks, due[0], due[1] + 1);
    assert_eq!(executor.restarts_at(), first.sequence);
    drop(executor);
    let mut executor = open(&backend, config);
    executor.on_stable(&first);
    assert_eq!(is_served(&executor), Some(due[0]));
    run(&mut executor, &blocks, due[0], due[1]);
    let second = stable(&mut executor);
    run(&mut executor, &blocks, due[1], due[1] + 1);
    assert_eq!(executor.restarts_at(), second.sequence);
}

// C6: a checkpoint that became stable only after the next flush could not be marked any more; then an earlier mark stays, from which
// it is taken again, and no later one that may never become stable. Seed 1014305: two replicas restarted, and a third that had
// lost its state got none from them, so that nothing became stable ever after.
#[test]
fn the_mark_does_not_pass_the_last_stable_checkpoint() {
    let blocks = blocks();
    let due = expected(&blocks);
    let config = ExecutorConfig { restarts_at_checkpoint: true, ..config() };
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config);
    run(&mut executor, &blocks, 0, due[0]);
    stable(&mut executor);
    run(&mut executor, &blocks, due[0], due[1]);
    let second = certificate(&mut executor);
    run(&mut executor, &blocks, due[1], due[1] + 1);
    executor.on_stable(&second);
    run(&mut executor, &blocks, due[1] + 1, due[2] + 1);
    assert_eq!(executor.restarts_at().0, due[0]);
    drop(executor);
    let mut executor = open(&backend, config);
    executor.on_stable(&second);
    run(&mut executor, &blocks, due[0], due[2] + 1);
    assert_eq!(is_served(&executor), Some(due[1]));
}

// The same for a mark that is the stable checkpoint itself: two later ones that never become stable do not take its place.
#[test]
fn two_checkpoints_that_are_not_stable_take_no_mark_from_one_that_is() {
    let blocks = blocks();
    let due = expected(&blocks);
    let config = ExecutorConfig { restarts_at_checkpoint: true, ..config() };
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config);
    run(&mut executor, &blocks, 0, due[0]);
    let first = stable(&mut executor);
    run(&mut executor, &blocks, due[0], due[2] + 1);
    assert_eq!(executor.restarts_at().0, due[0]);
    drop(executor);
    let mut executor = open(&backend, config);
    executor.on_stable(&first);
    assert_eq!(is_served(&executor), Some(due[0]));
}
