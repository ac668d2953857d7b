//! Flushes that take their time: what is under way is read like anything else, and counts for nothing before it is durable.
#![allow(clippy::unwrap_used)]

use crate::common::{Bench, Chain, Words, config, kinds, open, request};
use outvote_execution::{
    Backend, BackendError, BackendSnapshot, BlockResult, ExecutionError, Executor, ExecutorConfig,
    MemoryBackend, Value, Writes,
};
use outvote_types::{Block, BoundedVec, CheckpointCertificate, Digest, ResultKind, Sequence};
use std::sync::Arc;

/// No checkpoint comes in between: it would flush by itself.
const NEVER: u64 = 1_000;

/// Blocks that put, overwrite, delete and list a few keys, and hold a request back for a block.
fn blocks(count: u64) -> Vec<Block> {
    let mut chain = Chain::new();
    let block = |at: u64| {
        let texts = [
            format!("put k{} {at}", at * 7 % 11),
            format!("del k{}", at * 5 % 11),
            format!("put k{} {}", at * 3 % 11, "v".repeat((at % 5) as usize * 40)),
            "list k".to_owned(),
        ];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        // The second client's nonces come in pairs, the later one first: it is held until the next block.
        let nonce = if at % 2 == 1 { at + 1 } else { at - 1 };
        vec![request(1, at, &texts), request(2, nonce, &["list k"])]
    };
    (1..=count).map(|at| chain.block(block(at))).collect()
}

fn answers(result: &BlockResult) -> Vec<(ResultKind, outvote_types::Answer)> {
    kinds(result).into_iter().zip(result.results.iter().map(|one| one.answer.clone())).collect()
}

// E11: one step in the database; until that is done, the log is what a restart begins from.
#[test]
fn a_flush_that_is_under_way_counts_for_nothing() {
    let blocks = blocks(8);
    let backend = MemoryBackend::that_settles_after(2);
    let mut executor = open(&backend, config(NEVER));
    blocks[..3].iter().for_each(|block| drop(executor.execute(block).unwrap()));
    executor.begin_flush().unwrap();
    assert_eq!((executor.flushed(), executor.restarts_at()), (Sequence(0), Sequence(0)));
    // The process dies; the log must still have everything.
    drop(executor);
    let mut executor = open(&backend, config(NEVER));
    assert_eq!(executor.executed(), Sequence(0));
    blocks[..3].iter().for_each(|block| drop(executor.execute(block).unwrap()));
    executor.begin_flush().unwrap();
    assert!(!executor.is_settled().unwrap());
    executor.execute(&blocks[3]).unwrap();
    assert_eq!(executor.flushed(), Sequence(0));
    executor.execute(&blocks[4]).unwrap();
    assert_eq!((executor.flushed(), executor.restarts_at()), (Sequence(3), Sequence(3)));
    drop(executor);
    let mut executor = open(&backend, config(NEVER));
    assert_eq!(executor.executed(), Sequence(3));
    blocks[3..].iter().for_each(|block| drop(executor.execute(block).unwrap()));
    let mut straight = Bench::with(config(NEVER));
    blocks.iter().for_each(|block| drop(straight.executor.execute(block).unwrap()));
    assert_eq!(executor.state_digest(), straight.executor.state_digest());
}

#[test]
fn what_is_under_way_is_read_like_anything_else() {
    let blocks = blocks(40);
    for (lasts, every) in [(0, 1), (1, 1), (3, 2), (5, 3), (100, 7)] {
        let backend = MemoryBackend::that_settles_after(lasts);
        let mut executor = open(&backend, config(NEVER));
        let mut straight = Bench::with(config(NEVER));
        for (block, at) in blocks.iter().zip(1..) {
            let expected = straight.executor.execute(block).unwrap();
            let found = executor.execute(block).unwrap();
            assert_eq!(answers(&found), answers(&expected), "block {at}, flushes last {lasts}");
            for key in 0..11 {
                let question = format!("get k{key}");
                let asked = |executor: &Executor| executor.query(question.as_bytes()).unwrap();
                assert_eq!(asked(&executor), asked(&straight.executor), "k{key} after block {at}");
            }
            if at % every == 0 {
                executor.begin_flush().unwrap();
            }
            assert_eq!(executor.state_digest(), straight.executor.state_digest(), "after block {at}");
        }
        executor.flush().unwrap();
        assert_eq!(executor.flushed(), Sequence(40));
        crate::common::assert_index_is_exact(&backend);
        let mut again = open(&backend, config(NEVER));
        assert_eq!(again.state_digest(), straight.executor.state_digest());
    }
}

