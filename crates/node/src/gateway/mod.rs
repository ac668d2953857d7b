//! The client's side of a replica: who is connected, what they wait for, and their results under one signature a block.
//!
//! One thread owns the tables; connections are tokio tasks that decode, have signatures checked and pass jobs on. A client
//! that does not read is disconnected rather than waited for.

mod connection;
mod receipts;
mod results;
mod stream;

pub(crate) use connection::{Ingress, accept, behave};

use crate::archive::{Archive, ArchivedBlock};
use crate::behaviour::Lies;
use crate::error::NodeError;
use crate::shared::Shared;
use outvote_crypto::{Scheme, sign_body};
use outvote_types::{Domain, Nonce, Outcome, PublicKey, Reply, Sequence, Signed, ToClient, encode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use stream::Followers;
use tokio::sync::mpsc::Sender as ConnectionSender;
use tokio::sync::mpsc::error::TrySendError;

/// Blocks whose results wait for the signed reply at most; the core replies in order, so few ever wait.
const RESULTS_WAITING_MAX: usize = 1024;
/// Sessions that one connection may watch.
const SESSIONS_PER_CONNECTION_MAX: usize = 16_384;

/// Names a connection.
pub(crate) type ConnectionId = u64;

/// What the gateway thread is told.
pub(crate) enum GatewayJob {
    /// A client connected; frames for it go here.
    Open { id: ConnectionId, frames: ConnectionSender<Arc<[u8]>> },
    /// It is gone.
    Close(ConnectionId),
    /// It wants the results of these sessions.
    Watch { id: ConnectionId, sessions: Vec<PublicKey> },
    /// It asks what became of a request.
    Ask { id: ConnectionId, session: PublicKey, nonce: Nonce },
    /// It asks for the parts of a receipt.
    Receipt { id: ConnectionId, query: u64, place: receipts::Place },
    /// It follows the committed operations.
    Follow { id: ConnectionId, from: Sequence },
    /// It took the blocks up to here.
    More { id: ConnectionId, upto: Sequence },
    /// It wants a report.
    Inspect { id: ConnectionId, query: u64, what: Vec<u8> },
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

pub(crate) use receipts::Place;

/// The gateway's tables.
pub(crate) struct Gateway {
    connections: BTreeMap<ConnectionId, ConnectionSender<Arc<[u8]>>>,
    watchers: BTreeMap<PublicKey, BTreeSet<ConnectionId>>,
    watched: BTreeMap<ConnectionId, BTreeSet<PublicKey>>,
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
            watchers: BTreeMap::new(),
            watched: BTreeMap::new(),
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
                let welcome =
                    ToClient::Welcome { cluster: committee.cluster_id(), view: self.shared.view(), executed };
                self.send(id, welcome);
            }
            GatewayJob::Close(id) => self.close(id),
            GatewayJob::Watch { id, sessions } => self.watch(id, sessions),
            GatewayJob::Ask { id, session, nonce } => self.ask(id, &session, nonce)?,
            GatewayJob::Receipt { id, query, place } => {
                let parts = self.receipt_parts(&place)?.map(Box::new);
                self.send(id, ToClient::Receipt { id: query, parts });
            }
            GatewayJob::Follow { id, from } => {
                self.followers.start(id, from);
                self.push_stream(id)?;
            }
            GatewayJob::More { id, upto } => {
                self.followers.acknowledge(id, upto);
                self.push_stream(id)?;
            }
            GatewayJob::Inspect { id, query, what } => self.inspect(id, query, &what),
            GatewayJob::Send { id, message } => self.send(id, *message),
            GatewayJob::Behave(behaviour) => drop(self.lies.switch(&behaviour)),
            GatewayJob::Executed(block) => self.executed(block),
            GatewayJob::Reply(reply) => self.reply(&reply)?,
            GatewayJob::Refuse { session, nonce, busy } => self.refuse(session, nonce, busy),
            GatewayJob::Stop => {}
        }
        Ok(())
    }

    /// Queues a message; a connection whose queue is full is closed, and its client asks again on a new one.
    fn send(&mut self, id: ConnectionId, message: ToClient) {
        let Some(frames) = self.connections.get(&id) else { return };
        let Some(message) = self.lies.answer(message) else { return };
        match frames.try_send(encode(&message).into()) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => self.close(id),
        }
    }

    fn close(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.followers.stop(id);
        for session in self.watched.remove(&id).unwrap_or_default() {
            if let Some(watchers) = self.watchers.get_mut(&session) {
                watchers.remove(&id);
                if watchers.is_empty() {
                    self.watchers.remove(&session);
                }
            }
        }
    }

    fn watch(&mut self, id: ConnectionId, sessions: Vec<PublicKey>) {
        if !self.connections.contains_key(&id) {
            return;
        }
        let watched = self.watched.entry(id).or_default();
        for session in sessions {
            if watched.len() >= SESSIONS_PER_CONNECTION_MAX {
                break;
            }
            watched.insert(session);
            self.watchers.entry(session).or_default().insert(id);
        }
    }

    fn executed(&mut self, block: Arc<ArchivedBlock>) {
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
        for id in self.watchers.get(&session).cloned().unwrap_or_default() {
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
