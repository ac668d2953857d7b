//! Clients that submit: each with a key, a session and a counter of its own.

use crate::error::BenchError;
use crate::options::Options;
use crate::payloads::Payloads;
use crate::recorder::Recorder;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use outvote_client::{Client, ClientError, CommitteeFile, Outcome, Submission, Tunables};
use outvote_crypto::{KeyPair, Keyring, sign_request};
use outvote_kv::KvAnswer;
use outvote_types::{BoundedVec, Domain, Nonce, PublicKey, Request, RequestBody};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long the cluster may take until every replica can be reached.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// Refusals after which a measurement makes no sense.
const REFUSALS_MAX: u64 = 1000;
/// Intended starts that wait for one client at most; beyond it the rate is hopeless.
const WAITING_STARTS_MAX: usize = 65_536;

/// One client.
pub(crate) struct Worker {
    client: Client,
    key: Arc<KeyPair>,
    session: PublicKey,
    domain: Domain,
    number: u64,
    nonce: Nonce,
    made: u64,
    operations: usize,
    payloads: Payloads,
}

/// What clients tell of their requests.
pub(crate) trait Record: Send + Sync {
    /// `operations` of this client that should have started at `intended` committed at `now`.
    fn committed(&self, client: u64, intended: Instant, now: Instant, operations: u64);
    /// The cluster refused a request. An error ends the client.
    fn rejected(&self, why: &str) -> Result<(), BenchError>;
    /// A deadline passed, and the request was asked for again.
    fn pending(&self);
}

impl Record for Recorder {
    fn committed(&self, _: u64, intended: Instant, now: Instant, operations: u64) {
        Self::committed(self, intended, now, operations);
    }

    fn rejected(&self, why: &str) -> Result<(), BenchError> {
        Self::rejected(self, why);
        match self.refusals() {
            (REFUSALS_MAX.., Some(why)) => Err(BenchError::Cluster(format!("refuses the load: {why}"))),
            _ => Ok(()),
        }
    }

    fn pending(&self) {
        Self::pending(self);
    }
}

type Settled = Result<Outcome, ClientError>;
type InFlight = VecDeque<(Instant, Pin<Box<dyn Future<Output = Settled> + Send>>)>;

/// Connects, as soon as one replica can be reached.
pub(crate) async fn connect(file: &CommitteeFile, seed: u64) -> Result<Client, BenchError> {
    let tunables = Tunables { seed, ..Tunables::default() };
    Ok(Client::builder(file.clone()).tunables(tunables).patience(CONNECT_PATIENCE).connect().await?)
}

