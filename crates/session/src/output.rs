//! What a pool asks for and reports.

use outvote_types::client::ToReplica;
use outvote_types::reply::Outcome as SignedOutcome;
use outvote_types::{Answer, Digest, Nonce, PublicKey, ReplicaId, Reply, ResultKind, Sequence, Signed};

/// Names one request: the session and its nonce. Asking again under the same ticket never executes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The session's key.
    pub session: PublicKey,
    /// The session's nonce.
    pub nonce: Nonce,
}

/// Names a query of this pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub u64);

/// Names a wish for a receipt of this pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptId(pub u64);

/// Everything that a pool can ask of its surroundings or report to them.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this over the link to `to`. Losing it is harmless.
    Send {
        /// Over which link.
        to: ReplicaId,
        /// What.
        message: ToReplica,
    },
    /// A submission ended. Exactly one for each submission, and one for each time it is asked again.
    Finished {
        /// Which.
        ticket: Ticket,
        /// How.
        outcome: Outcome,
    },
    /// `f + 1` replicas said where the session stands: submissions may begin.
    Ready {
        /// Which session.
        session: PublicKey,
        /// The nonce of its next request.
        next: Nonce,
    },
    /// A query ended.
    Answered {
        /// Which.
        query: QueryId,
        /// The answer that `f + 1` replicas gave; `None` when the deadline passed without one.
        answer: Option<Answered>,
    },
    /// A wish for a receipt ended.
    Receipt {
        /// Which.
        receipt: ReceiptId,
        /// The receipt, already verified; `None` when the deadline passed without `f + 1` matching parts.
        result: Option<Box<crate::receipt::Receipt>>,
    },
    /// A replica sent what no honest one sends. For logs and for people; the pool goes on without it.
    Distrust {
        /// Which replica.
        replica: ReplicaId,
        /// What it did.
        why: &'static str,
    },
}

/// What became of one operation of a committed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationResult {
    /// The operation's index in its envelope.
    pub index: u32,
    /// Applied, or refused by the application.
    pub kind: ResultKind,
    /// The application's answer.
    pub answer: Answer,
}

/// A request that was ordered and executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The block that executed it.
    pub sequence: Sequence,
    /// That block's identity.
    pub block: Digest,
    /// The request's identity.
    pub request: Digest,
    /// One result per operation, in order; at least one of them is applied.
    pub results: Vec<OperationResult>,
    /// The words of `f + 1` replicas, equal but for the signer, each signature checked.
    pub proof: Vec<Signed<Reply>>,
}

impl Committed {
    /// The first operation's answer: the answer, for a request with a single operation.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.results.first().map(|result| &result.answer)
    }
}

/// A request that `f + 1` replicas refuse alike. It changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// A stable word for programs, such as `no-such-room` or `nonce-reused`.
    pub code: String,
    /// A sentence for people.
    pub reason: String,
}

/// How a submission ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in the agreed order, was executed, and this came of it.
    Committed(Committed),
    /// It was refused, with a reason that all honest replicas give.
    Rejected(Rejected),
    /// The deadline passed. Asking again under the same ticket is safe and never executes twice.
    Pending,
}

/// A query's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// The answer is at least as new as this executed sequence.
    pub sequence: Sequence,
    /// Whether the question had to be ordered, because `f + 1` replicas did not agree in time.
    pub ordered: bool,
    /// The signed words of the replicas that agreed; empty for an ordered question.
    pub proof: Vec<Signed<SignedOutcome>>,
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The session was never opened in this pool.
    #[error("this pool has no session with that key; open it first")]
    UnknownSession,
    /// Where the session stands is not known yet.
    #[error("the replicas have not said yet where this session stands; wait for Ready")]
    NotReady,
    /// Too many requests without an outcome.
    #[error("the session's window is full; wait for an outcome, or ask again for those that are pending")]
    WindowFull,
    /// A request has at least one operation.
    #[error("a request without operations; give it at least one")]
    Empty,
    /// Larger than replicas take.
    #[error("the request exceeds 1 MiB or 1024 operations; split it")]
    TooLarge,
    /// A nonce that is taken by another request.
    #[error("this nonce already belongs to another request")]
    NonceTaken,
    /// Nothing is known under this ticket.
    #[error("no request is known under this ticket; submit the signed request again")]
    UnknownTicket,
}
