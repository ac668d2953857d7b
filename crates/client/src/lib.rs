//! The client on tokio and TLS.
//!
//! [`Client::builder`] connects to a committee; every clone and every further session of a [`Client`] shares the same
//! links. One task owns the sans-I/O pool of `outvote-session`, one task serves each link, and nothing is behind a lock.
//! Up to `f` replicas may be dead or lie from the start.

mod error;

mod command;
mod link;

mod driver;
mod driver_links;

mod builder;
mod client;
mod follow;

pub use builder::ClientBuilder;
pub use client::{Client, Finished, LinkState, Submission};
pub use error::ClientError;
pub use follow::Follow;
pub use outvote_session::{
    Answered, Committed, CommittedBlock, CommitteeFile, MemberEntry, Outcome, Receipt, Rejected, SessionKey,
    Ticket, Tunables, Verdict,
};
