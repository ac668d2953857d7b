//! What clients and replicas say to each other.

use crate::block::SignedHeader;
use crate::bounded::{Blob, BoundedVec};
use crate::digest::Digest;
use crate::id::{Nonce, Sequence, View};
use crate::limits::{MAX_OPERATION_BYTES, MAX_QUESTION_BYTES};
use crate::merkle::Path;
use crate::reply::{Answer, Outcome, PayloadLeaf, Reply, ResultLeaf};
use crate::request::Request;
use crate::signing::{PublicKey, Signed};
use crate::vote::Certificate;
use borsh::{BorshDeserialize, BorshSerialize};

/// Sessions in one WATCH at most.
pub const MAX_WATCHED_SESSIONS: usize = 4096;
/// Requests in one message at most.
pub const MAX_REQUESTS_PER_MESSAGE: usize = 256;
/// Results in one bundle at most.
pub const MAX_RESULTS_PER_BUNDLE: usize = 65_536;
/// Headers between a block and the nearest one with a commit certificate at most.
pub const MAX_PROOF_HEADERS: usize = 256;
/// Committed operations in one page of the stream at most.
pub const MAX_STREAM_PAGE: usize = 65_536;
/// Blocks that a replica sends on the stream beyond the last [`ToReplica::More`] (or the start) at most.
pub const FOLLOW_WINDOW_BLOCKS: u64 = 64;

/// From a client to a replica.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ToReplica {
    /// Please order these.
    Submit(BoundedVec<Request, MAX_REQUESTS_PER_MESSAGE>),
    /// Send me the results of these sessions as their blocks are executed.
    Watch(BoundedVec<PublicKey, MAX_WATCHED_SESSIONS>),
    /// What became of this request? Answered by a [`ToClient::Results`] if it was executed, else by [`ToClient::NotYet`].
    Ask {
        /// The session.
        session: PublicKey,
        /// Its nonce.
        nonce: Nonce,
    },
    /// Where does this session stand? Answered by [`ToClient::Session`].
    Session(PublicKey),
    /// A question to the application, answered from the executed state without ordering.
    Query {
        /// Chosen by the client, comes back with the answer.
        id: u64,
        /// Answer only once this much is executed.
        min_sequence: Sequence,
        /// The application's bytes.
        question: Blob<MAX_QUESTION_BYTES>,
    },
    /// The parts of a receipt for an operation that this replica executed.
    Receipt {
        /// Chosen by the client, comes back with the answer.
        id: u64,
        /// The session.
        session: PublicKey,
        /// Its nonce.
        nonce: Nonce,
        /// The operation's index in its envelope.
        index: u32,
    },
    /// The parts of a receipt by place: the `position`-th result leaf of the block at `sequence`.
    ReceiptAt {
        /// Chosen by the client, comes back with the answer.
        id: u64,
        /// The block.
        sequence: Sequence,
        /// The result leaf.
        position: u32,
    },
    /// The committed operations from this place on, then as they come; flow-controlled by [`ToReplica::More`].
    Follow {
        /// The first block wanted.
        from: Sequence,
    },
    /// The follower has taken the pages up to this sequence.
    More {
        /// The last block taken.
        upto: Sequence,
    },
    /// The cluster as the replica sees it, as JSON (for `status`).
    Inspect {
        /// Chosen by the client, comes back with the answer.
        id: u64,
        /// The page of the report: `status`, `evidence`.
        what: Blob<64>,
    },
    /// Makes a demo replica lie (or stop). Refused unless the genesis says demo.
    Behave {
        /// Chosen by the client, comes back with the answer.
        id: u64,
        /// The behaviour's name.
        behaviour: Blob<64>,
    },
}

/// One operation's result with its way to the root that the replica signed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProvenResult {
    /// The session.
    pub session: PublicKey,
    /// Its nonce.
    pub nonce: Nonce,
    /// The leaf.
    pub leaf: ResultLeaf,
    /// The leaf's way to `result_root`.
    pub path: Path,
    /// The answer whose digest the leaf carries.
    pub answer: Answer,
}

/// One executed operation on the stream of committed operations.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StreamedOperation {
    /// Its position among the block's result leaves.
    pub position: u32,
    /// What became of it.
    pub leaf: ResultLeaf,
    /// Who wrote it.
    pub author: PublicKey,
    /// Its payload.
    pub payload: Blob<MAX_OPERATION_BYTES>,
    /// The answer.
    pub answer: Answer,
}

