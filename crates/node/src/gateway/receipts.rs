//! What this replica can say toward a receipt.

use super::lookups::Lookups;
use crate::archive::ArchivedBlock;
use crate::error::NodeError;
use outvote_types::client::{MAX_PROOF_HEADERS, ReceiptParts};
use outvote_types::merkle::Tree;
use outvote_types::{
    Blob, BoundedVec, Certificate, Nonce, Operation, PayloadLeaf, PublicKey, ResultLeaf, Sequence,
    SignedHeader,
};

/// Which operation a receipt is about.
pub(crate) enum Place {
    /// By the session's own count.
    Named { session: PublicKey, nonce: Nonce, index: u32 },
    /// By its place among a block's results.
    At { sequence: Sequence, position: u32 },
}

type Proof = (BoundedVec<SignedHeader, MAX_PROOF_HEADERS>, Certificate);

impl Lookups {
    /// The parts, or `None` if this replica has not executed the operation, or is being repaired.
    pub(super) fn receipt_parts(&self, place: &Place) -> Result<Option<ReceiptParts>, NodeError> {
        if self.shared.is_diverged() {
            return Ok(None);
        }
        let Some((executed, position)) = self.locate(place)? else { return Ok(None) };
        let Some(result) = executed.results.get(position) else { return Ok(None) };
        let Some(ordered) = self.archive.block(result.ordered_at)? else { return Ok(None) };
        let Some((payload_position, leaf, operation)) = operation_of(&ordered, &result.leaf) else {
            return Ok(None);
        };
        let Some((headers, certificate)) = self.proof(ordered.sequence())? else { return Ok(None) };
        let released = if executed.sequence() == ordered.sequence() {
            None
        } else {
            let Some(proof) = self.proof(executed.sequence())? else { return Ok(None) };
            Some(proof)
        };
        let payload_path = Tree::new(ordered.block().payload_leaves()).path(payload_position);
        let result_path = Tree::new(executed.leaves()).path(position);
        let (Some(payload_path), Some(result_path)) = (payload_path, result_path) else { return Ok(None) };
        Ok(Some(ReceiptParts {
            payload: Blob::new(operation.payload.to_vec()).unwrap_or_default(),
            payload_leaf: leaf,
            payload_path,
            headers,
            certificate,
            released,
            result_leaf: result.leaf.clone(),
            result_path,
            answer: result.answer.clone(),
            reply: self.word.on_block(&executed),
        }))
    }

    fn locate(&self, place: &Place) -> Result<Option<(std::sync::Arc<ArchivedBlock>, usize)>, NodeError> {
        match place {
            Place::Named { session, nonce, index } => {
                let Some(sequence) = self.archive.executed_at(session, *nonce)? else { return Ok(None) };
                let Some(block) = self.archive.block(sequence)? else { return Ok(None) };
                let position = block
                    .results
                    .iter()
                    .position(|result| result.is_result_of(session, *nonce) && result.leaf.index == *index);
                Ok(position.map(|position| (block, position)))
            }
            Place::At { sequence, position } => {
                let Some(block) = self.archive.block(*sequence)? else { return Ok(None) };
                Ok(usize::try_from(*position).ok().map(|position| (block, position)))
            }
        }
    }

    /// The headers from `sequence` up to the nearest block with a COMMIT certificate of its own, and that certificate.
    fn proof(&self, sequence: Sequence) -> Result<Option<Proof>, NodeError> {
        let (mut headers, mut at) = (Vec::new(), sequence);
        while headers.len() < MAX_PROOF_HEADERS {
            let Some(block) = self.archive.block(at)? else { return Ok(None) };
            headers.push(block.block().header.clone());
            if let Some(certificate) = self.archive.certificate(at)? {
                return Ok(Some((BoundedVec::truncated(headers), certificate)));
            }
            at = at.next();
        }
        Ok(None)
    }
}

/// The operation that this result is about, its payload leaf, and that leaf's position in its block.
fn operation_of<'a>(
    ordered: &'a ArchivedBlock,
    result: &ResultLeaf,
) -> Option<(usize, PayloadLeaf, &'a Operation)> {
    let requests = ordered.block().batches.iter().flat_map(|batch| batch.requests.iter());
    let leaves =
        requests.flat_map(|request| PayloadLeaf::of_request(request).zip(request.body.operations.iter()));
    leaves
        .enumerate()
        .find(|(_, (leaf, _))| leaf.request == result.request && leaf.index == result.index)
        .map(|(position, (leaf, operation))| (position, leaf, operation))
}
