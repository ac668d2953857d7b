//! What can go wrong on the way to a peer: what, where and how to mend it.

use outvote_types::{PublicKey, ReplicaId};
use std::io;
use std::net::SocketAddr;

/// A link or listener that does not work.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Another process listens there.
    #[error(
        "{address} is in use by another process: stop it (perhaps this very node runs already), or choose another \
         address as `listen` under [network] in config/config.toml"
    )]
    PortInUse {
        /// Where.
        address: SocketAddr,
    },
    /// The system does not let us listen there.
    #[error(
        "cannot listen on {address}: {source}; choose an address of this machine and a port from 1024 on"
    )]
    Bind {
        /// Where.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// Nobody answers.
    #[error(
        "cannot reach {address}: {source}; is the node running, and does a firewall let its port through?"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// The system's words.
        source: io::Error,
    },
    /// Somebody answers too slowly, or not at all.
    #[error(
        "{address} did not finish the handshake within {limit_ms} ms: it hangs, or it is no Outvote node"
    )]
    Deadline {
        /// Where.
        address: String,
        /// The limit.
        limit_ms: u64,
    },
    /// Somebody else answers.
    #[error(
        "{address} showed the link key {found}, and the committee file has link_key {expected} for it: the address belongs to \
         another node or another cluster, or somebody sits in between; compare the committee files"
    )]
    WrongKey {
        /// Where.
        address: String,
        /// The key that was expected, hexadecimal.
        expected: String,
        /// The key that was shown, hexadecimal.
        found: String,
    },
    /// The other end does not want us.
    #[error(
        "{address} refused this node's link key {ours}: {why}; compare the committee files of both nodes, and the \
         link key in this node's home"
    )]
    Refused {
        /// Where.
        address: String,
        /// Our key, hexadecimal.
        ours: String,
        /// The other end's words.
        why: String,
    },
    /// The other end knows our key, and yet we do not belong together.
    #[error(
        "{address} turned this node away: {why}; compare the committee files and the versions of both nodes"
    )]
    TurnedAway {
        /// Where.
        address: String,
        /// Why, for either side.
        why: String,
    },
    /// Two processes with the other end's key live at once, and this was the one that must end.
    #[error(
        "member {peer} runs twice with the same keys, here and somewhere else; the process that was started later was told to \
         end (D27)"
    )]
    PeerRunsTwice {
        /// Which member.
        peer: ReplicaId,
    },
    /// Another process with our key was started before this one, and lives.
    #[error("another process with this node's keys runs, and was started before this one (D27)")]
    WeRunTwice,
    /// The other end does not speak our protocol.
    #[error(
        "{address} does not speak Outvote's protocol: {why}; is it another program's port, or another version?"
    )]
    NotOurs {
        /// Where.
        address: String,
        /// What it did.
        why: String,
    },
    /// A frame is longer than its class allows; the connection is closed.
    #[error(
        "a frame of {found} bytes is longer than the {limit} bytes allowed here; the connection was closed"
    )]
    FrameTooLong {
        /// What the length field said.
        found: u64,
        /// The bound.
        limit: usize,
    },
    /// The connection ended.
    #[error("the connection ended: {0}; it is dialled again if it was ours to dial")]
    Broken(#[from] io::Error),
    /// The address is not one.
    #[error("{address} is no address: {why}; write it as host:port, such as 127.0.0.1:7101")]
    BadAddress {
        /// What was given.
        address: String,
        /// The system's words.
        why: String,
    },
    /// The link key does not work with TLS.
    #[error("the link key cannot be used for TLS: {0}; make a new one with `outvote init`")]
    Key(#[from] rustls::Error),
}

/// A key in words: all of it, so that people can compare.
pub(crate) fn key_text(key: Option<PublicKey>) -> String {
    key.map_or_else(|| "none (no raw Ed25519 key)".into(), |key| key.to_hex())
}
