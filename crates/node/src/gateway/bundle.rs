//! Cuts long answers into messages that the wire carries.

use crate::archive::{ArchivedBlock, ArchivedResult};
use outvote_types::client::{MAX_RESULTS_PER_BUNDLE, MAX_STREAM_PAGE, ProvenResult, StreamedOperation};
use outvote_types::limits::{MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES, MAX_OPERATION_BYTES};
use outvote_types::merkle::Tree;
use outvote_types::{Answer, Blob, Nonce, PublicKey, Request};
use std::collections::BTreeMap;

/// Bytes of results in one message: with one more of the longest and the header, it stays below what a message may be.
pub(super) const BUNDLE_BYTES: usize = MAX_MESSAGE_BYTES / 2;
/// What a result takes besides its answer, its payload and its path.
const FIXED_BYTES: usize = 512;

const _: () =
    assert!(BUNDLE_BYTES + MAX_ANSWER_BYTES + MAX_OPERATION_BYTES + 1024 * 1024 <= MAX_MESSAGE_BYTES);

fn answer_bytes(answer: &Answer) -> usize {
    match answer {
        Answer::Done(bytes) => bytes.len(),
        Answer::Refused { code, message } => code.len() + message.len(),
    }
}

/// The results at these positions with their proofs, in as many bundles as it takes.
pub(super) fn bundles(block: &ArchivedBlock, tree: &Tree, positions: &[usize]) -> Vec<Vec<ProvenResult>> {
    let (mut done, mut open, mut bytes) = (Vec::new(), Vec::new(), 0);
    for position in positions {
        let Some((result, path)) = block.results.get(*position).zip(tree.path(*position)) else { continue };
        if bytes >= BUNDLE_BYTES || open.len() == MAX_RESULTS_PER_BUNDLE {
            done.push(std::mem::take(&mut open));
            bytes = 0;
        }
        bytes += FIXED_BYTES + answer_bytes(&result.answer) + path.siblings.len() * 32;
        open.push(ProvenResult {
            session: result.session,
            nonce: result.nonce,
            leaf: result.leaf.clone(),
            path,
            answer: result.answer.clone(),
        });
    }
    done.push(open);
    done
}

/// A page of a block's operations from `first` on.
pub(super) fn page(block: &ArchivedBlock, first: usize) -> Vec<StreamedOperation> {
    let requests = requests(block);
    let (mut operations, mut bytes) = (Vec::new(), 0);
    for (result, position) in block.results.iter().zip(0u32..).skip(first) {
        if bytes >= BUNDLE_BYTES || operations.len() == MAX_STREAM_PAGE {
            break;
        }
        let payload: Blob<MAX_OPERATION_BYTES> =
            result.held_payload.clone().or_else(|| payload_of(&requests, result)).unwrap_or_default();
        bytes += FIXED_BYTES + answer_bytes(&result.answer) + payload.len();
        operations.push(StreamedOperation {
            position,
            leaf: result.leaf.clone(),
            author: result.author,
            payload,
            answer: result.answer.clone(),
        });
    }
    operations
}

type Requests<'a> = BTreeMap<(PublicKey, Nonce), Vec<&'a Request>>;

fn requests(block: &ArchivedBlock) -> Requests<'_> {
    let mut requests = Requests::new();
    for request in block.block().batches.iter().flat_map(|batch| batch.requests.iter()) {
        requests.entry((request.body.session, request.body.nonce)).or_default().push(request);
    }
    requests
}

/// The payload of an operation that stands in this very block. Several requests may have claimed one nonce.
fn payload_of(requests: &Requests<'_>, result: &ArchivedResult) -> Option<Blob<MAX_OPERATION_BYTES>> {
    let request = match requests.get(&(result.session, result.nonce))?.as_slice() {
        [only] => only,
        several => several.iter().find(|request| request.digest() == result.leaf.request)?,
    };
    let index = usize::try_from(result.leaf.index).ok()?;
    Some(request.body.operations.get(index)?.payload.clone())
}
