//! An open loop of clients of the key-value application.
//!
//! Each operation has an intended start on a schedule that waits for nothing; what is late because something else was late is
//! charged with it (coordinated omission). An operation's outcome is asked for until it is known or the load is given up.

use crate::history::{Back, Call, Entry};
use crate::record::{CertifiedRead, Record, nanoseconds};
use crate::trouble::Trouble;
use outvote_chaos::Random;
use outvote_client::{Client, ClientError, CommitteeFile, Outcome, Submission, Tunables};
use outvote_crypto::KeyPair;
use outvote_kv::{KvAnswer, KvOperation, KvQuestion};
use outvote_types::{Blob, Nonce, Operation};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Operations of one client in flight at most; with few, few can overlap, and the search for an order stays short.
const IN_FLIGHT: usize = 4;
/// Operations of all clients on this many keys.
const KEYS: u64 = 64;
/// Each client's own counter is above these.
const FIRST_OWN_KEY: u64 = 1 << 32;
/// One operation in so many counts up the client's own key and asks for it.
const COUNTS_EVERY: u64 = 8;
/// How long the clients look for the cluster.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// How long the last outcomes are waited for.
const LAST_OUTCOMES: Duration = Duration::from_secs(90);

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct LoadPlan {
    /// Operations a second of all clients.
    pub rate: f64,
    /// Clients, each with a key of its own.
    pub clients: u32,
    /// Feeds what they ask.
    pub seed: u64,
}

/// A load that runs.
#[derive(Debug)]
pub struct Load {
    /// What was recorded so far.
    pub record: Arc<Record>,
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Connects the clients and begins.
    ///
    /// # Errors
    /// When the cluster cannot be reached.
    pub async fn begin(file: &CommitteeFile, plan: LoadPlan) -> Result<Self, Trouble> {
        let tunables = Tunables { seed: plan.seed, deadline_ms: 4_000, ..Tunables::default() };
        let connected = Client::builder(file.clone()).tunables(tunables).patience(CONNECT_PATIENCE).connect();
        let connected = connected.await?;
        let mut signers = Vec::new();
        for _ in 0..plan.clients {
            let key = KeyPair::generate().map_err(|error| Trouble::failed(error.to_string()))?;
            signers.push(Arc::new(key) as outvote_client::SessionKey);
        }
        let sessions = connected.open_many(signers, Some(Nonce(1))).await?;
        let (record, is_over) = (Arc::new(Record::begin()), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for (number, client) in (0..plan.clients).zip(sessions) {
            let worker = Worker {
                client,
                number,
                record: Arc::clone(&record),
                is_over: Arc::clone(&is_over),
                random: Random::new(plan.seed.wrapping_mul(1_000_003).wrapping_add(u64::from(number))),
                asked: Arc::default(),
                stored: Arc::default(),
                unique: 0,
            };
            tasks.spawn(worker.run(plan));
        }
        Ok(Self { record, is_over, tasks })
    }

    /// Starts no more operations, and waits for the outcome of those that are on their way.
    pub async fn end(mut self) -> Arc<Record> {
        self.is_over.store(true, Ordering::Relaxed);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What has no outcome by then has none.
        let _ = tokio::time::timeout(LAST_OUTCOMES, all).await;
        self.record
    }
}

struct Worker {
    client: Client,
    number: u32,
    record: Arc<Record>,
    is_over: Arc<AtomicBool>,
    random: Random,
    /// The count that was last asked to be stored under its own key, and the one known to be.
    asked: Arc<AtomicU64>,
    stored: Arc<AtomicU64>,
    unique: u64,
}

impl Worker {
    async fn run(mut self, plan: LoadPlan) {
        let room = Arc::new(Semaphore::new(IN_FLIGHT));
        let mut flying = JoinSet::new();
        for turn in 0u64.. {
            let place = turn * u64::from(plan.clients) + u64::from(self.number);
            let intended = Duration::from_secs_f64(place as f64 / plan.rate);
            tokio::time::sleep_until((self.record.begun() + intended).into()).await;
            // Nothing is left out when there is no room: it starts late, and its latency says so.
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            while flying.try_join_next().is_some() {}
            let counts = turn % COUNTS_EVERY == 0;
            let (key, call) = if counts { self.count() } else { self.next() };
            let entry = Entry { client: self.number, key, call, invoked: 0, returned: None };
            let number = self.record.invoked(entry);
            let flight = Flight {
                client: self.client.clone(),
                record: Arc::clone(&self.record),
                number,
                intended: nanoseconds(intended),
                call,
            };
            let submission = self.client.start(vec![operation(key, call)]);
            let reader = counts.then(|| Reader {
                client: self.client.clone(),
                number: self.number,
                record: Arc::clone(&self.record),
                asked: Arc::clone(&self.asked),
                stored: Arc::clone(&self.stored),
            });
            flying.spawn(async move {
                let done = flight.land(submission).await;
                if let (Some(reader), Call::Put(count), true) = (reader, call, done) {
                    reader.stored.fetch_max(count, Ordering::SeqCst);
                    reader.ask().await;
                }
                drop(permit);
            });
        }
        while flying.join_next().await.is_some() {}
    }

