//! What a receipt proves, from its bytes and the committee alone (R5, R6).

use super::format::{BlockProof, HeaderPart, Receipt, SignaturePart, Step};
use super::{FORMAT, hex::Hex};
use outvote_crypto::{
    CommitteeError, Keyring, Verifier, Verify, check_certificate, check_committee, check_reply,
};
use outvote_types::client::MAX_PROOF_HEADERS;
use outvote_types::merkle::MAX_DEPTH;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    Answer, BoundedVec, Certificate, Committee, Digest, Header, Nonce, PayloadLeaf, Phase, PublicKey, Reply,
    ResultKind, ResultLeaf, Sequence, Signed, WallTime,
};

/// Why a receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not JSON, or not these fields.
    #[error("this is no receipt: {0}")]
    NotAReceipt(String),
    /// Another version.
    #[error("the receipt has format {0:?} and this program reads {FORMAT:?}; use a newer program")]
    OtherFormat(String),
    /// The committee itself is unsound.
    #[error("the committee cannot be used: {0}")]
    Committee(String),
    /// Another cluster's receipt.
    #[error(
        "the receipt is of cluster {receipt} and the committee of cluster {committee}; use that cluster's file"
    )]
    OtherCluster {
        /// The receipt's.
        receipt: String,
        /// The committee's.
        committee: String,
    },
    /// A field breaks a bound of the protocol.
    #[error("{0}")]
    Malformed(&'static str),
    /// The operation is not in its block.
    #[error("the operation is not the one in the block: its path does not lead to the header's payload root")]
    NotInBlock,
    /// The headers are no chain.
    #[error("the headers do not follow one another")]
    BrokenChain,
    /// The certificate does not hold.
    #[error(
        "the block is not proven committed: it takes exactly {quorum} valid COMMIT signatures of different members, in ascending order"
    )]
    NotCommitted {
        /// How many it takes.
        quorum: usize,
    },
    /// The outcome is not proven.
    #[error(
        "the outcome is not proven: it takes exactly {weak} valid REPLY signatures of different members, in ascending order, for this result"
    )]
    NotAnswered {
        /// How many it takes.
        weak: usize,
    },
}

impl From<CommitteeError> for ReceiptError {
    fn from(error: CommitteeError) -> Self {
        Self::Committee(error.to_string())
    }
}

/// What a sound receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The block that executed the operation.
    pub sequence: Sequence,
    /// That block's agreed time.
    pub time: WallTime,
    /// The block that ordered it: the same, unless it had to wait for an earlier nonce.
    pub ordered: Sequence,
    /// Who wrote it.
    pub author: PublicKey,
    /// The session that ordered it.
    pub session: PublicKey,
    /// The session's nonce.
    pub nonce: Nonce,
    /// The index in the envelope.
    pub index: u32,
    /// Whether it only reads.
    pub query: bool,
    /// The application's bytes.
    pub payload: Vec<u8>,
    /// What became of it; only [`ResultKind::Applied`] is success.
    pub kind: ResultKind,
    /// The answer.
    pub answer: Answer,
}

