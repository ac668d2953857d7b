//! The group chat: state machine, HTTP routes and the built page.
//!
//! [`Chat`] is what replicas run. Clients send an encoded [`ChatOperation`], or an encoded [`ChatQuestion`] as a query, and
//! read the reply with [`ChatAnswer::parse`]. Who may do what is decided by the agreed order alone: an operation sees exactly
//! the state that all operations before it left.
//!
//! Every replica can read everything. An invite-only room keeps other *users* out, not the operators of replicas, and a
//! reader's key in a question is a claim, not a proof: reading is confidential only with end-to-end encryption.
//!
//! Reading order: `operation`, `question`, `answer`, `refusal` are what is said; `keys` and `records` are what is kept;
//! `operations` and `questions` have one file per rule; `chat` ties them together. [`import`] and
//! [`terminal`] are for programs that talk to a cluster; `http` is what a replica's page asks.

mod answer;
mod names;
mod operation;
mod question;
mod refusal;

mod keys;
mod records;
mod store;

mod operations;
mod questions;

mod chat;

pub mod import;
pub mod terminal;

#[cfg(feature = "routes")]
mod http;

pub use answer::{ChatAnswer, ChatError, IdentityView, MemberView, MessageView, RoomView};
pub use chat::Chat;
#[cfg(feature = "routes")]
pub use http::routes;
pub use names::{MAX_NAME_BYTES, is_name};
pub use operation::{Access, ChatOperation, MAX_TEXT_BYTES};
pub use question::{ChatQuestion, MAX_PAGE};
pub use refusal::Refusal;
