//! A receipt from what `f + 1` replicas hand out.

use super::format::{
    AnswerPart, BlockProof, HeaderPart, OperationPart, Receipt, ResultPart, SignaturePart, Step,
};
use super::verify::ReceiptError;
use super::{FORMAT, Hex, HexBytes};
use outvote_crypto::{Keyring, Verify, check_certificate, check_reply};
use outvote_types::client::ReceiptParts;
use outvote_types::merkle::Path;
use outvote_types::{Certificate, ReplicaId, Signature, SignedHeader};
use std::collections::BTreeMap;

impl Receipt {
    /// Builds and verifies a receipt from the parts of several replicas. Certificates and headers of one part serve; the
    /// others add their signed words. Parts of liars are passed over.
    ///
    /// # Errors
    /// What is wrong with the last candidate, when no set of parts makes a sound receipt.
    pub fn build<V: Verify + ?Sized>(
        keyring: &Keyring,
        parts: &[&ReceiptParts],
        verify: &V,
    ) -> Result<Self, ReceiptError> {
        let mut last = ReceiptError::NotAnswered { weak: keyring.quorum().weak() };
        for base in parts {
            let replies = equal_replies(keyring, base, parts, verify);
            if replies.len() < keyring.quorum().weak() {
                continue;
            }
            let receipt = Self::assemble(keyring, base, replies, verify);
            match receipt.verify_with(keyring, verify) {
                Ok(_) => return Ok(receipt),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn assemble<V: Verify + ?Sized>(
        keyring: &Keyring,
        base: &ReceiptParts,
        replies: Vec<SignaturePart>,
        verify: &V,
    ) -> Self {
        let leaf = &base.payload_leaf;
        Self {
            format: FORMAT.into(),
            cluster: Hex(keyring.committee().cluster_id().0),
            operation: OperationPart {
                session: Hex(leaf.session.0),
                nonce: leaf.nonce.0,
                index: leaf.index,
                request: Hex(leaf.request.0),
                author: Hex(leaf.author.0),
                query: leaf.query,
                payload: HexBytes(base.payload.to_vec()),
            },
            payload_path: steps(&base.payload_path),
            ordered: block_proof(keyring, &base.headers, &base.certificate, verify),
            released: base
                .released
                .as_ref()
                .map(|(headers, certificate)| block_proof(keyring, headers, certificate, verify)),
            result: ResultPart { kind: base.result_leaf.kind.into(), answer: AnswerPart::of(&base.answer) },
            result_path: steps(&base.result_path),
            replies,
        }
    }
}

/// The valid words that equal the base's own, one per member, ascending, `f + 1` of them.
fn equal_replies<V: Verify + ?Sized>(
    keyring: &Keyring,
    base: &ReceiptParts,
    parts: &[&ReceiptParts],
    verify: &V,
) -> Vec<SignaturePart> {
    let mut words: BTreeMap<ReplicaId, Signature> = BTreeMap::new();
    for reply in parts.iter().map(|part| &part.reply) {
        let mut expected = base.reply.body;
        expected.replica = reply.body.replica;
        if reply.body == expected && check_reply(verify, keyring, reply) {
            words.insert(reply.body.replica, reply.signature);
        }
    }
    words.into_iter().take(keyring.quorum().weak()).map(SignaturePart::of).collect()
}

/// Headers and the first `q` signatures of their certificate.
fn block_proof<V: Verify + ?Sized>(
    keyring: &Keyring,
    headers: &[SignedHeader],
    certificate: &Certificate,
    verify: &V,
) -> BlockProof {
    let votes = if check_certificate(verify, keyring, certificate) { &certificate.votes[..] } else { &[] };
    BlockProof {
        headers: headers.iter().map(|header| HeaderPart::of(&header.body)).collect(),
        commits: votes.iter().take(keyring.quorum().quorum()).copied().map(SignaturePart::of).collect(),
    }
}

/// A path as steps with sides: which siblings stand left follows from the leaf's position.
fn steps(path: &Path) -> Vec<Step> {
    let (mut at, mut width, mut steps) = (path.index, path.count, Vec::new());
    let mut siblings = path.siblings.iter().map(|sibling| Hex(sibling.0));
    while width > 1 {
        if at % 2 == 1 {
            steps.extend(siblings.next().map(Step::Left));
        } else if at + 1 < width {
            steps.extend(siblings.next().map(Step::Right));
        }
        at /= 2;
        width = width.div_ceil(2);
    }
    steps
}
