//! What handles ask of the task that owns the pool.

use crate::client::{Finished, LinkState};
use crate::error::ClientError;
use outvote_session::{Answered, CommittedBlock, Receipt, SessionKey, Ticket};
use outvote_types::{Nonce, Operation, PublicKey, ReplicaId, Request, Sequence};
use tokio::sync::{mpsc, oneshot};

/// Makes an envelope once its nonce is known, for operations that their authors sign.
pub(crate) type MakeOperations = Box<dyn FnOnce(Nonce) -> Vec<Operation> + Send>;

/// What is to be submitted.
pub(crate) enum Work {
    /// These operations.
    Operations(Vec<Operation>),
    /// Operations that depend on the nonce.
    Make(MakeOperations),
    /// A request that is signed already.
    Signed(Box<Request>),
}

/// A place for a result.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, ClientError>>;
/// Blocks on their way to a follower's owner. The stream's window bounds how many there are.
pub(crate) type Blocks = mpsc::UnboundedSender<Result<CommittedBlock, ClientError>>;

/// Everything that a handle can ask.
pub(crate) enum Command {
    Open {
        signer: SessionKey,
        next: Option<Nonce>,
        answer: Answer<()>,
    },
    Close {
        session: PublicKey,
    },
    Submit {
        session: PublicKey,
        work: Work,
        answer: Answer<Finished>,
    },
    AskAgain {
        ticket: Ticket,
        answer: Answer<Finished>,
    },
    Query {
        via: Option<PublicKey>,
        question: Vec<u8>,
        min_sequence: Option<Sequence>,
        answer: Answer<Answered>,
    },
    Receipt {
        ticket: Ticket,
        index: u32,
        answer: Answer<Receipt>,
    },
    ReceiptAt {
        sequence: Sequence,
        position: u32,
        answer: Answer<Receipt>,
    },
    Follow {
        from: Sequence,
        blocks: Blocks,
        answer: Answer<u64>,
    },
    Taken {
        follow: u64,
        upto: Sequence,
    },
    Unfollow {
        follow: u64,
    },
    Inspect {
        replica: ReplicaId,
        what: String,
        answer: Answer<String>,
    },
    Behave {
        replica: ReplicaId,
        behaviour: String,
        answer: Answer<String>,
    },
    Links {
        answer: Answer<Vec<LinkState>>,
    },
}
