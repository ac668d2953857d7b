//! When checkpoints are due: rule C1.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Bench, Chain, GENESIS, open, request};
use outvote_execution::{Executor, ExecutorConfig, MemoryBackend};
use outvote_types::{Block, Parameters};

const BYTES: u64 = 3_000;

fn config() -> ExecutorConfig {
    let parameters = Parameters { checkpoint_interval: 16, checkpoint_bytes: BYTES, ..Parameters::default() };
    ExecutorConfig { genesis: GENESIS, parameters, execute_twice: false, is_home_blank: false }
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
