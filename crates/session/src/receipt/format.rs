//! The JSON form, field by field.

use super::hex::{Hex, HexBytes};
use super::verify::ReceiptError;
use super::{FORMAT, MAX_RECEIPT_CHARACTERS};
use outvote_types::{
    Answer, BatchRef, Blob, BoundedVec, Digest, Epoch, Header, ReplicaId, ResultKind, Sequence, Signature,
    View, WallTime,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A receipt, as it stands in its file. Says nothing until it is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Always [`FORMAT`].
    pub format: String,
    /// The cluster.
    pub cluster: Hex<32>,
    /// What was ordered.
    pub operation: OperationPart,
    /// From the operation's leaf to the `payload_root` of its block's header.
    pub payload_path: Vec<Step>,
    /// Proof that the block which holds the operation is committed.
    pub ordered: BlockProof,
    /// Proof of the block that executed it, if that is a later one, because an earlier nonce was missing.
    pub released: Option<BlockProof>,
    /// What came of it.
    pub result: ResultPart,
    /// From the result's leaf to the result root, which the replies sign.
    pub result_path: Vec<Step>,
    /// Exactly `f + 1` signed words on the block that executed it.
    pub replies: Vec<SignaturePart>,
}

/// The operation and its place in its envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationPart {
    /// The session that ordered it.
    pub session: Hex<32>,
    /// The session's nonce.
    pub nonce: u64,
    /// The index in the envelope.
    pub index: u32,
    /// The envelope's identity.
    pub request: Hex<32>,
    /// Who wrote it.
    pub author: Hex<32>,
    /// Whether it only reads.
    pub query: bool,
    /// The application's bytes.
    pub payload: HexBytes,
}

/// One step of a Merkle path: the sibling, and on which side of the node it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The sibling is hashed before the node.
    Left(Hex<32>),
    /// The sibling is hashed after the node.
    Right(Hex<32>),
}

/// A chain of headers whose last one has a commit certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockProof {
    /// The block's header first, then its descendants without a gap up to the certified one.
    pub headers: Vec<HeaderPart>,
    /// Exactly `q` COMMIT signatures for the last header.
    pub commits: Vec<SignaturePart>,
}

/// One member's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignaturePart {
    /// Whose.
    pub replica: u16,
    /// The signature.
    pub signature: Hex<64>,
}

impl SignaturePart {
    pub(super) const fn pair(&self) -> (ReplicaId, Signature) {
        (ReplicaId(self.replica), Signature(self.signature.0))
    }

    pub(super) const fn of((id, signature): (ReplicaId, Signature)) -> Self {
        Self { replica: id.0, signature: Hex(signature.0) }
    }
}

/// A header; the fields of [`Header`] in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderPart {
    /// The committee's term.
    pub epoch: u64,
    /// The view.
    pub view: u64,
    /// The place in the order.
    pub sequence: u64,
    /// The identity of the block before.
    pub parent: Hex<32>,
    /// The agreed time, microseconds since the Unix epoch.
    pub time_us: u64,
    /// The leader.
    pub leader: u16,
    /// The batches.
    pub batches: Vec<BatchPart>,
    /// Merkle root over the payload leaves.
    pub payload_root: Hex<32>,
    /// The digest of the NEWVIEW that opened the view, in its first block.
    pub new_view_digest: Option<Hex<32>>,
    /// A change of the committee.
    pub control: Option<HexBytes>,
}

/// A reference to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchPart {
    /// Who cut it.
    pub author: u16,
    /// The author's counter.
    pub lane_sequence: u64,
    /// The batch's digest.
    pub digest: Hex<32>,
    /// Requests in it.
    pub count: u32,
    /// Its encoded bytes.
    pub bytes: u32,
}

/// What came of the operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultPart {
    /// What became of it.
    pub kind: KindPart,
    /// The answer.
    pub answer: AnswerPart,
}

/// The kinds of [`ResultKind`], as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words of ResultKind, which has the documentation")]
pub enum KindPart {
    Applied,
    Held,
    Duplicate,
    NonceReused,
    TooFar,
    Refused,
}

/// An application's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum AnswerPart {
    /// Done; the application's own bytes.
    Done(HexBytes),
    /// Refused.
    Refused {
        /// A word for programs.
        code: String,
        /// A sentence for people.
        message: String,
    },
}

