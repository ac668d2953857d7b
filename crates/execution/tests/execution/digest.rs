//! The state's root: the same whatever the flushes, equal to a full count, and restored by a replay.
#![allow(clippy::unwrap_used)]

use crate::common::{Bench, Chain, assert_index_is_exact, config, open, request};
use outvote_execution::lthash::{LtHash, bucket_of, state_root};
use outvote_execution::{
    Answer, Application, Backend, BackendError, BackendSnapshot, Context, ExecutionError, Executor, HashMemo,
    MemoryBackend, StateReader, StateWriter, Value, Writes,
};
use outvote_types::{Block, Digest, Request};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The root counted anew from all that is stored.
fn counted(backend: &MemoryBackend) -> Digest {
    let mut sums = vec![LtHash::default(); 256];
    for (key, value) in backend.range(&[1], Some(&[3]), usize::MAX).unwrap() {
        sums[usize::from(bucket_of(&key))].add(&key, &value);
    }
    state_root(&sums.iter().map(LtHash::digest).collect::<Vec<_>>())
}

fn operation() -> impl Strategy<Value = String> {
    let key = 0..12u8;
    prop_oneof![
        4 => (key.clone(), 0..100u8).prop_map(|(key, value)| format!("put k{key} v{value}")),
        2 => key.clone().prop_map(|key| format!("del k{key}")),
        1 => key.clone().prop_map(|key| format!("refuse k{key}")),
        1 => key.prop_map(|key| format!("get k{key}")),
        1 => Just("list k".to_owned()),
    ]
}

/// Blocks of requests: a client, a nonce that is not always its turn, some operations.
fn blocks() -> impl Strategy<Value = Vec<Vec<Request>>> {
    let one =
        (1..4u8, 1..12u64, prop::collection::vec(operation(), 1..4)).prop_map(|(client, nonce, texts)| {
            request(client, nonce, &texts.iter().map(String::as_str).collect::<Vec<_>>())
        });
    prop::collection::vec(prop::collection::vec(one, 0..5), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // Faults: P08
    #[test]
    fn roots_do_not_depend_on_flushes_or_restarts(
        requests in blocks(),
        flushes in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 25),
    ) {
        // E11: one never flushes by itself, the other flushes, asks for its digest and crashes at will.
        let (mut plain, mut busy) = (Bench::with(config(5)), Bench::with(config(5)));
        let mut blocks = Vec::new();
        for (requests, (flush, digest, crash)) in requests.into_iter().zip(flushes) {
            let block = plain.chain.block(requests);
            let result = plain.executor.execute(&block).unwrap();
            prop_assert_eq!(&busy.executor.execute(&block).unwrap(), &result);
            blocks.push(block);
            if digest {
                prop_assert_eq!(busy.executor.state_digest(), plain.executor.state_digest());
            }
            if flush {
                busy.executor.flush().unwrap();
                prop_assert_eq!(counted(&busy.backend), busy.executor.state_digest());
                assert_index_is_exact(&busy.backend);
            }
            if crash {
                busy.executor = open(&busy.backend, busy.config);
                replay(&mut busy.executor, &blocks);
            }
        }
        prop_assert_eq!(busy.executor.state_digest(), plain.executor.state_digest());
        plain.executor.flush().unwrap();
        prop_assert_eq!(counted(&plain.backend), plain.executor.state_digest());
    }

    #[test]
    fn readers_see_overlay_and_backend_as_one(
        writes in prop::collection::vec((prop::collection::vec(0..4u8, 0..4), prop::option::of(0..9u8), any::<bool>()), 1..200),
        from in prop::collection::vec(0..4u8, 0..3),
        to in prop::collection::vec(0..4u8, 0..3),
        limit in 0..40usize,
    ) {
        let backend = MemoryBackend::new();
        let mut executor = Executor::open(Box::new(backend), Box::new(Raw), config(1_000)).unwrap();
        let (mut chain, mut model) = (Chain::new(), BTreeMap::new());
        for (nonce, (key, value, flush)) in (1..).zip(writes) {
            let mut bytes = vec![value.unwrap_or(u8::MAX)];
            bytes.extend_from_slice(&key);
            let mut request = request(1, nonce, &["x"]);
            let mut operations = request.body.operations.to_vec();
            operations[0].payload = outvote_types::Blob::new(bytes).unwrap();
            let operations = outvote_types::BoundedVec::new(operations).unwrap();
            request.body = outvote_types::RequestBody { operations, ..(*request.body).clone() }.into();
            executor.execute(&chain.block(vec![request])).unwrap();
            match value {
                Some(value) => model.insert(key, value),
                None => model.remove(&key),
            };
            if flush {
                executor.flush().unwrap();
            }
        }
        let expected: Vec<u8> = model
            .iter()
            .filter(|(key, _)| **key >= from && (to.is_empty() || **key < to))
            .take(limit)
            .flat_map(|(key, value)| [&key[..], &[9, *value]].concat())
            .collect();
        let mut question = vec![u8::try_from(limit).unwrap(), u8::try_from(from.len()).unwrap()];
        question.extend_from_slice(&from);
        question.extend_from_slice(&to);
        prop_assert_eq!(executor.query(&question).unwrap(), Answer::done(expected));
    }
}

