//! Answers that have to be looked up: what became of a request, receipts, the stream of blocks, reports.
//!
//! They have a thread of their own with a lower priority: results of new blocks never wait behind them, and whoever asks much
//! uses what the others leave of the processor (B3).

use super::breath::Breath;
use super::connections::Connections;
use super::outgoing::Outgoing;
use super::receipts::Place;
use super::results::send_results;
use super::stream::Followers;
use super::word::Word;
use super::{Common, ConnectionId, GatewayJob, GatewaySender};
use crate::archive::Archive;
use crate::behaviour::Lies;
use crate::error::NodeError;
use crate::priority;
use crate::shared::Shared;
use outvote_crypto::Scheme;
use outvote_types::merkle::Tree;
use outvote_types::{Blob, Nonce, PublicKey, Sequence, ToClient};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

/// Jobs taken together at most: questions about one block are answered by reading it once.
const JOBS_AT_ONCE_MAX: usize = 64;

/// Where these jobs go.
pub(crate) type LookupSender = Sender<LookupJob>;

/// Places among what is being looked up; given back when this is dropped.
pub(crate) type Turn = Box<dyn Send>;

/// What the thread is told.
pub(crate) enum LookupJob {
    /// A client connected; frames for it go here.
    Open { id: ConnectionId, frames: Outgoing },
    /// It is gone.
    Close(ConnectionId),
    /// It asks what became of these requests.
    Outcomes { id: ConnectionId, names: Vec<(PublicKey, Nonce)>, turn: Turn },
    /// It asks for something else.
    Ask { id: ConnectionId, ask: Ask, turn: Turn },
    /// Its queue is short again, so its stream may go on.
    Resume(ConnectionId),
    /// There is a new block for those who follow.
    Advanced,
    /// Answer in this way from now on (demonstration clusters only).
    Behave(String),
    /// End.
    Stop,
}

/// What a client asks for.
pub(crate) enum Ask {
    /// The parts of a receipt.
    Receipt { query: u64, place: Place },
    /// The committed operations.
    Follow { from: Sequence },
    /// It took the blocks up to here.
    More { upto: Sequence },
    /// A report.
    Inspect { query: u64, what: Vec<u8> },
}

/// Questions about requests that stand in one block: by connection, the places of their results.
type Wanted = BTreeMap<ConnectionId, Vec<usize>>;

/// The thread's tables.
pub(crate) struct Lookups {
    pub(super) connections: Connections,
    pub(super) followers: Followers,
    pub(super) archive: Archive,
    pub(super) shared: Arc<Shared>,
    pub(super) word: Word,
    pub(super) breath: Breath,
    gateway: GatewaySender,
}

impl Lookups {
    pub(crate) fn new(
        archive: Archive,
        shared: Arc<Shared>,
        scheme: &Arc<dyn Scheme>,
        common: Common,
        gateway: GatewaySender,
    ) -> Self {
        Self {
            connections: Connections::new(common.waiting_bytes, Lies::new(&shared, scheme)),
            followers: Followers::new(common.follower_count),
            archive,
            word: Word::new(&shared, scheme),
            breath: Breath::new(),
            shared,
            gateway,
        }
    }

    /// Runs until told to stop, or until the archive cannot be read.
    pub(crate) fn run(mut self, jobs: &Receiver<LookupJob>) -> Result<(), NodeError> {
        priority::give_way();
        while let Ok(first) = jobs.recv() {
            self.breath.begin();
            let (mut outcomes, mut turns) = (Vec::new(), Vec::new());
            for job in std::iter::once(first).chain(jobs.try_iter().take(JOBS_AT_ONCE_MAX)) {
                match job {
                    LookupJob::Open { id, frames } => self.connections.open(id, frames),
                    LookupJob::Close(id) => self.close(id),
                    LookupJob::Outcomes { id, names, turn } => {
                        outcomes.extend(names.into_iter().map(|(session, nonce)| (id, session, nonce)));
                        turns.push(turn);
                    }
                    LookupJob::Ask { id, ask, turn } => {
                        if self.connections.has(id) {
                            self.asked(id, ask)?;
                        }
                        drop(turn);
                    }
                    LookupJob::Resume(id) => self.push_stream(id)?,
                    LookupJob::Advanced => self.push_all_streams()?,
                    LookupJob::Behave(behaviour) => self.connections.behave(&behaviour),
                    LookupJob::Stop => return Ok(()),
                }
                self.breath.take(&self.shared);
            }
            self.tell_outcomes(outcomes)?;
        }
        Ok(())
    }

    fn asked(&mut self, id: ConnectionId, ask: Ask) -> Result<(), NodeError> {
        match ask {
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

    /// Queues a message; a client that does not read is disconnected.
    pub(super) fn send(&mut self, id: ConnectionId, message: ToClient) {
        if !self.connections.send(id, message) {
            self.close(id);
            // It holds the connection's other end; if it is gone, so is the node.
            let _ = self.gateway.send(GatewayJob::Close(id));
        }
    }

    fn close(&mut self, id: ConnectionId) {
        self.connections.close(id);
        self.followers.stop(id);
    }

    /// Answers "what became of this request?"; if it was not executed, the client's retry will tell.
    fn tell_outcomes(&mut self, asked: Vec<(ConnectionId, PublicKey, Nonce)>) -> Result<(), NodeError> {
        // C4: a replica whose state was outvoted answers nobody.
        if self.shared.is_diverged() {
            return Ok(());
        }
        let mut by_block: BTreeMap<Sequence, Vec<(ConnectionId, PublicKey, Nonce)>> = BTreeMap::new();
        for (id, session, nonce) in asked {
            // B3: whoever asks faster than it reads asks again.
            if self.connections.is_behind(id) {
                continue;
            }
            match self.archive.executed_at(&session, nonce)? {
                Some(at) => by_block.entry(at).or_default().push((id, session, nonce)),
                // R4: a client that waits learns how long to be patient.
                None => self.send(id, ToClient::NotYet(self.shared.hint())),
            }
        }
        for (sequence, asked) in by_block {
            let Some(block) = self.archive.block(sequence)? else { continue };
            let mut wanted = Wanted::new();
            for (id, session, nonce) in asked {
                let positions = (0..block.results.len())
                    .filter(|position| block.results[*position].is_result_of(&session, nonce));
                wanted.entry(id).or_default().extend(positions);
            }
            let (reply, tree) = (self.word.on_block(&block), Tree::new(block.leaves()));
            for (id, positions) in wanted {
                let hint = self.shared.hint();
                send_results(&block, &tree, &reply, hint, &positions, |message| self.send(id, message));
            }
            self.breath.take(&self.shared);
        }
        Ok(())
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
        let json = json.ok().and_then(Blob::new).unwrap_or_default();
        self.send(id, ToClient::Report { id: query, json });
    }
}
