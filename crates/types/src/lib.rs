//! Identifiers, quorum arithmetic, messages and their one canonical encoding.
//!
//! Everything that two replicas must see alike lives here: what a message is, which bytes of it are signed, how many votes
//! make a quorum. The crate has no clock, no randomness, no keys and no I/O.
//!
//! Reading order: [`id`], [`digest`], [`quorum`], [`signing`], then the messages in the order in which a replica meets
//! them: [`request`], [`block`], [`vote`], [`view_change`], [`checkpoint`], [`reply`], [`evidence`], [`fetch`], [`reminder`],
//! [`message`], [`client`].
#![no_std]

extern crate alloc;

pub mod bounded;
pub mod codec;
pub mod digest;
pub mod id;
pub mod limits;
pub mod merkle;
pub mod planted;
pub mod quorum;
pub mod sealed;
pub mod signing;
pub mod verified;

pub mod committee;

pub mod block;
pub mod checkpoint;
pub mod client;
pub mod evidence;
pub mod fetch;
pub mod message;
pub mod reminder;
pub mod reply;
pub mod request;
pub mod view_change;
pub mod vote;

pub use block::{Batch, BatchRef, Block, Header, SignedHeader};
pub use bounded::{Blob, BoundedVec};
pub use checkpoint::{CheckpointCertificate, CheckpointVote};
pub use client::{ToClient, ToReplica};
pub use codec::{DecodeError, decode, encode};
pub use committee::{Committee, Member, Mode, Parameters};
pub use digest::Digest;
pub use evidence::{Evidence, Rule};
pub use fetch::{Data, Fetch, Snapshot};
pub use id::{Epoch, Instant, Nonce, Rank, ReplicaId, Sequence, View, WallTime};
pub use message::{Body, Heartbeat, Message, Prepare, Propose, Status};
pub use quorum::{Quorum, QuorumError};
pub use reminder::Reminder;
pub use reply::{Answer, Outcome, PayloadLeaf, Reply, ResultKind, ResultLeaf};
pub use request::{Author, Operation, Request, RequestBody};
pub use sealed::Sealed;
pub use signing::{Domain, Kind, PublicKey, Signable, Signature, Signed};
pub use verified::Verified;
pub use view_change::{NewView, NewViewBody, Suspect, TimeoutCertificate, ViewChange, ViewChangeHead};
pub use vote::{Certificate, Phase, Vote};