impl Receipt {
    /// Checks the receipt against the committee's keys, with no network.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, committee: &Committee) -> Result<Verdict, ReceiptError> {
        check_committee(committee)?;
        self.verify_with(&Keyring::new(committee.clone()), &Verifier::default())
    }

    /// The same with a committee that was checked before and any scheme.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify_with<V: Verify + ?Sized>(
        &self,
        keyring: &Keyring,
        verify: &V,
    ) -> Result<Verdict, ReceiptError> {
        let cluster = keyring.committee().cluster_id();
        if self.format != FORMAT {
            return Err(ReceiptError::OtherFormat(self.format.clone()));
        }
        if self.cluster != Hex(cluster.0) && !planted::is_on(Bug::ReceiptOfAnyCluster) {
            let receipt = Digest(self.cluster.0).to_hex();
            return Err(ReceiptError::OtherCluster { receipt, committee: cluster.to_hex() });
        }
        let ordered = self.ordered.check(keyring, verify)?;
        // R5: the operation's path leads to the payload root of its own header.
        if walk(self.payload_leaf().digest(), &self.payload_path)? != ordered.payload_root
            && !planted::is_on(Bug::ReceiptPathUnchecked)
        {
            return Err(ReceiptError::NotInBlock);
        }
        let executed = match &self.released {
            None => ordered.clone(),
            // R6: a held operation's result stands in the block that released it.
            Some(released) => released.check(keyring, verify)?,
        };
        let is_early = self.released.is_some() && executed.sequence <= ordered.sequence;
        if is_early && !planted::is_on(Bug::ReleasedBeforeOrdered) {
            return Err(ReceiptError::Malformed(
                "the releasing block does not come after the ordering block",
            ));
        }
        let answer =
            self.result.answer.answer().ok_or(ReceiptError::Malformed("the answer exceeds 1 MiB"))?;
        self.check_replies(keyring, verify, &executed, &answer)?;
        Ok(Verdict {
            sequence: executed.sequence,
            time: executed.time,
            ordered: ordered.sequence,
            author: PublicKey(self.operation.author.0),
            session: PublicKey(self.operation.session.0),
            nonce: Nonce(self.operation.nonce),
            index: self.operation.index,
            query: self.operation.query,
            payload: self.operation.payload.0.clone(),
            kind: self.result.kind.into(),
            answer,
        })
    }

    fn payload_leaf(&self) -> PayloadLeaf {
        let operation = &self.operation;
        PayloadLeaf {
            session: PublicKey(operation.session.0),
            nonce: Nonce(operation.nonce),
            index: operation.index,
            request: Digest(operation.request.0),
            author: PublicKey(operation.author.0),
            query: operation.query,
            payload: Digest::of(&operation.payload.0),
        }
    }

    /// R6: `f + 1` members signed a result root that covers a leaf with this operation's own digest and kind.
    fn check_replies<V: Verify + ?Sized>(
        &self,
        keyring: &Keyring,
        verify: &V,
        executed: &Header,
        answer: &Answer,
    ) -> Result<(), ReceiptError> {
        let leaf = ResultLeaf {
            request: Digest(self.operation.request.0),
            index: self.operation.index,
            kind: self.result.kind.into(),
            answer: answer.digest(),
        };
        let result_root = walk(leaf.digest(), &self.result_path)?;
        let (sequence, id, weak) = (executed.sequence, executed.id(), keyring.quorum().weak());
        // Exactly `f + 1`: one signature more would be one that need not hold.
        let is_sound = (self.replies.len() == weak || planted::is_on(Bug::ReceiptTooFewReplies))
            && (is_ascending(&self.replies) || planted::is_on(Bug::ReceiptRepliesRepeated))
            && self.replies.iter().map(SignaturePart::pair).all(|(replica, signature)| {
                let body = Reply { sequence, id, result_root, replica };
                check_reply(verify, keyring, &Signed { body, signature })
            });
        if is_sound { Ok(()) } else { Err(ReceiptError::NotAnswered { weak }) }
    }
}

impl BlockProof {
    /// The first header, once the chain and the certificate of its last one hold.
    fn check<V: Verify + ?Sized>(&self, keyring: &Keyring, verify: &V) -> Result<Header, ReceiptError> {
        if self.headers.is_empty() || self.headers.len() > MAX_PROOF_HEADERS {
            return Err(ReceiptError::Malformed("a proof has between 1 and 256 headers"));
        }
        let headers: Option<Vec<Header>> = self.headers.iter().map(HeaderPart::header).collect();
        let headers = headers.ok_or(ReceiptError::Malformed("a header breaks the bounds of headers"))?;
        let is_chain = headers.windows(2).all(|pair| {
            pair[1].parent == pair[0].id() && Some(pair[1].sequence.0) == pair[0].sequence.0.checked_add(1)
        });
        if (!is_chain && !planted::is_on(Bug::ReceiptChainBroken))
            || headers.iter().any(|header| header.epoch != keyring.epoch())
        {
            return Err(ReceiptError::BrokenChain);
        }
        let quorum = keyring.quorum().quorum();
        let votes = BoundedVec::new(self.commits.iter().map(SignaturePart::pair).collect());
        let (Some(first), Some(last), Some(votes)) = (headers.first(), headers.last(), votes) else {
            return Err(ReceiptError::NotCommitted { quorum });
        };
        let (phase, view, sequence, id) = (Phase::Commit, last.view, last.sequence, last.id());
        let certificate = Certificate { phase, view, sequence, id, votes };
        // Exactly `q`: one signature more would be one that need not hold.
        if self.commits.len() != quorum || !check_certificate(verify, keyring, &certificate) {
            return Err(ReceiptError::NotCommitted { quorum });
        }
        Ok(first.clone())
    }
}

fn is_ascending(signatures: &[SignaturePart]) -> bool {
    signatures.windows(2).all(|pair| pair[0].replica < pair[1].replica)
}

/// The root to which the steps lead.
fn walk(leaf: Digest, steps: &[Step]) -> Result<Digest, ReceiptError> {
    if steps.len() > MAX_DEPTH {
        return Err(ReceiptError::Malformed("a path has at most 32 steps"));
    }
    let node = |left: &[u8; 32], right: &[u8; 32]| Digest::of_parts(&[&[1], left, right]);
    Ok(steps.iter().fold(leaf, |digest, step| match step {
        Step::Left(sibling) => node(&sibling.0, &digest.0),
        Step::Right(sibling) if planted::is_on(Bug::PathDirectionIgnored) => node(&sibling.0, &digest.0),
        Step::Right(sibling) => node(&digest.0, &sibling.0),
    }))
}
