//! A state fetched from peers, one of whom lies in any way: the state that is installed is the one that a quorum signed.

use crate::mutation::bent;
use crate::samples;
use outvote_execution::{Executor, ExecutorConfig, MemoryBackend, Transfer, TransferOutput};
use outvote_kv::{Kv, KvOperation};
use outvote_sim::random::Random;
use outvote_types::{
    Batch, Block, BoundedVec, CheckpointCertificate, Committee, Data, Digest, Instant, Nonce, Operation,
    Parameters, PublicKey, ReplicaId, Request, RequestBody, Sequence, Signature, Signed, decode, encode,
    merkle,
};

const ME: ReplicaId = ReplicaId(3);
const LIAR: ReplicaId = ReplicaId(0);
/// Steps after which a transfer from two honest peers must have ended.
const STEPS_MAX: usize = 20_000;

fn committee() -> Committee {
    let parameters = Parameters { checkpoint_interval: 2, ..Parameters::default() };
    Committee { parameters, ..samples::committee() }
}

fn config() -> ExecutorConfig {
    ExecutorConfig { execute_twice: false, ..ExecutorConfig::new(&committee()) }
}

fn open(backend: &MemoryBackend) -> Option<Executor> {
    Executor::open(Box::new(backend.clone()), Box::new(Kv), config()).ok()
}

fn block(sequence: u64, parent: Digest) -> Block {
    let put = |key: u64| {
        let key = key.to_le_bytes().to_vec();
        let operation = KvOperation::Put { value: key.repeat(20), key };
        Operation { author: None, query: false, payload: samples::blob(&operation.encode()) }
    };
    let operations = samples::few((sequence * 100..sequence * 100 + 30).map(put).collect());
    let body = RequestBody { session: PublicKey([1; 32]), nonce: Nonce(sequence), operations };
    let requests = samples::few(vec![Request { body: body.into(), signature: Signature::default() }]);
    let batch = Batch { requests, ..samples::batch() };
    let mut header = samples::header().body;
    (header.sequence, header.parent) = (Sequence(sequence), parent);
    header.batches = samples::few(vec![batch.reference()]);
    header.payload_root = merkle::root(&batch.payload_leaves());
    Block { header: Signed::new(header, Signature::default()), batches: samples::few(vec![batch]) }
}

/// One that has come to the checkpoint, and what a quorum signed of it.
struct Source {
    executor: Executor,
    certificate: CheckpointCertificate,
}

fn source() -> Option<Source> {
    let mut executor = open(&MemoryBackend::new())?;
    let mut parent = committee().genesis_id();
    for sequence in 1..=2 {
        let block = block(sequence, parent);
        parent = block.header.body.id();
        executor.execute(&block).ok()?;
    }
    let state = executor.snapshots().last()?;
    let (sequence, state_root) = (state.sequence(), state.state_root());
    let votes = BoundedVec::truncated((0..3).map(|at| (ReplicaId(at), Signature::default())).collect());
    let certificate = CheckpointCertificate { sequence, id: parent, state_root, votes };
    executor.on_stable(&certificate);
    Some(Source { executor, certificate })
}

thread_local! {
    static SOURCE: Option<Source> = source();
}

/// What the liar makes of an honest answer. The signatures in a manifest are checked before a transfer sees it, so what a quorum
/// or a leader signed stays.
fn lie(honest: &Data, how: &mut impl Iterator<Item = u8>, random: &mut Random) -> Option<Data> {
    match how.next()? {
        0..64 => Some(honest.clone()),
        64..96 => None,
        96..112 => Some(Data::Gone { oldest: Sequence(u64::MAX) }),
        _ => {
            let bytes = encode(honest);
            let mut data =
                decode(&bent(random, &bytes, &bytes, bytes.len() + 64)).unwrap_or_else(|_| honest.clone());
            if let (Data::Manifest(data), Data::Manifest(honest)) = (&mut data, honest) {
                data.certificate = honest.certificate.clone();
                data.header = honest.header.clone();
            }
            Some(data)
        }
    }
}

pub(crate) fn run(input: &[u8]) {
    let Some((seed, script)) = input.split_first_chunk::<8>() else { return };
    SOURCE.with(|source| {
        let Some(source) = source else { return };
        let (mut how, mut random) = (script.iter().copied(), Random::new(u64::from_le_bytes(*seed)));
        let (Some(mut executor), Ok(quorum)) = (open(&MemoryBackend::new()), committee().quorum()) else {
            return;
        };
        let mut transfer = Transfer::new(&executor, source.certificate.clone(), false, quorum, ME);
        let mut now = Instant(1);
        let mut queue = std::collections::VecDeque::from(transfer.on_tick(now));
        for _ in 0..STEPS_MAX {
            match queue.pop_front() {
                Some(TransferOutput::Fetch { to, fetch }) => {
                    let Ok(honest) = source.executor.serve(&fetch, Sequence(1)) else {
                        panic!("the source serves")
                    };
                    let data = if to == LIAR { lie(&honest, &mut how, &mut random) } else { Some(honest) };
                    let Some(data) = data else { continue };
                    match transfer.on_data(&mut executor, to, data, now) {
                        Ok(outputs) => queue.extend(outputs),
                        Err(error) => panic!("what a peer sent is an error of ours: {error}"),
                    }
                }
                Some(TransferOutput::Blame { from, why }) => {
                    assert_eq!(from, LIAR, "an honest peer is blamed: {why}")
                }
                Some(TransferOutput::GivenUp) => panic!("two honest peers have everything"),
                Some(TransferOutput::Done { certificate, .. }) => {
                    assert_eq!(certificate, source.certificate);
                    let root = executor.snapshots().last().map(|state| state.state_root());
                    assert_eq!(root, Some(certificate.state_root), "the state is what the quorum signed");
                    return;
                }
                None => {
                    now = transfer.wake_at().unwrap_or(now.next()).max(now);
                    queue.extend(transfer.on_tick(now));
                }
            }
        }
        panic!("a transfer from two honest peers does not end");
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let seed = |number: u64, script: &[u8]| [&number.to_le_bytes()[..], script].concat();
    vec![
        seed(1, &[]),
        seed(2, &[0; 200]),
        seed(3, &[200; 100]),
        seed(4, &[0, 200, 70, 0, 255, 100, 0, 180, 0, 130]),
        seed(5, &[70; 50]),
    ]
}
