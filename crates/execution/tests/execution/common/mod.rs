//! A chain of blocks by hand, and an application whose operations do what tests need.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use outvote_execution::lthash::bucket_of;
use outvote_execution::{
    Answer, Application, Backend, BlockResult, Context, Executor, ExecutorConfig, MemoryBackend, StateReader,
    StateWriter,
};
use outvote_types::{
    Batch, Blob, Block, BoundedVec, Digest, Epoch, Header, Nonce, Operation, Parameters, PublicKey,
    ReplicaId, Request, RequestBody, ResultKind, Sequence, Signature, Signed, View, WallTime, merkle,
};

pub(crate) const GENESIS: Digest = Digest([7; 32]);

/// Operations are words: `put k v`, `del k`, `refuse k`, `panic k`, `long-key`, `long-value`, `flood`, `who`, `get k`.
pub(crate) struct Words;

fn words(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).split(' ').map(str::to_owned).collect()
}

impl Application for Words {
    fn apply(&self, context: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        let words = words(operation);
        let word = |at: usize| words.get(at).cloned().unwrap_or_default();
        match word(0).as_str() {
            "put" => state.put(word(1).as_bytes(), word(2).as_bytes()),
            "del" => state.delete(word(1).as_bytes()),
            "refuse" => {
                state.put(word(1).as_bytes(), b"refused");
                return Answer::refused("no", "because");
            }
            "panic" => {
                state.put(word(1).as_bytes(), b"panicked");
                panic!("poison");
            }
            "long-key" => {
                state.put(b"before", b"1");
                state.put(&[b'k'; 1024], b"1");
            }
            "longest-key" => state.put(&[b'k'; 1023], b"1"),
            "long-value" => {
                state.put(b"before", b"1");
                state.put(b"k", &vec![0; 1024 * 1024 + 1]);
            }
            "longest-value" => state.put(b"big", &vec![0; 1024 * 1024]),
            "flood" => (0..17u8).for_each(|at| state.put(&[b'f', at], &vec![at; 1024 * 1024 - 2])),
            "long-answer" => {
                state.put(b"before", b"1");
                return Answer::done(vec![0; 1024 * 1024 + 1]);
            }
            "list" => {
                let pairs = state.prefix(word(1).as_bytes(), 100);
                return Answer::done(
                    pairs.into_iter().flat_map(|(key, value)| [key, value].concat()).collect(),
                );
            }
            "who" => return Answer::done(format!("{context:?}").into_bytes()),
            other => return Answer::refused("unknown", other),
        }
        Answer::done(word(0).into_bytes())
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        let words = words(question);
        assert_ne!(words[0], "panic", "poison");
        state
            .get(words.get(1).map_or(b"", |word| word.as_bytes()))
            .map_or_else(|| Answer::refused("no-such-key", "nothing there"), Answer::done)
    }
}

pub(crate) fn client(name: u8) -> PublicKey {
    PublicKey([name; 32])
}

pub(crate) fn request(client_name: u8, nonce: u64, operations: &[&str]) -> Request {
    let operations = operations
        .iter()
        .map(|text| Operation {
            author: None,
            query: text.starts_with("get "),
            payload: Blob::new(text.as_bytes().to_vec()).unwrap(),
        })
        .collect();
    let operations = BoundedVec::new(operations).unwrap();
    let body = RequestBody { session: client(client_name), nonce: Nonce(nonce), operations };
    Request { body: body.into(), signature: Signature::default() }
}

pub(crate) fn config(checkpoint_interval: u64) -> ExecutorConfig {
    let parameters = Parameters { checkpoint_interval, ..Parameters::default() };
    ExecutorConfig {
        genesis: GENESIS,
        parameters,
        execute_twice: false,
        restarts_at_checkpoint: false,
        is_home_blank: false,
    }
}

pub(crate) fn open(backend: &MemoryBackend, config: ExecutorConfig) -> Executor {
    Executor::open(Box::new(backend.clone()), Box::new(Words), config).unwrap()
}

/// The index by bucket must name exactly the keys that are there.
pub(crate) fn assert_index_is_exact(backend: &MemoryBackend) {
    let expected: Vec<Vec<u8>> = backend
        .range(&[1], Some(&[3]), usize::MAX)
        .unwrap()
        .into_iter()
        .map(|(key, _)| [&[0, b'i', bucket_of(&key)], &key[..]].concat())
        .collect();
    let mut found: Vec<Vec<u8>> = backend
        .range(b"\x00i", Some(b"\x00j"), usize::MAX)
        .unwrap()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    found.sort_by_key(|index| index[3..].to_vec());
    assert_eq!(found, expected);
}

/// Makes blocks, each the child of the one before.
pub(crate) struct Chain {
    pub(crate) parent: Digest,
    pub(crate) sequence: Sequence,
    pub(crate) time: WallTime,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self { parent: GENESIS, sequence: Sequence(0), time: WallTime(1_000_000_000) }
    }

    pub(crate) fn block(&mut self, requests: Vec<Request>) -> Block {
        self.sequence = self.sequence.next();
        self.time = self.time.plus(1_000);
        let batch =
            Batch { author: ReplicaId(0), lane_sequence: 1, requests: BoundedVec::new(requests).unwrap() };
        let header = Header {
            epoch: Epoch(0),
            view: View(0),
            sequence: self.sequence,
            parent: self.parent,
            time: self.time,
            leader: ReplicaId(0),
            batches: BoundedVec::new(vec![batch.reference()]).unwrap(),
            payload_root: merkle::root(&batch.payload_leaves()),
            new_view_digest: None,
            control: None,
        };
        self.parent = header.id();
        Block {
            header: Signed { body: header, signature: Signature::default() },
            batches: BoundedVec::new(vec![batch]).unwrap(),
        }
    }
}

/// A chain and an executor for it.
pub(crate) struct Bench {
    pub(crate) chain: Chain,
    pub(crate) backend: MemoryBackend,
    pub(crate) config: ExecutorConfig,
    pub(crate) executor: Executor,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(config(1_000))
    }

    pub(crate) fn with(config: ExecutorConfig) -> Self {
        let backend = MemoryBackend::new();
        Self { chain: Chain::new(), executor: open(&backend, config), backend, config }
    }

    pub(crate) fn run(&mut self, requests: Vec<Request>) -> BlockResult {
        let block = self.chain.block(requests);
        self.executor.execute(&block).unwrap()
    }

    pub(crate) fn kinds(&mut self, requests: Vec<Request>) -> Vec<ResultKind> {
        kinds(&self.run(requests))
    }

    pub(crate) fn get(&self, key: &str) -> Option<String> {
        match self.executor.query(format!("get {key}").as_bytes()).unwrap() {
            Answer::Done(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            Answer::Refused { .. } => None,
        }
    }

    /// Flushes, and opens the same backend again.
    pub(crate) fn restart(&mut self) {
        self.executor.flush().unwrap();
        self.executor = open(&self.backend, self.config);
    }
}

pub(crate) fn kinds(result: &BlockResult) -> Vec<ResultKind> {
    result.results.iter().map(|result| result.leaf.kind).collect()
}

pub(crate) fn code(answer: &Answer) -> &str {
    match answer {
        Answer::Done(_) => "done",
        Answer::Refused { code, .. } => code,
    }
}