// E11: the power may also fail when the commit has just become durable, and nobody has heard of it.
#[test]
fn a_flush_that_landed_unnoticed_is_gone_on_from() {
    let blocks = blocks(12);
    for restarts_at_checkpoint in [false, true] {
        let config = ExecutorConfig { restarts_at_checkpoint, ..config(4) };
        let mut straight = Bench::with(config);
        blocks.iter().for_each(|block| drop(straight.executor.execute(block).unwrap()));
        for stop in 1..12 {
            let backend = MemoryBackend::that_settles_after(100);
            let mut executor = open(&backend, config);
            blocks[..stop].iter().for_each(|block| drop(executor.execute(block).unwrap()));
            executor.begin_flush().unwrap();
            let log_begins_at = executor.restarts_at();
            drop(executor);
            backend.land();
            let mut executor = open(&backend, config);
            let came_to = executor.executed();
            assert!(log_begins_at <= came_to, "the log has what follows {came_to:?}");
            assert!(came_to == Sequence(stop as u64) || restarts_at_checkpoint, "{came_to:?} of {stop}");
            let done = usize::try_from(came_to.0).unwrap();
            blocks[done..].iter().for_each(|block| drop(executor.execute(block).unwrap()));
            assert_eq!(executor.state_digest(), straight.executor.state_digest(), "stopped after {stop}");
        }
    }
}

// C6: a checkpoint can be marked until the next flush has begun, and not any more after it.
#[test]
fn a_checkpoint_that_may_become_stable_yet_is_waited_for_and_marked() {
    let blocks = blocks(7);
    let config = ExecutorConfig { restarts_at_checkpoint: true, ..config(4) };
    let backend = MemoryBackend::that_settles_after(1);
    let mut executor = open(&backend, config);
    blocks[..4].iter().for_each(|block| drop(executor.execute(block).unwrap()));
    let (sequence, id, state_root) = (executor.executed(), executor.executed_id(), executor.state_digest());
    let certificate = CheckpointCertificate { sequence, id, state_root, votes: BoundedVec::default() };
    executor.execute(&blocks[4]).unwrap();
    assert!(executor.awaits_stability(), "a flush now would leave it behind");
    executor.on_stable(&certificate);
    assert!(!executor.awaits_stability());
    executor.execute(&blocks[5]).unwrap();
    executor.begin_flush().unwrap();
    assert_eq!(executor.restarts_at(), sequence);
    executor.flush().unwrap();
    assert_eq!(executor.flushed(), Sequence(6));
    drop(executor);
    let mut executor = open(&backend, config);
    assert_eq!(executor.executed(), sequence);
    executor.on_stable(&certificate);
    assert_eq!(executor.snapshots().len(), 1);
    // And once more.
    executor.execute(&blocks[4]).unwrap();
    executor.begin_flush().unwrap();
    drop(executor);
    backend.land();
    assert_eq!(open(&backend, config).executed(), sequence);
}

// C4: what a quorum contradicts is no place to begin at, and no reason to wait.
#[test]
fn a_checkpoint_that_is_contradicted_is_not_marked() {
    let blocks = blocks(5);
    let config = ExecutorConfig { restarts_at_checkpoint: true, ..config(4) };
    let mut executor = open(&MemoryBackend::new(), config);
    blocks.iter().for_each(|block| drop(executor.execute(block).unwrap()));
    let at = executor.snapshots()[0].sequence();
    let other = CheckpointCertificate {
        sequence: at,
        id: executor.executed_id(),
        state_root: Digest::ZERO,
        votes: BoundedVec::default(),
    };
    executor.on_stable(&other);
    assert!(!executor.awaits_stability());
    executor.flush().unwrap();
    assert_eq!(executor.restarts_at(), Sequence(5));
}

