//! The stream of committed operations, for users with a database of their own. The follower says how far it came; so many
//! blocks ahead are sent and no more, and a long block goes in pages.

use super::ConnectionId;
use super::bundle::page;
use super::lookups::Lookups;
use crate::error::NodeError;
use outvote_types::client::FOLLOW_WINDOW_BLOCKS;
use outvote_types::{BoundedVec, Sequence, ToClient};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many follow, for the thread that sees new blocks first.
#[derive(Clone, Debug, Default)]
pub(crate) struct FollowerCount(Arc<AtomicUsize>);

impl FollowerCount {
    pub(super) fn is_anybody_there(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

#[derive(Clone, Copy, Debug)]
struct Follower {
    next: Sequence,
    /// Operations of `next` that were sent already.
    sent: usize,
    acknowledged: Sequence,
}

/// Who follows, and how far they are.
#[derive(Debug, Default)]
pub(super) struct Followers {
    by_connection: BTreeMap<ConnectionId, Follower>,
    count: FollowerCount,
}

impl Followers {
    pub(super) fn new(count: FollowerCount) -> Self {
        Self { by_connection: BTreeMap::new(), count }
    }

    pub(super) fn start(&mut self, id: ConnectionId, from: Sequence) {
        let next = from.max(Sequence(1));
        self.by_connection.insert(id, Follower { next, sent: 0, acknowledged: Sequence(next.0 - 1) });
        self.note_count();
    }

    pub(super) fn stop(&mut self, id: ConnectionId) {
        self.by_connection.remove(&id);
        self.note_count();
    }

    fn note_count(&self) {
        self.count.0.store(self.by_connection.len(), Ordering::SeqCst);
    }

    /// Nobody takes what was not sent.
    pub(super) fn acknowledge(&mut self, id: ConnectionId, upto: Sequence) {
        if let Some(follower) = self.by_connection.get_mut(&id) {
            let sent = Sequence(follower.next.0 - 1);
            follower.acknowledged = follower.acknowledged.max(upto.min(sent));
        }
    }

    fn ids(&self) -> Vec<ConnectionId> {
        self.by_connection.keys().copied().collect()
    }
}

impl Lookups {
    pub(super) fn push_all_streams(&mut self) -> Result<(), NodeError> {
        self.followers.ids().into_iter().try_for_each(|id| self.push_stream(id))
    }

    pub(super) fn push_stream(&mut self, id: ConnectionId) -> Result<(), NodeError> {
        // C4: a replica whose state was outvoted answers nobody.
        if self.shared.is_diverged() {
            return Ok(());
        }
        while let Some(follower) = self.followers.by_connection.get(&id).copied() {
            // B1: a bounded number of blocks, and of bytes, ahead of the follower.
            let is_far_ahead = follower.next.0 > follower.acknowledged.0.saturating_add(FOLLOW_WINDOW_BLOCKS);
            let is_queue_long = self.connections.should_pause(id);
            if is_far_ahead || is_queue_long {
                break;
            }
            let Some(block) = self.archive.block(follower.next)? else {
                let oldest = self.archive.oldest();
                if follower.next < oldest {
                    self.followers.stop(id);
                    self.send(id, ToClient::StreamGone { oldest });
                }
                break;
            };
            let operations = page(&block, follower.sent);
            let sent = follower.sent + operations.len();
            let (next, sent) =
                if sent < block.results.len() { (follower.next, sent) } else { (follower.next.next(), 0) };
            self.followers.by_connection.insert(id, Follower { next, sent, ..follower });
            let header = Box::new(block.block().header.clone());
            let operations = BoundedVec::truncated(operations);
            self.send(id, ToClient::Block { header, reply: self.word.on_block(&block), operations });
            self.breath.take(&self.shared);
        }
        Ok(())
    }
}
