//! Results to the clients that wait for them: one signature for the block, a path for each operation.

use super::{ConnectionId, Gateway};
use crate::archive::{ArchivedBlock, ArchivedResult};
use crate::error::NodeError;
use outvote_crypto::sign_body;
use outvote_types::client::ProvenResult;
use outvote_types::merkle::Tree;
use outvote_types::{BoundedVec, Nonce, PublicKey, Reply, ResultKind, Signed, ToClient};
use std::collections::BTreeMap;

impl Gateway {
    /// Our signed word on a block is here: give each watching connection its operations' results.
    pub(super) fn reply(&mut self, reply: &Signed<Reply>) -> Result<(), NodeError> {
        self.push_all_streams()?;
        let Some(block) = self.results.remove(&reply.body.sequence) else { return Ok(()) };
        // Results of earlier blocks whose replies never came (the replica was repairing) are of no use any more.
        self.results = self.results.split_off(&reply.body.sequence);
        let mut wanted: BTreeMap<ConnectionId, Vec<usize>> = BTreeMap::new();
        for (position, result) in block.results.iter().enumerate() {
            for id in self.watchers.get(&result.session).into_iter().flatten() {
                wanted.entry(*id).or_default().push(position);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let tree = Tree::new(block.leaves());
        for (id, positions) in wanted {
            let message = bundle(&block, &tree, reply.clone(), self.shared.view(), &positions);
            self.send(id, message);
        }
        Ok(())
    }

    /// Answers "what became of this request?" if it was executed; otherwise the client's retry will tell.
    pub(super) fn ask(
        &mut self,
        id: ConnectionId,
        session: &PublicKey,
        nonce: Nonce,
    ) -> Result<(), NodeError> {
        // C rules: a replica whose state was outvoted answers nobody.
        if self.shared.is_diverged() {
            return Ok(());
        }
        let Some(sequence) = self.archive.executed_at(session, nonce)? else { return Ok(()) };
        let Some(block) = self.archive.block(sequence)? else { return Ok(()) };
        let positions: Vec<usize> = (0..block.results.len())
            .filter(|position| is_result_of(&block.results[*position], session, nonce))
            .collect();
        let reply = self.own_word(&block);
        let tree = Tree::new(block.leaves());
        let message = bundle(&block, &tree, reply, self.shared.view(), &positions);
        self.send(id, message);
        Ok(())
    }

    /// Our REPLY for an archived block, signed again: the same bytes as the first time.
    pub(super) fn own_word(&self, block: &ArchivedBlock) -> Signed<Reply> {
        let reply = Reply {
            sequence: block.sequence(),
            id: block.id,
            result_root: block.result_root,
            replica: self.shared.me,
        };
        sign_body(&*self.scheme, &self.domain, reply)
    }
}

/// Whether this leaf tells what became of the request, and is not a note on a copy of it.
pub(super) fn is_result_of(result: &ArchivedResult, session: &PublicKey, nonce: Nonce) -> bool {
    result.session == *session
        && result.nonce == nonce
        && matches!(result.leaf.kind, ResultKind::Applied | ResultKind::Refused)
}

fn bundle(
    block: &ArchivedBlock,
    tree: &Tree,
    reply: Signed<Reply>,
    view: outvote_types::View,
    positions: &[usize],
) -> ToClient {
    let results = positions.iter().filter_map(|position| {
        let result = block.results.get(*position)?;
        Some(ProvenResult {
            session: result.session,
            nonce: result.nonce,
            leaf: result.leaf.clone(),
            path: tree.path(*position)?,
            answer: result.answer.clone(),
        })
    });
    ToClient::Results { reply, view, results: BoundedVec::truncated(results.collect()) }
}