impl Receipt {
    /// Reads a receipt. Unknown, missing and repeated fields are errors, and so are upper-case digits.
    ///
    /// # Errors
    /// When the text is not a receipt of this format.
    pub fn from_json(text: &str) -> Result<Self, ReceiptError> {
        if text.len() > MAX_RECEIPT_CHARACTERS {
            return Err(ReceiptError::NotAReceipt("it is longer than any receipt".into()));
        }
        let receipt: Self =
            serde_json::from_str(text).map_err(|error| ReceiptError::NotAReceipt(error.to_string()))?;
        if receipt.format != FORMAT {
            return Err(ReceiptError::OtherFormat(receipt.format));
        }
        // serde also takes a list of values for an object, and nothing at all for `null`: one receipt has one spelling.
        let is_spelled_so = serde_json::from_str::<Value>(text)
            .is_ok_and(|found| serde_json::to_value(&receipt).is_ok_and(|own| own == found));
        if is_spelled_so {
            Ok(receipt)
        } else {
            Err(ReceiptError::NotAReceipt(
                "a field is missing, or a list stands in place of an object".into(),
            ))
        }
    }

    /// The receipt as indented JSON with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(_) => unreachable!("a receipt has only string keys and finite numbers"),
        }
    }
}

impl HeaderPart {
    pub(super) fn of(header: &Header) -> Self {
        Self {
            epoch: header.epoch.0,
            view: header.view.0,
            sequence: header.sequence.0,
            parent: Hex(header.parent.0),
            time_us: header.time.0,
            leader: header.leader.0,
            batches: header.batches.iter().map(BatchPart::of).collect(),
            payload_root: Hex(header.payload_root.0),
            new_view_digest: header.new_view_digest.map(|digest| Hex(digest.0)),
            control: header.control.as_ref().map(|control| HexBytes(control.to_vec())),
        }
    }

    /// The header, unless it breaks a bound that every header keeps.
    pub(super) fn header(&self) -> Option<Header> {
        let control = match &self.control {
            Some(bytes) => Some(Blob::new(bytes.0.clone())?),
            None => None,
        };
        Some(Header {
            epoch: Epoch(self.epoch),
            view: View(self.view),
            sequence: Sequence(self.sequence),
            parent: Digest(self.parent.0),
            time: WallTime(self.time_us),
            leader: ReplicaId(self.leader),
            batches: BoundedVec::new(self.batches.iter().map(BatchPart::reference).collect())?,
            payload_root: Digest(self.payload_root.0),
            new_view_digest: self.new_view_digest.map(|digest| Digest(digest.0)),
            control,
        })
    }
}

impl BatchPart {
    const fn of(batch: &BatchRef) -> Self {
        Self {
            author: batch.author.0,
            lane_sequence: batch.lane_sequence,
            digest: Hex(batch.digest.0),
            count: batch.count,
            bytes: batch.bytes,
        }
    }

    const fn reference(&self) -> BatchRef {
        BatchRef {
            author: ReplicaId(self.author),
            lane_sequence: self.lane_sequence,
            digest: Digest(self.digest.0),
            count: self.count,
            bytes: self.bytes,
        }
    }
}

impl From<ResultKind> for KindPart {
    fn from(kind: ResultKind) -> Self {
        match kind {
            ResultKind::Applied => Self::Applied,
            ResultKind::Held => Self::Held,
            ResultKind::Duplicate => Self::Duplicate,
            ResultKind::NonceReused => Self::NonceReused,
            ResultKind::TooFar => Self::TooFar,
            ResultKind::Refused => Self::Refused,
        }
    }
}

impl From<KindPart> for ResultKind {
    fn from(kind: KindPart) -> Self {
        match kind {
            KindPart::Applied => Self::Applied,
            KindPart::Held => Self::Held,
            KindPart::Duplicate => Self::Duplicate,
            KindPart::NonceReused => Self::NonceReused,
            KindPart::TooFar => Self::TooFar,
            KindPart::Refused => Self::Refused,
        }
    }
}

impl AnswerPart {
    pub(super) fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Done(bytes) => Self::Done(HexBytes(bytes.to_vec())),
            Answer::Refused { code, message } => {
                Self::Refused { code: code.clone(), message: message.clone() }
            }
        }
    }

    pub(super) fn answer(&self) -> Option<Answer> {
        Some(match self {
            Self::Done(bytes) => Answer::Done(Blob::new(bytes.0.clone())?),
            Self::Refused { code, message } => {
                Answer::Refused { code: code.clone(), message: message.clone() }
            }
        })
    }
}