/// Waits until every replica can be reached.
async fn reach_all(client: &Client) -> Result<(), BenchError> {
    let until = Instant::now() + CONNECT_PATIENCE;
    while client.links().await?.iter().any(|link| !link.up) {
        if Instant::now() > until {
            return Err(BenchError::Cluster("cannot be reached whole: a replica does not answer".into()));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Makes the workers with fresh keys; if `whole`, once every replica can be reached.
pub(crate) async fn workers(
    file: &CommitteeFile,
    options: &Options,
    payloads: &Payloads,
    whole: bool,
) -> Result<Vec<Worker>, BenchError> {
    let domain = *Keyring::new(file.committee.clone()).client_domain();
    let connections = options.connections.min(options.clients);
    let mut workers = Vec::with_capacity(options.clients);
    for shard in 0..connections {
        let client = connect(file, shard as u64 + 1).await?;
        if whole {
            reach_all(&client).await?;
        }
        let count = (options.clients + connections - 1 - shard) / connections;
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let key = KeyPair::generate().map_err(|error| BenchError::Randomness(error.to_string()))?;
            keys.push(Arc::new(key));
        }
        let signers = keys.iter().map(|key| Arc::clone(key) as outvote_client::SessionKey).collect();
        let clients = client.open_many(signers, Some(Nonce(1))).await?;
        for (client, key) in clients.into_iter().zip(keys) {
            workers.push(Worker {
                client,
                session: key.public_key(),
                key,
                domain,
                number: workers.len() as u64,
                nonce: Nonce(1),
                made: 0,
                operations: options.signatures.operations(),
                payloads: payloads.clone(),
            });
        }
    }
    Ok(workers)
}

impl Worker {
    /// Signs the next request here, on whichever thread runs this task, and hands it to the client.
    fn begin(&mut self) -> impl Future<Output = Settled> + Send + use<> {
        let first = self.made;
        self.made += self.operations as u64;
        let operations = (first..self.made).map(|made| self.payloads.operation(self.number, made)).collect();
        let operations = BoundedVec::truncated(operations);
        let body = RequestBody { session: self.session, nonce: self.nonce, operations };
        self.nonce = self.nonce.next();
        let request: Request = sign_request(&*self.key, &self.domain, body);
        settle(self.client.clone(), self.client.start_signed(request))
    }

    /// Submits one request and waits for its end.
    pub(crate) async fn submit_one(&mut self) -> Result<(), BenchError> {
        let recorder = Recorder::new(Instant::now(), Instant::now());
        let outcome = self.begin().await?;
        account(&recorder, self.number, Instant::now(), outcome)?;
        match recorder.refusals() {
            (0, _) => Ok(()),
            (_, why) => {
                Err(BenchError::Cluster(format!("refused an operation: {}", why.unwrap_or_default())))
            }
        }
    }

    /// Keeps `in_flight` requests under way until `until`, then waits for those that are.
    pub(crate) async fn closed(
        mut self,
        in_flight: usize,
        until: Instant,
        recorder: Arc<dyn Record>,
    ) -> Result<(), BenchError> {
        let mut flying: InFlight = VecDeque::with_capacity(in_flight);
        loop {
            while flying.len() < in_flight && Instant::now() < until {
                let begun = Instant::now();
                flying.push_back((begun, Box::pin(self.begin())));
            }
            let Some((begun, settled)) = flying.pop_front() else { return Ok(()) };
            account(&*recorder, self.number, begun, settled.await?)?;
        }
    }

    /// Starts a request for each intended start that comes, as soon as the session's window lets it, until there are no
    /// more. Latency runs from the intended start.
    pub(crate) async fn open(
        mut self,
        mut starts: mpsc::Receiver<Instant>,
        recorder: Arc<dyn Record>,
    ) -> Result<(), BenchError> {
        let window = usize::try_from(outvote_types::limits::NONCE_WINDOW).unwrap_or(1);
        // All of them are looked after at once: whose deadline passed is asked for again, not only the oldest.
        let mut flying = FuturesUnordered::new();
        let mut is_over = false;
        while !(is_over && flying.is_empty()) {
            let has_room = flying.len() < window && !is_over;
            tokio::select! {
                start = starts.recv(), if has_room => match start {
                    Some(intended) => {
                        let settled = self.begin();
                        flying.push(async move { (intended, settled.await) });
                    }
                    None => is_over = true,
                },
                Some((intended, outcome)) = flying.next() => {
                    account(&*recorder, self.number, intended, outcome?)?;
                }
            }
        }
        Ok(())
    }
}

/// Waits for the outcome; a passed deadline is no end, the request is asked for again.
async fn settle(client: Client, submission: Submission) -> Settled {
    let mut finished = submission.finished().await?;
    while finished.outcome == Outcome::Pending {
        finished = client.ask_again(finished.ticket).await?;
    }
    Ok(finished.outcome)
}

fn account(
    recorder: &dyn Record,
    client: u64,
    intended: Instant,
    outcome: Outcome,
) -> Result<(), BenchError> {
    match outcome {
        Outcome::Committed(committed) => {
            for result in &committed.results {
                match KvAnswer::parse(&result.answer) {
                    Ok(KvAnswer::Stored) => {}
                    other => return Err(BenchError::Cluster(format!("gave a wrong answer: {other:?}"))),
                }
            }
            recorder.committed(client, intended, Instant::now(), committed.results.len() as u64);
        }
        Outcome::Rejected(rejected) => {
            recorder.rejected(&format!("{}: {}", rejected.code, rejected.reason))?;
        }
        Outcome::Pending => recorder.pending(),
    }
    Ok(())
}

/// Hands out intended starts at an even rate, until one of them is over, from a thread of its own, whose clock does not wait
/// for the clients.
pub(crate) fn dispatch(
    clients: usize,
    starts_per_second: f64,
    is_over: impl Fn(Instant) -> bool + Send + 'static,
) -> Result<Vec<mpsc::Receiver<Instant>>, BenchError> {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..clients).map(|_| mpsc::channel(WAITING_STARTS_MAX)).unzip();
    let begun = Instant::now();
    let run = move || {
        for number in 0u64.. {
            let intended = begun + Duration::from_secs_f64(number as f64 / starts_per_second);
            if is_over(intended) {
                return;
            }
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            let sender: &mpsc::Sender<Instant> = &senders[(number % clients as u64) as usize];
            // A full queue means that the rate is far beyond what commits; waiting keeps every intended start.
            if sender.blocking_send(intended).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("starts".into())
        .spawn(run)
        .map_err(|error| BenchError::Cluster(format!("has no clock: {error}")))?;
    Ok(receivers)
}
