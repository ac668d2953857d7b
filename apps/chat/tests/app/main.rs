//! The chat: its rules, its page and its API.

mod anything;
#[cfg(feature = "routes")]
#[path = "common/cluster.rs"]
mod cluster;
mod common;
mod damage;
mod identities;
mod memberships;
mod messages;
#[cfg(feature = "routes")]
mod openapi;
mod secrecy;
#[cfg(feature = "routes")]
mod served;
#[cfg(feature = "routes")]
mod subscribers;
mod terminals;