/// All that one replica can say toward a receipt.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceiptParts {
    /// The operation's payload.
    pub payload: Blob<MAX_OPERATION_BYTES>,
    /// The operation's leaf under its header's payload root.
    pub payload_leaf: PayloadLeaf,
    /// Its way to the payload root.
    pub payload_path: Path,
    /// The operation's header, then its descendants up to the certified one.
    pub headers: BoundedVec<SignedHeader, MAX_PROOF_HEADERS>,
    /// The COMMIT certificate of the last of `headers`.
    pub certificate: Certificate,
    /// Where the result stands, if not in the operation's own block (a held request): the releasing block's headers.
    pub released: Option<(BoundedVec<SignedHeader, MAX_PROOF_HEADERS>, Certificate)>,
    /// The result's leaf.
    pub result_leaf: ResultLeaf,
    /// Its way to the result root.
    pub result_path: Path,
    /// The answer.
    pub answer: Answer,
    /// This replica's signed word on the block that executed it.
    pub reply: Signed<Reply>,
}

/// What a replica says of its term. Nobody signs it, and a client believes what `f + 1` replicas reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hint {
    /// The current view: whom to send to.
    pub view: View,
    /// The current window, milliseconds: how long to be patient (R4).
    pub window_ms: u32,
}

impl Hint {
    /// A replica's view, and its window in microseconds.
    #[must_use]
    pub fn new(view: View, window_us: u64) -> Self {
        Self { view, window_ms: u32::try_from(window_us / 1000).unwrap_or(u32::MAX) }
    }
}

/// From a replica to a client.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ToClient {
    /// Results of one block, under one signature.
    Results {
        /// The replica's word.
        reply: Signed<Reply>,
        /// Its term.
        hint: Hint,
        /// The results of the sessions that this connection watches.
        results: BoundedVec<ProvenResult, MAX_RESULTS_PER_BUNDLE>,
    },
    /// Too much at once: try again later. Never the leader's fault.
    Busy {
        /// The session.
        session: PublicKey,
        /// The nonce.
        nonce: Nonce,
        /// When to try again, milliseconds.
        retry_after_ms: u32,
    },
    /// The bytes are not a valid request; trying again is useless.
    Invalid {
        /// The session.
        session: PublicKey,
        /// The nonce.
        nonce: Nonce,
        /// What is wrong.
        reason: Blob<512>,
    },
    /// Where a session stands.
    Session {
        /// The session.
        session: PublicKey,
        /// The next nonce that will be executed; 1 for a new session.
        next: Nonce,
        /// The executed sequence at which this was read.
        sequence: Sequence,
    },
    /// An answer to a question.
    Answer {
        /// The question's id.
        id: u64,
        /// The replica's signed word.
        outcome: Signed<Outcome>,
        /// The answer.
        answer: Answer,
    },
    /// Toward a receipt; `None` if the replica does not have it.
    Receipt {
        /// The question's id.
        id: u64,
        /// The parts.
        parts: Option<alloc::boxed::Box<ReceiptParts>>,
    },
    /// A block of the stream of committed operations, with enough to check it. Every block is sent, empty ones too; one
    /// with more operations than a page or a message holds comes as several of these, in order of position.
    Block {
        /// The header.
        header: alloc::boxed::Box<SignedHeader>,
        /// The replica's word on its results.
        reply: Signed<Reply>,
        /// The operations, in order.
        operations: BoundedVec<StreamedOperation, MAX_STREAM_PAGE>,
    },
    /// The stream's next blocks are gone here; the earliest that is left.
    StreamGone {
        /// The earliest sequence served.
        oldest: Sequence,
    },
    /// A report as JSON.
    Report {
        /// The question's id.
        id: u64,
        /// The JSON text.
        json: Blob<{ 1024 * 1024 }>,
    },
    /// Whether the behaviour was taken, and if not why.
    Behaved {
        /// The question's id.
        id: u64,
        /// Empty, or why not.
        refusal: Blob<512>,
    },
    /// The replica's first word on a connection.
    Welcome {
        /// The cluster.
        cluster: Digest,
        /// Its term.
        hint: Hint,
        /// Executed up to here.
        executed: Sequence,
    },
    /// What [`ToReplica::Ask`] asked about has no result here yet.
    NotYet(Hint),
}
