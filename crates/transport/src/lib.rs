//! Encrypted, authenticated links between known keys.
//!
//! TLS 1.3 alone, raw Ed25519 keys (RFC 7250) pinned to the committee, hybrid post-quantum key exchange. The crate moves
//! sealed frames and knows nothing of what they mean. Two connections join each pair of members, so that votes never
//! wait behind bulk data; clients come through the same listener and prove themselves by what they sign.
//!
//! Nothing here ever makes a sender wait, and nothing grows without a bound: queues drop their oldest frames, a reader
//! whose consumer lags stops reading, and a connection that does not move is closed.

pub mod error;
pub mod limits;

mod sync;

pub mod key;
pub mod tls;

pub mod frame;
pub mod socket;

pub mod event;
pub mod outbox;

mod accept;
mod admission;
mod dial;
mod dialler;
mod link;

pub mod hello;
pub mod identity;
pub mod instance;
pub mod introduction;
pub mod refusals;

pub mod client;
pub mod links;

#[doc(hidden)]
pub mod probes;

pub use client::{ClientConnection, FrameReader, FrameWriter, connect_client, connect_client_over};
pub use error::TransportError;
pub use event::{Budget, LinkEvent, LinkSink};
pub use identity::ClusterIdentity;
pub use instance::Instance;
pub use key::LinkKey;
pub use limits::Limits;
pub use links::{Links, LinksConfig, PeerAddress, PeerSender, PeerState};
pub use socket::bind;
