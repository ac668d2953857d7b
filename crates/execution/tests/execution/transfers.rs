//! State transfer: rules C6, C8, C10 and faults S21, S23.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{Bench, Words, assert_index_is_exact, config, open, request};
use outvote_execution::lthash::bucket_of;
use outvote_execution::transfer::{CHUNK_TIMEOUT_US, REST_US};
use outvote_execution::{
    Backend, CheckpointState, ExecutionError, Executor, ExecutorConfig, MemoryBackend, Transfer,
    TransferOutput,
};
use outvote_types::{
    Blob, BoundedVec, CheckpointCertificate, Data, Digest, Fetch, Instant, Quorum, ReplicaId, Sequence,
    Signature, encode,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const ME: ReplicaId = ReplicaId(3);
const INTERVAL: u64 = 4;

fn certificate(state: &CheckpointState, id: Digest) -> CheckpointCertificate {
    let votes = (0..3).map(|at| (ReplicaId(at), Signature::default())).collect();
    CheckpointCertificate {
        sequence: state.sequence(),
        id,
        state_root: state.state_root(),
        votes: BoundedVec::new(votes).unwrap(),
    }
}

/// A replica with a stable checkpoint and some thousand keys, a few of them large.
fn honest(blocks: u64) -> (Bench, CheckpointCertificate) {
    let mut bench = Bench::with(config(INTERVAL));
    for block in 1..=blocks {
        let texts: Vec<String> = (0..200).map(|at| format!("put key-{block}-{at} value-{at}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        bench.run(vec![request(1, block, &texts), request(2, block + 1, &["put held 1"])]);
    }
    let id = bench.executor.executed_id();
    let certificate = certificate(bench.executor.snapshots().last().unwrap(), id);
    bench.executor.on_stable(&certificate);
    (bench, certificate)
}

type Liar = Box<dyn FnMut(&Fetch, Data) -> Option<Data>>;

/// Carries fetches to peers that answer from `source`, some of them through a liar.
struct Network<'a> {
    source: &'a Executor,
    liars: BTreeMap<ReplicaId, Liar>,
    now: Instant,
    asked: BTreeMap<ReplicaId, usize>,
    blamed: Vec<(ReplicaId, &'static str)>,
    largest: usize,
    continued: usize,
}

impl<'a> Network<'a> {
    fn new(source: &'a Executor) -> Self {
        let (liars, asked) = (BTreeMap::new(), BTreeMap::new());
        Self { source, liars, now: Instant(1), asked, blamed: Vec::new(), largest: 0, continued: 0 }
    }

    fn with(mut self, id: u16, liar: impl FnMut(&Fetch, Data) -> Option<Data> + 'static) -> Self {
        self.liars.insert(ReplicaId(id), Box::new(liar));
        self
    }

    fn answer(&mut self, to: ReplicaId, fetch: &Fetch) -> Option<Data> {
        *self.asked.entry(to).or_default() += 1;
        self.continued += usize::from(matches!(fetch, Fetch::Bucket { after, .. } if !after.is_empty()));
        let data = self.source.serve(fetch, Sequence(1)).unwrap();
        self.largest = self.largest.max(encode(&data).len());
        match self.liars.get_mut(&to) {
            Some(liar) => liar(fetch, data),
            None => Some(data),
        }
    }

    /// Runs until the transfer is done or `steps` answers were delivered.
    fn run(&mut self, transfer: &mut Transfer, executor: &mut Executor, steps: usize) -> Option<Sequence> {
        let mut queue: VecDeque<TransferOutput> = transfer.on_tick(self.now).into();
        let mut left = steps;
        for _ in 0..100_000 {
            match queue.pop_front() {
                Some(TransferOutput::Fetch { to, fetch }) => {
                    if let Some(data) = self.answer(to, &fetch) {
                        left = left.checked_sub(1)?;
                        queue.extend(transfer.on_data(executor, to, data, self.now).unwrap());
                    }
                }
                Some(TransferOutput::Blame { from, why }) => self.blamed.push((from, why)),
                Some(TransferOutput::GivenUp) => {
                    assert_eq!(transfer.wake_at(), None);
                    return None;
                }
                Some(TransferOutput::Done { certificate, header }) => {
                    assert_eq!(header.body.id(), certificate.id);
                    assert_eq!(transfer.wake_at(), None);
                    return Some(certificate.sequence);
                }
                None => {
                    self.now =
                        transfer.wake_at().expect("an unfinished transfer waits for something").max(self.now);
                    queue.extend(transfer.on_tick(self.now));
                }
            }
        }
        panic!("the transfer does not end");
    }
}

fn transfer(executor: &Executor, certificate: &CheckpointCertificate) -> Transfer {
    Transfer::new(executor, certificate.clone(), false, Quorum::byzantine(4).unwrap(), ME)
}

/// A transfer over a state that is wrong.
fn repair(executor: &Executor, certificate: &CheckpointCertificate) -> Transfer {
    Transfer::new(executor, certificate.clone(), true, Quorum::byzantine(4).unwrap(), ME)
}

fn agreed(backend: &MemoryBackend) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = backend.range(&[1], Some(&[3]), usize::MAX).unwrap();
    pairs.into_iter().map(|(key, value)| (key, value.to_vec())).collect()
}

/// The installed state must be the source's, survive a restart, and execute the next block to the same result.
fn assert_same(source: &mut Bench, backend: &MemoryBackend, executor: &mut Executor) {
    source.executor.flush().unwrap();
    assert_eq!(agreed(backend), agreed(&source.backend));
    assert_index_is_exact(backend);
    assert_eq!(executor.state_digest(), source.executor.state_digest());
    let mut reopened = open(backend, config(INTERVAL));
    assert_eq!(reopened.executed_id(), source.executor.executed_id());
    let next = source.executor.executed().0 + 1;
    let block = source.chain.block(vec![request(1, next, &["put after 1"]), request(9, 1, &["list key-1"])]);
    let expected = source.executor.execute(&block).unwrap();
    assert_eq!(executor.execute(&block).unwrap(), expected);
    assert_eq!(reopened.execute(&block).unwrap(), expected);
}

#[test]
fn an_empty_replica_fetches_different_buckets_from_all_peers() {
    let (mut source, certificate) = honest(8);
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    let mut network = Network::new(&source.executor);
    let mut transfer = transfer(&executor, &certificate);
    assert_eq!(network.run(&mut transfer, &mut executor, usize::MAX), Some(Sequence(8)));
    assert_eq!(transfer.progress(), Some((256, 256)));
    assert_eq!(network.asked.keys().map(|id| id.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(network.asked.values().all(|asked| *asked > 40), "{:?}", network.asked);
    assert!(network.blamed.is_empty());
    assert_same(&mut source, &backend, &mut executor);
    // It serves what it has just fetched.
    let manifest = executor.serve(&Fetch::Manifest { replica: ReplicaId(0) }, Sequence(1)).unwrap();
    assert!(matches!(manifest, Data::Manifest(_)));
}

// E11, C11: what a flush under way writes is part of what is replaced, or put back.
#[test]
fn a_transfer_begun_during_a_flush_replaces_what_that_writes() {
    let (mut source, certificate) = honest(8);
    for lasts in [1, 100] {
        let backend = MemoryBackend::that_settles_after(lasts);
        let mut executor = open(&backend, config(INTERVAL));
        let mut own = Bench::with(config(INTERVAL));
        for nonce in 1..=3 {
            let block = own.chain.block(vec![request(1, nonce, &["put mine 1", "put key-1-1 other"])]);
            executor.execute(&block).unwrap();
        }
        executor.begin_flush().unwrap();
        let mut network = Network::new(&source.executor);
        let mut fetched = repair(&executor, &certificate);
        assert_eq!(network.run(&mut fetched, &mut executor, usize::MAX), Some(Sequence(8)));
        assert_eq!((executor.flushed(), executor.restarts_at()), (Sequence(8), Sequence(8)));
        assert!(executor.is_settled().unwrap());
        assert_same(&mut source, &backend, &mut executor);
        // The source went on by a block.
        (source, _) = honest(8);
    }
}

#[test]
fn only_buckets_that_differ_are_fetched() {
    let (mut source, certificate) = honest(8);
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    Network::new(&source.executor)
        .run(&mut transfer(&executor, &certificate), &mut executor, usize::MAX)
        .unwrap();
    // Two more keys and two sessions change a few buckets of 256.
    for nonce in 9..=12 {
        source.run(vec![request(1, nonce, &["put one 1", "put two 2"])]);
    }
    let later = certificate_of(&mut source);
    let mut network = Network::new(&source.executor);
    assert_eq!(network.run(&mut transfer(&executor, &later), &mut executor, usize::MAX), Some(Sequence(12)));
    let asked: usize = network.asked.values().sum();
    assert!(asked <= 3 + 2 * 8, "{asked} fetches");
    assert_same(&mut source, &backend, &mut executor);
}

fn certificate_of(source: &mut Bench) -> CheckpointCertificate {
    let id = source.executor.executed_id();
    let certificate = certificate(source.executor.snapshots().last().unwrap(), id);
    source.executor.on_stable(&certificate);
    certificate
}

/// Changes what a bucket's answer says.
fn bend(
    mut change: impl FnMut(&mut u16, &mut Vec<(Vec<u8>, Vec<u8>)>, &mut bool) + 'static,
) -> impl FnMut(&Fetch, Data) -> Option<Data> {
    move |_, data| match data {
        Data::Bucket { checkpoint, mut bucket, after, pairs, mut last } => {
            let mut bent: Vec<_> = pairs.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
            change(&mut bucket, &mut bent, &mut last);
            let pairs =
                bent.into_iter().map(|(k, v)| (Blob::new(k).unwrap(), Blob::new(v).unwrap())).collect();
            Some(Data::Bucket { checkpoint, bucket, after, pairs: BoundedVec::new(pairs).unwrap(), last })
        }
        other => Some(other),
    }
}

// Faults: S21, R17
#[test]
fn each_kind_of_lie_is_named_at_once_and_the_honest_peers_suffice() {
    // C6, fault S21
    type Change = fn(&mut u16, &mut Vec<(Vec<u8>, Vec<u8>)>, &mut bool);
    let lies: [(&str, Change); 7] = [
        ("a bucket with another digest", |_, pairs, _| pairs[0].1.push(1)),
        ("a bucket with another digest", |_, pairs, _| drop(pairs.pop())),
        ("a bucket with another digest", |_, pairs, _| pairs.clear()),
        ("keys out of order", |_, pairs, _| pairs.push(pairs[0].clone())),
        ("a key of another bucket", |_, pairs, _| pairs[0].0.push(1)),
        ("a key of another bucket", |_, pairs, _| pairs[0].0 = b"\x00mexecuted".to_vec()),
        ("a chunk without pairs that is not the last", |_, pairs, last| {
            pairs.clear();
            *last = false;
        }),
    ];
    let (mut source, certificate) = honest(8);
    for (why, lie) in lies {
        let backend = MemoryBackend::new();
        let mut executor = open(&backend, config(INTERVAL));
        let mut network = Network::new(&source.executor).with(1, bend(lie));
        network.run(&mut transfer(&executor, &certificate), &mut executor, usize::MAX).unwrap();
        assert_eq!(network.blamed, [(ReplicaId(1), why)]);
        // One manifest, one bucket, and never again.
        assert_eq!(network.asked[&ReplicaId(1)], 2);
        assert_eq!(agreed(&backend), agreed(&source.backend));
    }
    assert!(source.executor.flush().is_ok());
}

// Faults: S21
#[test]
fn a_bent_manifest_is_blamed() {
    // C8
    let (source, certificate) = honest(8);
    let bends: [fn(&mut outvote_types::Snapshot); 3] = [
        |manifest| {
            let mut buckets = manifest.buckets.to_vec();
            buckets[5] = Digest::ZERO;
            manifest.buckets = BoundedVec::new(buckets).unwrap();
        },
        |manifest| manifest.header.body.time = manifest.header.body.time.plus(1),
        |manifest| manifest.certificate.state_root = Digest::ZERO,
    ];
    for bend in bends {
        let mut executor = open(&MemoryBackend::new(), config(INTERVAL));
        let liar = move |_: &Fetch, data| match data {
            Data::Manifest(mut manifest) => {
                bend(&mut manifest);
                Some(Data::Manifest(manifest))
            }
            other => Some(other),
        };
        let mut network = Network::new(&source.executor).with(0, liar);
        assert_eq!(
            network.run(&mut transfer(&executor, &certificate), &mut executor, usize::MAX),
            Some(Sequence(8))
        );
        assert_eq!(network.blamed.len(), 1);
        assert_eq!(network.asked[&ReplicaId(0)], 1);
    }
}

#[test]
fn answers_nobody_asked_for_are_dropped() {
    // C10: a wrong bucket, a wrong place, another checkpoint; after the time-out others are asked.
    let (mut source, certificate) = honest(8);
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    let mut network =
        Network::new(&source.executor).with(2, bend(|bucket, _, _| *bucket = (*bucket + 1) % 300));
    network.run(&mut transfer(&executor, &certificate), &mut executor, usize::MAX).unwrap();
    assert!(network.blamed.is_empty());
    assert_same(&mut source, &backend, &mut executor);
    let stranger = Data::Gone { oldest: Sequence(1) };
    let outputs = transfer(&executor, &certificate)
        .on_data(&mut executor, ReplicaId(77), stranger, Instant(1))
        .unwrap();
    assert!(outputs.is_empty());
}

// Faults: S17, R17
#[test]
fn silent_and_trickling_peers_do_not_stop_a_transfer() {
    let (mut source, certificate) = honest(8);
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    let trickle = bend(|_, pairs, last| {
        if pairs.len() > 1 {
            pairs.truncate(1);
            *last = false;
        }
    });
    let mut network = Network::new(&source.executor).with(0, |_, _| None).with(1, trickle);
    network.run(&mut transfer(&executor, &certificate), &mut executor, usize::MAX).unwrap();
    assert!(network.blamed.is_empty());
    assert!(network.now.0 <= CHUNK_TIMEOUT_US + REST_US + 1, "{:?}", network.now);
    assert_same(&mut source, &backend, &mut executor);
}

#[test]
fn large_buckets_come_in_bounded_chunks() {
    let mut source = Bench::with(config(INTERVAL));
    // Forty values of 65,000 bytes in one bucket, so that it takes three chunks.
    let keys =
        (0..).map(|at| format!("key-{at}")).filter(|key| bucket_of(format!("\x02{key}").as_bytes()) == 77);
    let texts: Vec<String> = keys.take(40).map(|key| format!("put {key} {}", "v".repeat(65_000))).collect();
    for (texts, nonce) in texts.chunks(10).zip(1..) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        source.run(vec![request(1, nonce, &texts), request(2, nonce, &["longest-value"])]);
    }
    let certificate = certificate_of(&mut source);
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    let mut network = Network::new(&source.executor);
    network.run(&mut transfer(&executor, &certificate), &mut executor, usize::MAX).unwrap();
    assert!(network.largest > 900_000 && network.largest <= 1024 * 1024 + 2048, "{}", network.largest);
    assert!(network.continued >= 2, "{} continued chunks", network.continued);
    assert_eq!(agreed(&backend), agreed(&source.backend));
}

// Faults: S23, P13
#[test]
fn a_crash_in_the_middle_continues_without_fetching_anything_twice() {
    let (mut source, certificate) = honest(8);
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    let mut network = Network::new(&source.executor);
    assert_eq!(network.run(&mut transfer(&executor, &certificate), &mut executor, 150), None);
    drop(executor);
    let other = ExecutorConfig { genesis: Digest([8; 32]), is_home_blank: true, ..config(INTERVAL) };
    let error = Executor::open(Box::new(backend.clone()), Box::new(Words), other).err().unwrap();
    assert!(
        matches!(error, ExecutionError::OtherCluster { .. }),
        "half a state is its cluster's too: {error}"
    );
    let mut executor = open(&backend, config(INTERVAL));
    let interrupted = executor.interrupted_transfer().expect("the mark survives").clone();
    assert_eq!(interrupted, certificate);
    // Half a state neither executes nor answers, and says it has executed nothing.
    assert_eq!(executor.executed(), Sequence(0));
    let block = crate::common::Chain::new().block(vec![]);
    assert_eq!(executor.execute(&block).unwrap_err(), ExecutionError::Installing);
    assert_eq!(executor.query(b"get a").unwrap_err(), ExecutionError::Installing);
    assert_eq!(executor.flush(), Ok(()));
    let mut again = Network::new(&source.executor);
    assert_eq!(
        again.run(&mut transfer(&executor, &interrupted), &mut executor, usize::MAX),
        Some(Sequence(8))
    );
    assert!(again.asked.values().sum::<usize>() < 130, "{:?}", again.asked);
    assert_same(&mut source, &backend, &mut executor);
}

// Faults: S23, P13
#[test]
fn a_crash_at_any_moment_of_a_transfer_is_survived() {
    // Again and again, each time a little further.
    let (mut source, certificate) = honest(8);
    let backend = MemoryBackend::new();
    for steps in (0..40).cycle().take(200) {
        let mut executor = open(&backend, config(INTERVAL));
        let mut network = Network::new(&source.executor);
        if network.run(&mut transfer(&executor, &certificate), &mut executor, steps).is_some() {
            assert_same(&mut source, &backend, &mut executor);
            return;
        }
    }
    panic!("the transfer never ends");
}

#[test]
fn a_checkpoint_that_is_gone_is_replaced_by_a_later_one() {
    let (mut source, certificate) = honest(8);
    let backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    let mut transfer = transfer(&executor, &certificate);
    assert_eq!(Network::new(&source.executor).run(&mut transfer, &mut executor, 100), None);
    // The peers move on until they keep nothing of checkpoint 8.
    for nonce in 9..=24 {
        source.run(vec![request(1, nonce, &["put later 1"])]);
        if nonce % INTERVAL == 0 {
            certificate_of(&mut source);
        }
    }
    assert!(source.executor.snapshots().iter().all(|state| state.sequence() > Sequence(8)));
    let mut network = Network::new(&source.executor);
    network.now = Instant(10 * CHUNK_TIMEOUT_US);
    assert_eq!(network.run(&mut transfer, &mut executor, usize::MAX), Some(Sequence(24)));
    assert!(network.blamed.is_empty());
    assert_same(&mut source, &backend, &mut executor);
}

#[test]
fn a_snapshot_that_is_being_read_stays_a_while() {
    let (mut source, certificate) = honest(8);
    let fetch = Fetch::Bucket { checkpoint: Sequence(8), bucket: 0, after: Blob::default(), replica: ME };
    let mut kept = BTreeSet::new();
    for nonce in 9..=40 * INTERVAL {
        let answer = source.executor.serve(&fetch, Sequence(1)).unwrap();
        kept.insert(matches!(answer, Data::Bucket { .. }));
        source.run(vec![request(1, nonce, &["put later 1"])]);
        if nonce % INTERVAL == 0 {
            certificate_of(&mut source);
        }
        assert!(source.executor.snapshots().len() <= outvote_execution::checkpoint::MAX_SNAPSHOTS);
    }
    assert_eq!(kept, BTreeSet::from([true]));
    assert_eq!(certificate.sequence, Sequence(8));
}

// Faults: P08
#[test]
fn a_replica_that_went_astray_goes_back_to_the_checkpoint() {
    // C4: it executed other things, more of them, and has some of it only in memory.
    let (mut source, certificate) = honest(8);
    let mut astray = Bench::with(config(INTERVAL));
    for nonce in 1..=11 {
        let texts: Vec<String> = (0..100).map(|at| format!("put key-{nonce}-{} astray", at * 3)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        astray.run(vec![request(1, nonce, &texts)]);
    }
    assert!(astray.executor.unflushed_bytes() > 0);
    Network::new(&source.executor)
        .run(&mut repair(&astray.executor, &certificate), &mut astray.executor, usize::MAX)
        .unwrap();
    assert_eq!(astray.executor.executed(), Sequence(8));
    assert_same(&mut source, &astray.backend, &mut astray.executor);
}

// Faults: S08
#[test]
fn a_rotten_disk_is_repaired_though_the_kept_sums_say_that_all_is_well() {
    // C4
    let (mut source, certificate) = honest(8);
    let mut backend = MemoryBackend::new();
    let mut executor = open(&backend, config(INTERVAL));
    Network::new(&source.executor)
        .run(&mut transfer(&executor, &certificate), &mut executor, usize::MAX)
        .unwrap();
    // A value changes, a key vanishes, a key appears; neither index nor sums know.
    let keys = agreed(&backend);
    let rot = [
        (keys[10].0.clone(), Some(b"rot"[..].into())),
        (keys[20].0.clone(), None),
        (b"\x02rot".to_vec(), Some(b"rot"[..].into())),
    ];
    backend.commit(rot.into_iter().collect()).unwrap();
    let mut executor = Executor::open(Box::new(backend.clone()), Box::new(Words), config(INTERVAL)).unwrap();
    assert_eq!(executor.state_digest(), certificate.state_root);
    Network::new(&source.executor)
        .run(&mut repair(&executor, &certificate), &mut executor, usize::MAX)
        .unwrap();
    assert_same(&mut source, &backend, &mut executor);
}

/// A peer that lost its snapshots with its process.
fn has_lost_it(_: &Fetch, _: Data) -> Option<Data> {
    Some(Data::Gone { oldest: Sequence(1) })
}

/// A replica with eight blocks that is twelve behind, and a transfer that has put some buckets in place when all who
/// could send the others lose them.
fn half_way() -> (Bench, Bench, CheckpointCertificate) {
    let (mut laggard, _) = honest(6);
    let (source, certificate) = honest(16);
    let mut network = Network::new(&source.executor);
    let begun = network.run(&mut transfer(&laggard.executor, &certificate), &mut laggard.executor, 100);
    assert!(begun.is_none() && laggard.executor.interrupted_transfer().is_some());
    (laggard, source, certificate)
}

#[test]
fn a_transfer_that_nobody_can_finish_is_given_up_and_the_own_state_comes_back() {
    // C11: in the process that began it, and in the next one.
    for restarts in [false, true] {
        let (mut laggard, source, certificate) = half_way();
        let (mut plain, _) = honest(6);
        if restarts {
            laggard.executor = open(&laggard.backend, config(INTERVAL));
        }
        assert_eq!(laggard.executor.query(b"key-1-1"), Err(ExecutionError::Installing));
        let mut network = Network::new(&source.executor);
        for peer in 0..3 {
            network = network.with(peer, has_lost_it);
        }
        let mut again = transfer(&laggard.executor, &certificate);
        assert_eq!(network.run(&mut again, &mut laggard.executor, usize::MAX), None);
        assert!(laggard.executor.give_up_transfer().unwrap());
        assert!(laggard.executor.interrupted_transfer().is_none());
        // E11: nothing that was executed before is lost, flushed or not, and nothing of the other state is left.
        assert_eq!(laggard.executor.executed(), Sequence(6));
        plain.executor.flush().unwrap();
        assert_eq!(agreed(&laggard.backend), agreed(&plain.backend));
        assert_same(&mut plain, &laggard.backend, &mut laggard.executor);
        assert!(!laggard.executor.give_up_transfer().unwrap(), "there is nothing to give up any more");
    }
}

// Faults: S23
#[test]
fn a_wrong_state_never_comes_back() {
    // C4, C11
    let (mut laggard, source, certificate) = half_way();
    let mut network = Network::new(&source.executor);
    let begun = network.run(&mut repair(&laggard.executor, &certificate), &mut laggard.executor, 100);
    assert_eq!(begun, None);
    assert!(!laggard.executor.give_up_transfer().unwrap());
    laggard.executor = open(&laggard.backend, config(INTERVAL));
    assert!(!laggard.executor.give_up_transfer().unwrap(), "after a restart neither");
    let mut last = transfer(&laggard.executor, &certificate);
    let mut network = Network::new(&source.executor);
    assert_eq!(network.run(&mut last, &mut laggard.executor, usize::MAX), Some(Sequence(16)));
}

#[test]
fn a_replica_that_has_come_as_far_by_blocks_takes_no_older_state() {
    let (source, certificate) = honest(8);
    let (mut ahead, _) = honest(11);
    let mut needless = transfer(&ahead.executor, &certificate);
    let mut network = Network::new(&source.executor);
    assert_eq!(network.run(&mut needless, &mut ahead.executor, usize::MAX), None);
    assert!(ahead.executor.interrupted_transfer().is_none());
    assert_eq!(ahead.executor.executed(), Sequence(11));
}
