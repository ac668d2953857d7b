//! The client's side of a replica: who is connected, what they wait for, and their results under one signature a block.
//!
//! One thread owns the tables; connections are tokio tasks that decode, have signatures checked and pass jobs on. A client
//! that does not read is disconnected rather than waited for.

mod bundle;
mod connection;
mod done;
mod outgoing;
mod pace;
mod receipts;
mod results;
mod seen;
mod stream;
mod trust;
mod watching;

pub(crate) use connection::{Ingress, accept, behave, room};

use crate::archive::{Archive, ArchivedBlock};
use crate::behaviour::Lies;
use crate::error::NodeError;
use crate::shared::Shared;
use outgoing::Outgoing;
use outvote_crypto::{Scheme, sign_body};
use outvote_types::{Domain, Nonce, Outcome, PublicKey, Reply, Sequence, Signed, ToClient, encode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender};
use stream::Followers;
use tokio::sync::OwnedSemaphorePermit;
use watching::Watching;

/// Blocks whose results wait for the signed reply at most; the core replies in order, so few ever wait.
const RESULTS_WAITING_MAX: usize = 1024;

/// Names a connection.
pub(crate) type ConnectionId = u64;

/// What the gateway thread is told.
pub(crate) enum GatewayJob {
    /// A client connected; frames for it go here.
    Open { id: ConnectionId, frames: Outgoing },
    /// It is gone.
    Close(ConnectionId),
    /// It asks for something.
    Ask { id: ConnectionId, ask: Ask, turn: OwnedSemaphorePermit },
    /// Its queue is short again, so its stream may go on.
    Resume(ConnectionId),
    /// This message goes to it.
    Send { id: ConnectionId, message: Box<ToClient> },
    /// Answer in this way from now on (demonstration clusters only).
    Behave(String),
    /// A block was executed.
    Executed(Arc<ArchivedBlock>),
    /// Our signed word on an executed block.
    Reply(Signed<Reply>),
    /// A request was refused early.
    Refuse { session: PublicKey, nonce: Nonce, busy: bool },
    /// End.
    Stop,
}

pub(crate) use done::Done;
pub(crate) use receipts::Place;
pub(crate) use seen::Seen;

/// What a client asks for.
pub(crate) enum Ask {
    /// The results of these sessions as they come.
    Watch(Vec<PublicKey>),
    /// What became of a request?
    Outcome { session: PublicKey, nonce: Nonce },
    /// The parts of a receipt.
    Receipt { query: u64, place: Place },
    /// The committed operations.
    Follow { from: Sequence },
    /// It took the blocks up to here.
    More { upto: Sequence },
    /// A report.
    Inspect { query: u64, what: Vec<u8> },
}

/// The gateway's tables.
pub(crate) struct Gateway {
    connections: BTreeMap<ConnectionId, Outgoing>,
    /// Bytes that wait for all connections together.
    waiting_bytes: Arc<AtomicUsize>,
    watching: Watching,
    results: BTreeMap<Sequence, Arc<ArchivedBlock>>,
    followers: Followers,
    archive: Archive,
    shared: Arc<Shared>,
    scheme: Arc<dyn Scheme>,
    lies: Lies,
    domain: Domain,
    /// Executed blocks for applications in this process.
    executed: tokio::sync::broadcast::Sender<Arc<ArchivedBlock>>,
}

impl Gateway {
    pub(crate) fn new(
        archive: Archive,
        shared: Arc<Shared>,
        scheme: Arc<dyn Scheme>,
        executed: tokio::sync::broadcast::Sender<Arc<ArchivedBlock>>,
    ) -> Self {
        let domain = shared.committee.committee.domain();
        Self {
            connections: BTreeMap::new(),
            waiting_bytes: Arc::default(),
            watching: Watching::default(),
            results: BTreeMap::new(),
            followers: Followers::default(),
            archive,
            lies: Lies::new(&shared, &scheme),
            shared,
            scheme,
            domain,
            executed,
        }
    }

    /// Runs until told to stop, or until the archive cannot be read.
    pub(crate) fn run(mut self, jobs: &Receiver<GatewayJob>) -> Result<(), NodeError> {
        while let Ok(job) = jobs.recv() {
            if matches!(job, GatewayJob::Stop) {
                break;
            }
            self.handle(job)?;
        }
        Ok(())
    }