/// Puts or deletes raw keys; a question is a range.
struct Raw;

impl Application for Raw {
    fn apply(&self, _: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        match operation[0] {
            u8::MAX => state.delete(&operation[1..]),
            value => state.put(&operation[1..], &[value]),
        }
        Answer::done(Vec::new())
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        let (from, to) = question[2..].split_at(usize::from(question[1]));
        let pairs = state.range(from, to, usize::from(question[0]));
        Answer::done(pairs.into_iter().flat_map(|(key, value)| [&key[..], &[9], &value].concat()).collect())
    }
}

fn replay(executor: &mut Executor, blocks: &[Block]) {
    let executed = executor.executed();
    for block in blocks.iter().filter(|block| block.header.body.sequence > executed) {
        executor.execute(block).unwrap();
    }
}

// Faults: S05
#[test]
fn a_crash_between_flushes_is_replayed_to_the_same_root() {
    // E11
    let mut bench = Bench::new();
    let blocks: Vec<Block> =
        (1..=20).map(|at| bench.chain.block(vec![request(1, at, &[&format!("put k{at} {at}")])])).collect();
    for (block, at) in blocks.iter().zip(1..) {
        bench.executor.execute(block).unwrap();
        if at == 7 {
            bench.executor.flush().unwrap();
        }
    }
    let root = bench.executor.state_digest();
    bench.executor = open(&bench.backend, bench.config);
    assert_eq!((bench.executor.executed().0, bench.executor.flushed().0), (7, 7));
    assert_eq!(bench.executor.executed_header(), Some(&blocks[6].header));
    replay(&mut bench.executor, &blocks);
    assert_eq!(bench.executor.state_digest(), root);
    assert_eq!(bench.get("k20").as_deref(), Some("20"));
}

#[test]
fn checkpoints_flush_and_give_the_root_of_that_block() {
    // C1, D5
    let mut bench = Bench::with(config(3));
    for nonce in 1..=7 {
        let result = bench.run(vec![request(1, nonce, &["put a 1"])]);
        assert_eq!(result.state_root.is_some(), nonce % 3 == 0);
        if let Some(root) = result.state_root {
            assert_eq!((counted(&bench.backend), bench.executor.flushed()), (root, result.sequence));
        }
    }
    let kept: Vec<u64> = bench.executor.snapshots().iter().map(|state| state.sequence().0).collect();
    assert_eq!(kept, [3, 6]);
    assert!(bench.executor.unflushed_bytes() > 0);
    bench.executor.flush().unwrap();
    assert_eq!(bench.executor.unflushed_bytes(), 0);
    bench.run(vec![]);
    bench.run(vec![]);
    // A replica that starts exactly at a checkpoint serves it.
    let reopened = open(&bench.backend, bench.config);
    assert_eq!(reopened.snapshots().len(), 1);
    assert_eq!(reopened.snapshots()[0].state_root(), counted(&bench.backend));
}

