//! Results to the clients that wait for them: one signature for the block, a path for each operation.

use super::bundle::bundles;
use super::{ConnectionId, Gateway};
use crate::archive::ArchivedBlock;
use crate::error::NodeError;
use outvote_crypto::sign_body;
use outvote_types::merkle::Tree;
use outvote_types::{BoundedVec, Nonce, PublicKey, Reply, Signed, ToClient};
use std::collections::BTreeMap;

impl Gateway {
    /// R1: our signed word on a block is here: give each watching connection its operations' results.
    pub(super) fn reply(&mut self, reply: &Signed<Reply>) -> Result<(), NodeError> {
        self.push_all_streams()?;
        let Some(block) = self.results.remove(&reply.body.sequence) else { return Ok(()) };
        // Results of earlier blocks whose replies never came (the replica was repairing) are of no use any more.
        self.results = self.results.split_off(&reply.body.sequence);
        let mut wanted: BTreeMap<ConnectionId, Vec<usize>> = BTreeMap::new();
        for (position, result) in block.results.iter().enumerate() {
            for id in self.watching.of(&result.session) {
                wanted.entry(id).or_default().push(position);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let tree = Tree::new(block.leaves());
        for (id, positions) in wanted {
            self.send_results(id, &block, &tree, reply, &positions);
        }
        Ok(())
    }

    /// Answers "what became of this request?"; if it was not executed, the client's retry will tell.
    pub(super) fn ask(
        &mut self,
        id: ConnectionId,
        session: &PublicKey,
        nonce: Nonce,
    ) -> Result<(), NodeError> {
        // C4: a replica whose state was outvoted answers nobody.
        if self.shared.is_diverged() {
            return Ok(());
        }
        let Some(sequence) = self.archive.executed_at(session, nonce)? else {
            // R4: a client that waits learns how long to be patient.
            self.send(id, ToClient::NotYet(self.shared.hint()));
            return Ok(());
        };
        let Some(block) = self.archive.block(sequence)? else { return Ok(()) };
        let positions: Vec<usize> = (0..block.results.len())
            .filter(|position| block.results[*position].is_result_of(session, nonce))
            .collect();
        let reply = self.own_word(&block);
        let tree = Tree::new(block.leaves());
        self.send_results(id, &block, &tree, &reply, &positions);
        Ok(())
    }

    fn send_results(
        &mut self,
        id: ConnectionId,
        block: &ArchivedBlock,
        tree: &Tree,
        reply: &Signed<Reply>,
        positions: &[usize],
    ) {
        for results in bundles(block, tree, positions) {
            let (reply, hint) = (reply.clone(), self.shared.hint());
            self.send(id, ToClient::Results { reply, hint, results: BoundedVec::truncated(results) });
        }
    }

    /// Our REPLY for an archived block, signed again: the same bytes as the first time.
    pub(super) fn own_word(&self, block: &ArchivedBlock) -> Signed<Reply> {
        let reply = Reply {
            sequence: block.sequence(),
            id: block.id(),
            result_root: block.result_root,
            replica: self.shared.me,
        };
        sign_body(&*self.scheme, &self.domain, reply)
    }
}