    fn count(&self) -> (u64, Call) {
        let count = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        (FIRST_OWN_KEY + u64::from(self.number), Call::Put(count))
    }

    fn next(&mut self) -> (u64, Call) {
        let key = self.random.below(KEYS);
        self.unique += 1;
        // No value is ever written twice: a read says which write it saw.
        let value = (u64::from(self.number) + 1) << 40 | self.unique;
        let call = match self.random.below(20) {
            0..9 => Call::Get,
            9..16 => Call::Put(value),
            16..18 => Call::Cas { expected: None, value: Some(value) },
            18 => Call::Cas { expected: Some(value - 1), value: Some(value) },
            _ => Call::Delete,
        };
        (key, call)
    }
}

struct Reader {
    client: Client,
    number: u32,
    record: Arc<Record>,
    asked: Arc<AtomicU64>,
    stored: Arc<AtomicU64>,
}

impl Reader {
    /// Asks outside of the agreed order: `f + 1` replicas answer alike, none older than what this client has seen.
    async fn ask(self) {
        let least = self.stored.load(Ordering::SeqCst);
        let key = FIRST_OWN_KEY + u64::from(self.number);
        let question = KvQuestion::Get { key: bytes(key) }.encode();
        // A question whose deadline passed says nothing.
        let Ok(answered) = self.client.query(question).await else { return };
        let most = self.asked.load(Ordering::SeqCst);
        match KvAnswer::parse(&answered.answer) {
            Ok(KvAnswer::Value(value)) => {
                let found = value.as_deref().and_then(number).unwrap_or_default();
                self.record.read(CertifiedRead { client: self.number, least, most, found });
            }
            other => self.record.trouble(format!("a question was answered with {other:?}")),
        }
    }
}

/// An operation on its way.
struct Flight {
    client: Client,
    record: Arc<Record>,
    number: usize,
    intended: u64,
    call: Call,
}

impl Flight {
    /// Waits for the outcome, asking again whenever a deadline passes; whether it was done.
    async fn land(self, submission: Submission) -> bool {
        match self.settled(submission).await {
            Ok(Outcome::Committed(committed)) => {
                let answer = committed.answer().map(KvAnswer::parse);
                match answer.and_then(Result::ok).and_then(|answer| back(self.call, answer)) {
                    Some(back) => {
                        self.record.returned(self.number, self.intended, back);
                        return true;
                    }
                    None => self.record.trouble(format!("a strange answer: {:?}", committed.results)),
                }
            }
            Ok(Outcome::Rejected(rejected)) => self.record.refused(self.number, &rejected.code),
            Ok(Outcome::Pending) => {}
            Err(error) => self.record.trouble(format!("a client failed: {error}")),
        }
        false
    }

    async fn settled(&self, submission: Submission) -> Result<Outcome, ClientError> {
        let mut finished = submission.finished().await?;
        while finished.outcome == Outcome::Pending {
            finished = self.client.ask_again(finished.ticket).await?;
        }
        Ok(finished.outcome)
    }
}

fn bytes(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn operation(key: u64, call: Call) -> Operation {
    let key = bytes(key);
    let (query, payload) = match call {
        Call::Put(value) => (false, KvOperation::Put { key, value: bytes(value) }.encode()),
        Call::Cas { expected, value } => {
            let (expected, value) = (expected.map(bytes), value.map(bytes));
            (false, KvOperation::Cas { key, expected, value }.encode())
        }
        Call::Delete => (false, KvOperation::Delete { key }.encode()),
        Call::Get => (true, KvQuestion::Get { key }.encode()),
    };
    Operation { author: None, query, payload: Blob::new(payload).unwrap_or_default() }
}

/// What an answer says, if it answers this call.
fn back(call: Call, answer: KvAnswer) -> Option<Back> {
    let parsed = |value: Option<Vec<u8>>| match value {
        None => Some(None),
        Some(value) => number(&value).map(Some),
    };
    match (call, answer) {
        (Call::Put(_) | Call::Cas { .. }, KvAnswer::Stored) => Some(Back::Stored),
        (Call::Cas { .. }, KvAnswer::Mismatch { found }) => Some(Back::Mismatch(parsed(found)?)),
        (Call::Delete, KvAnswer::Deleted { existed }) => Some(Back::Deleted(existed)),
        (Call::Get, KvAnswer::Value(value)) => Some(Back::Value(parsed(value)?)),
        _ => None,
    }
}