// D5: a checkpoint waits for whatever is under way, and is durable with all that came before it.
#[test]
fn a_checkpoint_waits_for_the_flush_that_is_under_way() {
    let blocks = blocks(4);
    let backend = MemoryBackend::that_settles_after(100);
    let mut executor = open(&backend, config(4));
    for block in &blocks {
        let result = executor.execute(block).unwrap();
        executor.begin_flush().unwrap();
        assert_eq!(result.state_root.is_some(), result.sequence == Sequence(4));
    }
    assert_eq!(executor.flushed(), Sequence(4));
    assert_eq!(executor.snapshots().len(), 1);
    drop(executor);
    assert_eq!(open(&backend, config(4)).executed(), Sequence(4));
}

/// Begins commits that fail later, as a disk that is full does.
struct FailsLater {
    inner: MemoryBackend,
    has_begun: bool,
}

impl FailsLater {
    fn verdict(&self) -> Result<(), BackendError> {
        if self.has_begun { Err(BackendError("no space left on the device".into())) } else { Ok(()) }
    }
}

impl Backend for FailsLater {
    fn sums_per_row(&self) -> u8 {
        self.inner.sums_per_row()
    }
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.inner.get(key)
    }
    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError> {
        Backend::range(&self.inner, from, to, limit)
    }
    fn commit(&mut self, writes: Writes) -> Result<(), BackendError> {
        self.inner.commit(writes)
    }
    fn begin_commit(&mut self, _writes: Arc<Writes>) -> Result<(), BackendError> {
        self.has_begun = true;
        Ok(())
    }
    fn is_settled(&mut self) -> Result<bool, BackendError> {
        self.verdict().map(|()| true)
    }
    fn settle(&mut self) -> Result<(), BackendError> {
        self.verdict()
    }
    fn snapshot(&self) -> Result<Box<dyn BackendSnapshot>, BackendError> {
        self.inner.snapshot()
    }
    fn mark(&mut self) -> Result<(), BackendError> {
        self.inner.mark()
    }
    fn unmark(&mut self) -> Result<(), BackendError> {
        self.inner.unmark()
    }
    fn is_marked(&self) -> Result<bool, BackendError> {
        self.inner.is_marked()
    }
    fn go_back(&mut self) -> Result<bool, BackendError> {
        self.inner.go_back()
    }
}

// D20: also when the failure comes while others already execute on.
#[test]
fn a_flush_that_fails_later_stops_the_executor() {
    let blocks = blocks(3);
    type Ask = fn(&mut Executor, &Block) -> Result<(), ExecutionError>;
    let ways: [Ask; 4] = [
        |executor, block| executor.execute(block).map(drop),
        |executor, _| executor.flush(),
        |executor, _| executor.begin_flush(),
        |executor, _| executor.is_settled().map(drop),
    ];
    for way in ways {
        let inner = MemoryBackend::new();
        let backend = FailsLater { inner: inner.clone(), has_begun: false };
        let mut executor = Executor::open(Box::new(backend), Box::new(Words), config(NEVER)).unwrap();
        executor.execute(&blocks[0]).unwrap();
        executor.begin_flush().unwrap();
        let error = way(&mut executor, &blocks[1]).unwrap_err();
        assert!(matches!(error, ExecutionError::Backend(_)), "{error}");
        assert_eq!(executor.flushed(), Sequence(0));
        assert_eq!(executor.execute(&blocks[1]).unwrap_err(), ExecutionError::Stopped);
        assert_eq!(open(&inner, config(NEVER)).executed(), Sequence(0));
    }
}