#[test]
fn many_writes_of_one_key_cost_the_digest_one_element() {
    let (mut many, mut one) = (Bench::new(), Bench::new());
    let texts: Vec<String> = (0..200).map(|at| format!("put a {}", at % 7)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    many.run(vec![request(1, 1, &texts)]);
    one.run(vec![request(1, 1, &["put a 3"])]);
    // Same value of `a`, but the sessions remember different requests.
    assert_eq!(many.get("a").as_deref(), Some("3"));
    assert_ne!(many.executor.state_digest(), one.executor.state_digest());
    assert_eq!(many.get("a"), one.get("a"));
}

// E11
#[test]
fn replicas_that_share_what_they_hashed_have_the_states_of_one_that_does_not() {
    let memo = HashMemo::shared();
    let mut alone = Bench::with(config(3));
    let backends = [MemoryBackend::new(), MemoryBackend::new()];
    let mut sharing = backends.clone().map(|backend| {
        Executor::open_with(Box::new(backend), Box::new(crate::common::Words), config(3), memo.clone())
            .unwrap()
    });
    let long = "x".repeat(600);
    let mut results = Vec::new();
    // More pairs than are remembered, values that come again, and some that are too long to be remembered.
    for round in 0..90u64 {
        let put = |at: u64| format!("put k{} v{}", (round * 17 + at) % 200, round * 40 + at / 2);
        let mut texts: Vec<String> = (0..40).map(put).collect();
        texts.extend([format!("put long{} {long}", round % 5), format!("del k{}", round % 200)]);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let block = alone.chain.block(vec![request(1, round + 1, &texts)]);
        let result = alone.executor.execute(&block).unwrap();
        assert_eq!(sharing[0].execute(&block).unwrap(), result);
        results.push((block, result));
    }
    // The second one comes later, and skips the last blocks: an older state than what is remembered.
    for (block, result) in &results[..80] {
        assert_eq!(sharing[1].execute(block).unwrap(), *result);
    }
    for (executor, backend) in sharing.iter_mut().zip(&backends) {
        executor.flush().unwrap();
        assert_eq!(counted(backend), executor.state_digest());
    }
    assert_eq!(sharing[0].state_digest(), alone.executor.state_digest());
    assert_ne!(sharing[1].state_digest(), alone.executor.state_digest());
}

/// Fails its `countdown`-th access and all later ones.
struct Failing {
    inner: MemoryBackend,
    countdown: Arc<AtomicU32>,
}

impl Failing {
    fn spend(&self) -> Result<(), BackendError> {
        self.countdown
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map(|_| ())
            .map_err(|_| BackendError("no space left on the device".into()))
    }
}

impl Backend for Failing {
    fn sums_per_row(&self) -> u8 {
        self.inner.sums_per_row()
    }
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.spend()?;
        self.inner.get(key)
    }
    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError> {
        self.spend()?;
        Backend::range(&self.inner, from, to, limit)
    }
    fn commit(&mut self, writes: Writes) -> Result<(), BackendError> {
        self.spend()?;
        self.inner.commit(writes)
    }
    fn snapshot(&self) -> Result<Box<dyn BackendSnapshot>, BackendError> {
        self.spend()?;
        self.inner.snapshot()
    }
    fn mark(&mut self) -> Result<(), BackendError> {
        self.spend()?;
        self.inner.mark()
    }
    fn unmark(&mut self) -> Result<(), BackendError> {
        self.spend()?;
        self.inner.unmark()
    }
    fn is_marked(&self) -> Result<bool, BackendError> {
        self.spend()?;
        self.inner.is_marked()
    }
    fn go_back(&mut self) -> Result<bool, BackendError> {
        self.spend()?;
        self.inner.go_back()
    }
}

// Faults: S18
#[test]
fn a_failing_database_stops_execution_and_a_restart_goes_on() {
    // D20: wherever it fails, nothing wrong becomes durable.
    let mut plain = Bench::with(config(4));
    let blocks: Vec<Block> = (1..=12)
        .map(|at| {
            let texts = [format!("put k{at} {at}"), format!("del k{}", at / 2), "list k".to_owned()];
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            plain.chain.block(vec![request(1, at, &texts), request(2, at + 1, &["put held 1"])])
        })
        .collect();
    blocks.iter().for_each(|block| assert!(plain.executor.execute(block).is_ok()));
    let root = plain.executor.state_digest();
    let mut failures = 0;
    for accesses in 0..120 {
        let (inner, countdown) = (MemoryBackend::new(), Arc::new(AtomicU32::new(u32::MAX)));
        let failing = Failing { inner: inner.clone(), countdown: countdown.clone() };
        let mut executor =
            Executor::open(Box::new(failing), Box::new(crate::common::Words), config(4)).unwrap();
        countdown.store(accesses, Ordering::Relaxed);
        for block in &blocks {
            if let Err(error) = executor.execute(block) {
                assert!(matches!(error, ExecutionError::Backend(_)), "{error}");
                failures += 1;
                assert_eq!(executor.flush(), Err(ExecutionError::Stopped));
                assert_eq!(executor.execute(block).unwrap_err(), ExecutionError::Stopped);
                break;
            }
        }
        let mut executor = open(&inner, config(4));
        replay(&mut executor, &blocks);
        assert_eq!(executor.state_digest(), root, "after {accesses} accesses");
    }
    assert!(failures > 50, "only {failures} failures were reached");
}
