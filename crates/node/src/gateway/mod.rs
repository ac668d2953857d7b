//! The client's side of a replica: who is connected, what they wait for, and their results under one signature a block.
//!
//! Two threads own the tables: one tells clients the results of new blocks, the other looks up what they ask for. Connections
//! are tokio tasks that decode, have signatures checked and pass jobs on. A client that does not read is disconnected rather
//! than waited for.

mod breath;
mod bundle;
mod connection;
mod connections;
mod done;
mod lookups;
mod outgoing;
mod pace;
mod receipts;
mod results;
mod seen;
mod stream;
mod trust;
mod watching;
mod word;

pub(crate) use connection::{Ingress, accept, behave, room};
pub(crate) use lookups::{LookupJob, LookupSender, Lookups};
pub(crate) use pace::Line;
pub(crate) use word::Word;

use crate::archive::ArchivedBlock;
use crate::behaviour::Lies;
use crate::shared::Shared;
use connections::Connections;
use outgoing::Outgoing;
use outvote_crypto::Scheme;
use outvote_types::{Nonce, PublicKey, Reply, Sequence, Signed, ToClient};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender};
use stream::FollowerCount;
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
    /// It waits for the results of these sessions.
    Watch { id: ConnectionId, sessions: Vec<PublicKey>, turn: OwnedSemaphorePermit },
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
pub(crate) use seen::Seen;

/// What both threads that answer clients share.
#[derive(Clone, Default)]
pub(crate) struct Common {
    /// Bytes that wait for all connections together.
    pub(crate) waiting_bytes: Arc<AtomicUsize>,
    /// How many follow the stream of blocks.
    pub(crate) follower_count: FollowerCount,
}

/// The tables of the thread that tells results.
pub(crate) struct Gateway {
    connections: Connections,
    watching: Watching,
    results: BTreeMap<Sequence, Arc<ArchivedBlock>>,
    follower_count: FollowerCount,
    lookups: LookupSender,
    shared: Arc<Shared>,
    /// Executed blocks for applications in this process.
    executed: tokio::sync::broadcast::Sender<Arc<ArchivedBlock>>,
}

impl Gateway {
    pub(crate) fn new(
        shared: Arc<Shared>,
        scheme: &Arc<dyn Scheme>,
        common: Common,
        lookups: LookupSender,
        executed: tokio::sync::broadcast::Sender<Arc<ArchivedBlock>>,
    ) -> Self {
        Self {
            connections: Connections::new(common.waiting_bytes, Lies::new(&shared, scheme)),
            watching: Watching::default(),
            results: BTreeMap::new(),
            follower_count: common.follower_count,
            lookups,
            shared,
            executed,
        }
    }

    /// Runs until told to stop.
    pub(crate) fn run(mut self, jobs: &Receiver<GatewayJob>) {
        while let Ok(job) = jobs.recv() {
            if matches!(job, GatewayJob::Stop) {
                break;
            }
            self.handle(job);
        }
    }

    fn handle(&mut self, job: GatewayJob) {
        match job {
            GatewayJob::Open { id, frames } => {
                self.connections.open(id, frames);
                let committee = &self.shared.committee.committee;
                let executed = Sequence(self.shared.own_executed());
                let (cluster, hint) = (committee.cluster_id(), self.shared.hint());
                self.send(id, ToClient::Welcome { cluster, hint, executed });
            }
            GatewayJob::Close(id) => self.close(id),
            GatewayJob::Watch { id, sessions, turn } => {
                if self.connections.has(id) {
                    self.watching.watch(id, sessions);
                }
                drop(turn);
            }
            GatewayJob::Send { id, message } => self.send(id, *message),
            GatewayJob::Behave(behaviour) => {
                self.connections.behave(&behaviour);
                // The thread ends with the node.
                let _ = self.lookups.send(LookupJob::Behave(behaviour));
            }
            GatewayJob::Executed(block) => self.executed(block),
            GatewayJob::Reply(reply) => self.reply(&reply),
            GatewayJob::Refuse { session, nonce, busy } => self.refuse(session, nonce, busy),
            GatewayJob::Stop => {}
        }
    }

    /// Queues a message; a client that does not read is disconnected, and asks again on a new connection.
    fn send(&mut self, id: ConnectionId, message: ToClient) {
        if !self.connections.send(id, message) {
            self.close(id);
        }
    }

    fn close(&mut self, id: ConnectionId) {
        self.connections.close(id);
        self.watching.stop(id);
    }

    fn executed(&mut self, block: Arc<ArchivedBlock>) {
        self.shared.note_work();
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
}

/// What "busy" tells the client to wait, milliseconds.
const RETRY_AFTER_MS: u32 = 50;

/// Where connections put their jobs.
pub(crate) type GatewaySender = Sender<GatewayJob>;
