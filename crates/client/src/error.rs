//! What can go wrong between a client and the world.

use outvote_session::SubmitError;
use outvote_types::{QuorumError, ReplicaId, Sequence};

/// A client that cannot do what it was asked. A rejection or a missed deadline is no error but an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Too few replicas answered in time.
    #[error(
        "only {reached} of the {needed} replicas that it takes can be reached; start the others, or check their addresses in committee.toml: {details}"
    )]
    TooFewReachable {
        /// Links that are up.
        reached: usize,
        /// Links that it takes.
        needed: usize,
        /// What is wrong with each of the others.
        details: String,
    },
    /// Replicas are reached but do not say where the session stands.
    #[error(
        "the replicas did not say in time where this session stands; they may still be catching up: try again in a moment"
    )]
    NotReady,
    /// One particular replica was asked and does not answer.
    #[error("replica {replica} does not answer: {details}")]
    Unreachable {
        /// Which.
        replica: ReplicaId,
        /// What is known of its link.
        details: String,
    },
    /// The request was not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Too much waits for this session's window.
    #[error("more than {limit} requests of this session wait already; take some outcomes first")]
    TooManyWaiting {
        /// The bound.
        limit: usize,
    },
    /// A question that is longer than replicas take.
    #[error("the question exceeds 64 KiB; shorten it")]
    QuestionTooLong,
    /// No agreement, or no answer, until the deadline.
    #[error(
        "no answer that enough replicas agree on came before the deadline; try again, and `outvote doctor` says what is wrong"
    )]
    Deadline,
    /// The stream's next block is no longer kept.
    #[error(
        "the stream no longer reaches back to the block that was asked for; the oldest one served is {oldest}"
    )]
    StreamGone {
        /// The oldest block served.
        oldest: Sequence,
    },
    /// One stream at a time.
    #[error(
        "this client follows the stream already, and a connection carries one stream; connect another client"
    )]
    AlreadyFollowing,
    /// The client was built without a key.
    #[error("this client was built without an identity; give it one with `identity`")]
    NoIdentity,
    /// The replica refused.
    #[error("replica {replica} refused: {reason}")]
    Refused {
        /// Which.
        replica: ReplicaId,
        /// Why.
        reason: String,
    },
    /// The committee is unsound.
    #[error(transparent)]
    Committee(#[from] QuorumError),
    /// The client's own task has ended.
    #[error("the client is shut down; connect again")]
    Closed,
}
