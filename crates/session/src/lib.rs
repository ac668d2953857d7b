//! The client's half of the protocol: submit, retry, weigh answers, check receipts.
//!
//! Sans-I/O, like the replica: messages, link changes and ticks go in, [`Output`]s come out, and time is an argument. One
//! [`Pool`] serves any number of sessions (signing keys) over one set of links; [`Session`] is a pool of one. The pool
//! trusts no single replica: what it reports was said, under signature, by more replicas than may lie.
//!
//! Reading order: `tunables`, `output`, `links`, `verifier`, `tally`, `pending`, `lane`, `standing`,
//! `query`, `fetch_receipt`, `pool`, `follow`, then what needs no network: `receipt` and `committee_file`.

pub mod output;
pub mod tunables;

mod jitter;
mod links;
mod tally;
mod verifier;

mod fetch_receipt;
mod lane;
mod pending;
mod query;
mod room;
mod standing;
mod timers;

mod pool;
mod pool_messages;
mod single;

mod follow;

mod committee_fields;
pub mod committee_file;
mod committee_parameters;
pub mod evidence_file;
pub mod receipt;

pub use committee_file::{CommitteeFile, CommitteeFileError, MemberEntry};
pub use committee_parameters::PARAMETERS;
pub use follow::{CommittedBlock, Follower, FollowerOutput};
pub use lane::SessionKey;
pub use output::{
    Answered, Committed, OperationResult, Outcome, Output, QueryId, ReceiptId, Rejected, SubmitError, Ticket,
};
pub use pool::Pool;
pub use receipt::{Receipt, ReceiptError, Verdict};
pub use single::Session;
pub use tunables::Tunables;
pub use verifier::{ReplyVerifier, SharedVerify};
