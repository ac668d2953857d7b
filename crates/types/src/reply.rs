//! What came of an operation, and the leaves that prove it.

use crate::bounded::Blob;
use crate::digest::Digest;
use crate::id::{Nonce, ReplicaId, Sequence};
use crate::limits::MAX_ANSWER_BYTES;
use crate::merkle;
use crate::request::Request;
use crate::signing::{Kind, PublicKey, Signable};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What became of an operation. Only [`ResultKind::Applied`] proves execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ResultKind {
    /// The application executed it.
    Applied = 0,
    /// Ordered ahead of its nonce's turn; appears again, as applied, in the block that releases it.
    Held = 1,
    /// This very request was executed before.
    Duplicate = 2,
    /// Another request was executed under this nonce.
    NonceReused = 3,
    /// The nonce lies beyond the window.
    TooFar = 4,
    /// The application said no, or too many new sessions came at once; the answer carries the reason.
    Refused = 5,
}

/// An application's answer to one operation or question.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Answer {
    /// Done; the application's own bytes.
    Done(Blob<MAX_ANSWER_BYTES>),
    /// Refused; all honest replicas give the same reason.
    Refused {
        /// A stable word for programs, such as `no-such-room`.
        #[borsh(deserialize_with = "crate::bounded::text")]
        code: String,
        /// A sentence for people.
        #[borsh(deserialize_with = "crate::bounded::text")]
        message: String,
    },
}

impl Answer {
    /// An answer with these bytes; more than [`MAX_ANSWER_BYTES`] become a refusal, the same on every replica.
    #[must_use]
    pub fn done(bytes: Vec<u8>) -> Self {
        Blob::new(bytes)
            .map_or_else(|| Self::refused("answer-too-long", "the answer exceeds 1 MiB"), Self::Done)
    }

    /// A refusal.
    #[must_use]
    pub fn refused(code: &str, message: &str) -> Self {
        Self::Refused { code: code.into(), message: message.into() }
    }

    /// The digest that a result leaf carries.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self)
    }
}

/// The Merkle leaf of one operation under a header's `payload_root`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PayloadLeaf {
    /// The session that ordered it.
    pub session: PublicKey,
    /// The session's nonce.
    pub nonce: Nonce,
    /// The operation's index in its envelope.
    pub index: u32,
    /// The envelope's identity.
    pub request: Digest,
    /// Who wrote it; the session's key unless an author signed it.
    pub author: PublicKey,
    /// Whether it only reads.
    pub query: bool,
    /// SHA-256 of the operation's payload.
    pub payload: Digest,
}

impl PayloadLeaf {
    /// The leaves of a request, one per operation.
    pub fn of_request(request: &Request) -> impl Iterator<Item = Self> + '_ {
        let digest = request.digest();
        let body = &request.body;
        body.operations.iter().zip(0u32..).map(move |(operation, index)| Self {
            session: body.session,
            nonce: body.nonce,
            index,
            request: digest,
            author: operation.author.as_ref().map_or(body.session, |author| author.key),
            query: operation.query,
            payload: Digest::of(&operation.payload),
        })
    }

    /// The leaf's hash in the tree.
    #[must_use]
    pub fn digest(&self) -> Digest {
        merkle::leaf_of(self)
    }
}

/// The Merkle leaf of one operation's result.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ResultLeaf {
    /// The envelope's identity.
    pub request: Digest,
    /// The operation's index in its envelope.
    pub index: u32,
    /// What became of it.
    pub kind: ResultKind,
    /// SHA-256 of the canonical [`Answer`].
    pub answer: Digest,
}

impl ResultLeaf {
    /// The leaf's hash in the tree.
    #[must_use]
    pub fn digest(&self) -> Digest {
        merkle::leaf_of(self)
    }
}

/// One replica's word on the results of one block: one signature for all of its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Reply {
    /// The block's place.
    pub sequence: Sequence,
    /// The block.
    pub id: Digest,
    /// Merkle root over the result leaves.
    pub result_root: Digest,
    /// The signer.
    pub replica: ReplicaId,
}

impl Signable for Reply {
    fn kind(&self) -> Kind {
        Kind::Reply
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}

/// One replica's answer to a question that was not ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Outcome {
    /// The digest of the question.
    pub question: Digest,
    /// The executed sequence at which it was answered.
    pub sequence: Sequence,
    /// The digest of the canonical [`Answer`].
    pub answer: Digest,
    /// The signer.
    pub replica: ReplicaId,
}

impl Signable for Outcome {
    fn kind(&self) -> Kind {
        Kind::Outcome
    }
    fn signer(&self) -> ReplicaId {
        self.replica
    }
}
