//! Results to the clients that wait for them: one signature for the block, a path for each operation.

use super::bundle::bundles;
use super::{ConnectionId, Gateway};
use crate::archive::ArchivedBlock;
use crate::gateway::lookups::LookupJob;
use outvote_types::client::Hint;
use outvote_types::merkle::Tree;
use outvote_types::{BoundedVec, Reply, Signed, ToClient};
use std::collections::BTreeMap;

impl Gateway {
    /// R1: our signed word on a block is here: give each watching connection its operations' results.
    pub(super) fn reply(&mut self, reply: &Signed<Reply>) {
        if self.follower_count.is_anybody_there() {
            // The thread ends with the node.
            let _ = self.lookups.send(LookupJob::Advanced);
        }
        let Some(block) = self.results.remove(&reply.body.sequence) else { return };
        // Results of earlier blocks whose replies never came (the replica was repairing) are of no use any more.
        self.results = self.results.split_off(&reply.body.sequence);
        let mut wanted: BTreeMap<ConnectionId, Vec<usize>> = BTreeMap::new();
        for (position, result) in block.results.iter().enumerate() {
            for id in self.watching.of(&result.session) {
                wanted.entry(id).or_default().push(position);
            }
        }
        if wanted.is_empty() {
            return;
        }
        let (tree, hint) = (Tree::new(block.leaves()), self.shared.hint());
        for (id, positions) in wanted {
            send_results(&block, &tree, reply, hint, &positions, |message| self.send(id, message));
        }
    }
}

/// The results at these places, in messages that the wire carries.
pub(super) fn send_results(
    block: &ArchivedBlock,
    tree: &Tree,
    reply: &Signed<Reply>,
    hint: Hint,
    positions: &[usize],
    mut send: impl FnMut(ToClient),
) {
    for results in bundles(block, tree, positions) {
        send(ToClient::Results { reply: reply.clone(), hint, results: BoundedVec::truncated(results) });
    }
}
