//! What is new at this replica, gathered once for all who listen.
//!
//! Two tasks: one follows the executed blocks and reads the new messages of public rooms, one follows the report. Nothing is
//! read while nobody listens. A listener that does not keep up is disconnected, never waited for: its page catches up from
//! the history when it comes back.

use super::rooms::history;
use crate::answer::ChatAnswer;
use crate::question::{ChatQuestion, MAX_PAGE};
use outvote_node::{ExecutedBlock, ExecutedBlocks, NodeHandle, Report};
use outvote_types::ResultKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;

/// Events that wait for a slow listener at most (K12).
const EVENTS_KEPT: usize = 4096;
/// Listeners of one replica at most: half of the connections that a node's HTTP side has, so that they never take all places.
const LISTENERS_MAX: usize = 256;
/// The shortest time between two reports.
const REPORT_EVERY: Duration = Duration::from_millis(250);
/// Rooms whose place is remembered at most.
const ROOMS_KNOWN_MAX: usize = 4096;

/// Something new.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// A message of a public room, as JSON.
    Message(Arc<str>),
    /// An invite-only room has messages from this index on: whoever may read them asks for them.
    Closed { room: Arc<str>, first: u64 },
    /// The report changed; as JSON.
    Status(Arc<str>),
    /// Another proof of misbehaviour; as JSON.
    Evidence(Arc<str>),
}

/// Where news is to be had.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) handle: NodeHandle,
    news: broadcast::Sender<News>,
    listeners: Arc<AtomicUsize>,
}

/// A listener's place, given back when it is dropped.
pub(crate) struct Listener {
    pub(crate) news: broadcast::Receiver<News>,
    listeners: Arc<AtomicUsize>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feed {
    /// Starts the two tasks; they end with the node.
    pub(crate) fn start(handle: &NodeHandle) -> Self {
        let (news, _) = broadcast::channel(EVENTS_KEPT);
        let posts = Posts { handle: handle.clone(), news: news.clone(), next: BTreeMap::new() };
        tokio::spawn(posts.follow(handle.executed()));
        tokio::spawn(follow_reports(handle.clone(), news.clone()));
        Self { handle: handle.clone(), news, listeners: Arc::default() }
    }

    /// A place to listen, unless all are taken.
    pub(crate) fn listen(&self) -> Option<Listener> {
        let listener = Listener { news: self.news.subscribe(), listeners: Arc::clone(&self.listeners) };
        (self.listeners.fetch_add(1, Ordering::Relaxed) < LISTENERS_MAX).then_some(listener)
    }
}

/// A report as listeners get it.
pub(crate) fn status_json(report: &Report) -> Option<Arc<str>> {
    serde_json::to_string(report).ok().map(Arc::from)
}

/// The proofs of a report that are not in `known`, as listeners get them.
pub(crate) fn evidence_json(report: &Report, known: &mut BTreeSet<String>) -> Vec<Arc<str>> {
    let fresh = report.evidence.iter().filter(|evidence| known.insert(evidence.id.clone()));
    fresh.filter_map(|evidence| serde_json::to_string(evidence).ok().map(Arc::from)).collect()
}

async fn follow_reports(handle: NodeHandle, news: broadcast::Sender<News>) {
    let mut reports = handle.reports();
    let mut known = BTreeSet::new();
    while reports.changed().await.is_ok() {
        let report = reports.borrow_and_update().clone();
        // That nobody listens is no failure.
        if let Some(json) = status_json(&report) {
            let _ = news.send(News::Status(json));
        }
        for json in evidence_json(&report, &mut known) {
            let _ = news.send(News::Evidence(json));
        }
        tokio::time::sleep(REPORT_EVERY).await;
    }
}

/// Follows what is posted.
struct Posts {
    handle: NodeHandle,
    news: broadcast::Sender<News>,
    /// For each room that was heard of: the index of the next message that listeners have not got.
    next: BTreeMap<String, u64>,
}

impl Posts {
    async fn follow(mut self, mut executed: ExecutedBlocks) {
        while let Some(block) = executed.next().await {
            if self.news.receiver_count() == 0 {
                self.next.clear();
                continue;
            }
            let rooms = match block {
                Ok(block) => self.posted_in(&block),
                // Some blocks were missed: any room that is known may have news.
                Err(_) => self.next.keys().cloned().collect(),
            };
            for room in rooms {
                self.read(room).await;
            }
        }
    }

    /// The rooms in which the block posts. Where a room is new here, its news begins with the block's first message.
    fn posted_in(&mut self, block: &ExecutedBlock) -> BTreeSet<String> {
        let mut rooms = BTreeSet::new();
        for result in block.results().filter(|result| result.kind == ResultKind::Applied) {
            if let Ok(ChatAnswer::Posted { room, index, .. }) = ChatAnswer::parse(result.answer) {
                if self.next.len() >= ROOMS_KNOWN_MAX && !self.next.contains_key(&room) {
                    self.next.clear();
                }
                self.next.entry(room.clone()).or_insert(index);
                rooms.insert(room);
            }
        }
        rooms
    }

    /// Reads and passes on what a room has of new messages.
    async fn read(&mut self, room: String) {
        let Some(mut first) = self.next.get(&room).copied() else { return };
        loop {
            let after = Some(first.wrapping_sub(1));
            let question = ChatQuestion::History {
                room: room.clone(),
                before: None,
                after,
                limit: MAX_PAGE,
                reader: None,
            };
            let Ok((messages, next_index)) = history(&self.handle, &question).await else {
                // Not for everybody, or the replica cannot say now: who may read it asks for itself.
                let _ = self.news.send(News::Closed { room: Arc::from(room.as_str()), first });
                self.next.remove(&room);
                return;
            };
            for message in &messages {
                if let Ok(json) = serde_json::to_string(message) {
                    let _ = self.news.send(News::Message(Arc::from(json)));
                }
                first = message.index + 1;
            }
            if messages.is_empty() || first >= next_index {
                break;
            }
        }
        self.next.insert(room, first);
    }
}
