//! What exactly is signed: `domain (32 bytes) || kind (1 byte) || SHA-256(canonical body) (32 bytes)`.
//!
//! The domain binds a signature to its protocol version, cluster, epoch and configuration; the kind to its type. A body's
//! identity is the digest of its canonical bytes, never its signature.

use crate::digest::{Digest, compare};
use crate::id::{Epoch, ReplicaId};
use crate::planted::{self, Bug};
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::cmp::Ordering;
use core::fmt;

/// An Ed25519 public key, as its 32 bytes. Whether it is a usable point is for `outvote-crypto` to say.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct PublicKey(pub [u8; 32]);

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PublicKey {
    /// Lower-case hexadecimal, 64 characters.
    #[must_use]
    pub fn to_hex(&self) -> String {
        Digest(self.0).to_hex()
    }

    /// Parses 64 hexadecimal characters.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Digest::from_hex(text).map(|digest| Self(digest.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?}", Digest(self.0))
    }
}

/// An Ed25519 signature, as its 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

impl Default for Signature {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sig {:02x}{:02x}", self.0[0], self.0[1])
    }
}

/// The type of a signed body. The numbers are part of the wire format and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Kind {
    /// A client's request (an envelope of operations).
    Request = 1,
    /// An author's own signature under one operation of an envelope.
    Operation = 2,
    /// A leader's header.
    Header = 3,
    /// A PREPARE vote.
    Prepare = 4,
    /// A COMMIT vote.
    Commit = 5,
    /// A SUSPECT.
    Suspect = 6,
    /// The head of a VIEWCHANGE.
    ViewChange = 7,
    /// A NEWVIEW.
    NewView = 8,
    /// A leader's HEARTBEAT.
    Heartbeat = 9,
    /// A STATUS.
    Status = 10,
    /// A CHECKPOINT vote.
    Checkpoint = 11,
    /// A REPLY for one block.
    Reply = 12,
    /// A FETCH.
    Fetch = 13,
    /// An answer to a question that was not ordered.
    Outcome = 14,
}

/// The first 32 signed bytes: which protocol, cluster, epoch and configuration a signature belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(Digest);

impl Domain {
    /// The protocol's version, first in every domain.
    pub const TAG: &'static [u8] = b"outvote/v1";

    /// The domain of what replicas sign.
    #[must_use]
    pub fn replicas(cluster: &Digest, epoch: Epoch, config: &Digest) -> Self {
        // M2: no signature of another cluster, epoch or configuration is valid here.
        let cluster = if planted::is_on(Bug::DomainWithoutCluster) { &Digest::ZERO } else { cluster };
        Self(Digest::of_parts(&[
            Self::TAG,
            &cluster.0,
            &(if planted::is_on(Bug::DomainWithoutEpoch) { 0 } else { epoch.0 }).to_le_bytes(),
            &config.0,
        ]))
    }

    /// The domain of what clients and authors sign: epoch 0 and no configuration, since a pending request must survive a
    /// change of the committee (ADR 0002).
    #[must_use]
    pub fn clients(cluster: &Digest) -> Self {
        // M3: a pending request must survive a change of the committee.
        Self::replicas(cluster, Epoch(0), &Digest::ZERO)
    }

    /// The bytes that are signed for a body of `kind` with this digest.
    #[must_use]
    pub fn signing_bytes(&self, kind: Kind, body: &Digest) -> [u8; 65] {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(&self.0.0);
        bytes[32] = if planted::is_on(Bug::KindUnsigned) { 0 } else { kind as u8 };
        bytes[33..].copy_from_slice(&body.0);
        bytes
    }
}

/// A body that a replica signs.
pub trait Signable: BorshSerialize {
    /// Its type, part of the signed bytes.
    fn kind(&self) -> Kind;

    // M4: the link on which a message came says nothing about who signed it.
    /// The index of the signer, which stands inside the body.
    fn signer(&self) -> ReplicaId;

    /// The body's identity.
    fn digest(&self) -> Digest {
        // M5: of the canonical body, never of a signature.
        Digest::of_canonical(self)
    }
}

/// A body and its signer's signature. Not yet checked: that is what [`crate::Verified`] says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signed<B> {
    /// What was signed.
    pub body: B,
    /// By whom the body says.
    pub signature: Signature,
}