    fn handle(&mut self, job: GatewayJob) -> Result<(), NodeError> {
        match job {
            GatewayJob::Open { id, frames } => {
                self.connections.insert(id, frames);
                let committee = &self.shared.committee.committee;
                let executed = Sequence(self.shared.own_executed());
                let (cluster, hint) = (committee.cluster_id(), self.shared.hint());
                self.send(id, ToClient::Welcome { cluster, hint, executed });
            }
            GatewayJob::Close(id) => self.close(id),
            GatewayJob::Ask { id, ask, turn } => {
                if self.connections.contains_key(&id) {
                    self.asked(id, ask)?;
                }
                drop(turn);
            }
            GatewayJob::Resume(id) => self.push_stream(id)?,
            GatewayJob::Send { id, message } => self.send(id, *message),
            GatewayJob::Behave(behaviour) => drop(self.lies.switch(&behaviour)),
            GatewayJob::Executed(block) => self.executed(block),
            GatewayJob::Reply(reply) => self.reply(&reply)?,
            GatewayJob::Refuse { session, nonce, busy } => self.refuse(session, nonce, busy),
            GatewayJob::Stop => {}
        }
        Ok(())
    }

    fn asked(&mut self, id: ConnectionId, ask: Ask) -> Result<(), NodeError> {
        match ask {
            Ask::Watch(sessions) if self.connections.contains_key(&id) => self.watching.watch(id, sessions),
            Ask::Watch(_) => {}
            Ask::Outcome { session, nonce } => self.ask(id, &session, nonce)?,
            Ask::Receipt { query, place } => {
                let parts = self.receipt_parts(&place)?.map(Box::new);
                self.send(id, ToClient::Receipt { id: query, parts });
            }
            Ask::Follow { from } => {
                self.followers.start(id, from);
                self.push_stream(id)?;
            }
            Ask::More { upto } => {
                self.followers.acknowledge(id, upto);
                self.push_stream(id)?;
            }
            Ask::Inspect { query, what } => self.inspect(id, query, &what),
        }
        Ok(())
    }

    /// Queues a message; a client that does not read is disconnected, and asks again on a new connection.
    fn send(&mut self, id: ConnectionId, message: ToClient) {
        let Some(outgoing) = self.connections.get(&id) else { return };
        let Some(message) = self.lies.answer(message) else { return };
        if !outgoing.push(encode(&message), &self.waiting_bytes, self.connections.len()) {
            self.close(id);
        }
    }

    fn close(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.followers.stop(id);
        self.watching.stop(id);
    }

    fn executed(&mut self, block: Arc<ArchivedBlock>) {
        self.shared.done.note(block.results.iter().map(|result| &result.leaf));
        // Nobody listening is fine: the page may not be open.
        let _ = self.executed.send(Arc::clone(&block));
        self.results.insert(block.sequence(), block);
        while self.results.len() > RESULTS_WAITING_MAX {
            self.results.pop_first();
        }
    }

    fn refuse(&mut self, session: PublicKey, nonce: Nonce, busy: bool) {
        let message = if busy {
            ToClient::Busy { session, nonce, retry_after_ms: RETRY_AFTER_MS }
        } else {
            let reason = b"the nonce does not fit this session: ask where it stands".to_vec();
            ToClient::Invalid { session, nonce, reason: outvote_types::Blob::new(reason).unwrap_or_default() }
        };
        for id in self.watching.who(&session) {
            self.send(id, message.clone());
        }
    }

    fn inspect(&mut self, id: ConnectionId, query: u64, what: &[u8]) {
        let report = self.shared.report();
        let json = match what {
            b"status" => serde_json::to_vec(&report),
            b"evidence" => serde_json::to_vec(&serde_json::json!({ "evidence": report.evidence })),
            _ => serde_json::to_vec(
                &serde_json::json!({ "error": "unknown report: ask for status or evidence" }),
            ),
        };
        let json = json.ok().and_then(outvote_types::Blob::new).unwrap_or_default();
        self.send(id, ToClient::Report { id: query, json });
    }

    /// Signs an answer to a question that was not ordered.
    pub(crate) fn sign_outcome(scheme: &dyn Scheme, domain: &Domain, outcome: Outcome) -> Signed<Outcome> {
        sign_body(scheme, domain, outcome)
    }
}

/// What "busy" tells the client to wait, milliseconds.
const RETRY_AFTER_MS: u32 = 50;

/// Where connections put their jobs.
pub(crate) type GatewaySender = Sender<GatewayJob>;
