//! The stream of committed operations, for users with a database of their own. The follower says how far it came; so many
//! blocks ahead are sent and no more.

use super::{ConnectionId, Gateway};
use crate::archive::ArchivedBlock;
use crate::error::NodeError;
use outvote_types::client::StreamedOperation;
use outvote_types::{Blob, BoundedVec, PayloadLeaf, Sequence, ToClient};
use std::collections::BTreeMap;

/// Blocks that are sent beyond what the follower acknowledged.
const AHEAD_MAX: u64 = 64;

#[derive(Clone, Copy, Debug)]
struct Follower {
    next: Sequence,
    acknowledged: Sequence,
}

/// Who follows, and how far they are.
#[derive(Debug, Default)]
pub(super) struct Followers {
    by_connection: BTreeMap<ConnectionId, Follower>,
}

impl Followers {
    pub(super) fn start(&mut self, id: ConnectionId, from: Sequence) {
        let next = Sequence(from.0.max(1));
        self.by_connection.insert(id, Follower { next, acknowledged: Sequence(next.0 - 1) });
    }

    pub(super) fn stop(&mut self, id: ConnectionId) {
        self.by_connection.remove(&id);
    }

    pub(super) fn acknowledge(&mut self, id: ConnectionId, upto: Sequence) {
        if let Some(follower) = self.by_connection.get_mut(&id) {
            follower.acknowledged = follower.acknowledged.max(upto);
        }
    }
}

impl Gateway {
    pub(super) fn push_all_streams(&mut self) -> Result<(), NodeError> {
        let ids: Vec<ConnectionId> = self.followers.by_connection.keys().copied().collect();
        ids.into_iter().try_for_each(|id| self.push_stream(id))
    }

    pub(super) fn push_stream(&mut self, id: ConnectionId) -> Result<(), NodeError> {
        if self.shared.is_diverged() {
            return Ok(());
        }
        while let Some(follower) = self.followers.by_connection.get(&id).copied() {
            if follower.next.0 > follower.acknowledged.0.saturating_add(AHEAD_MAX) {
                break;
            }
            let Some(block) = self.archive.block(follower.next)? else {
                let oldest = self.archive.oldest()?;
                if follower.next < oldest {
                    self.followers.stop(id);
                    self.send(id, ToClient::StreamGone { oldest });
                }
                break;
            };
            let message = self.streamed(&block)?;
            if let Some(follower) = self.followers.by_connection.get_mut(&id) {
                follower.next = follower.next.next();
            }
            self.send(id, message);
        }
        Ok(())
    }

    fn streamed(&self, block: &ArchivedBlock) -> Result<ToClient, NodeError> {
        let mut operations = Vec::with_capacity(block.results.len());
        for (result, position) in block.results.iter().zip(0u32..) {
            let payload = if result.ordered_at == block.sequence() {
                payload_of(block, result)
            } else {
                self.archive.block(result.ordered_at)?.and_then(|ordered| payload_of(&ordered, result))
            };
            operations.push(StreamedOperation {
                position,
                leaf: result.leaf.clone(),
                author: result.author,
                payload: payload.unwrap_or_default(),
                answer: result.answer.clone(),
            });
        }
        Ok(ToClient::Block {
            header: Box::new(block.block.header.clone()),
            reply: self.own_word(block),
            operations: BoundedVec::truncated(operations),
        })
    }
}

fn payload_of<const MAX: usize>(
    block: &ArchivedBlock,
    result: &crate::archive::ArchivedResult,
) -> Option<Blob<MAX>> {
    let requests = block.block.batches.iter().flat_map(|batch| batch.requests.iter());
    let request = requests
        .filter(|request| request.body.session == result.session && request.body.nonce == result.nonce)
        .find(|request| {
            PayloadLeaf::of_request(request).next().is_some_and(|leaf| leaf.request == result.leaf.request)
        })?;
    let index = usize::try_from(result.leaf.index).ok()?;
    Blob::new(request.body.operations.get(index)?.payload.to_vec())
}
