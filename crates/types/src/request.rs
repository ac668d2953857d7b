//! What clients sign: an envelope of operations under one session key and one nonce.

use crate::bounded::{Blob, BoundedVec};
use crate::digest::Digest;
use crate::id::Nonce;
use crate::limits::{MAX_OPERATION_BYTES, MAX_OPERATIONS_PER_REQUEST};
use crate::planted::{self, Bug};
use crate::sealed::Sealed;
use crate::signing::{Domain, Kind, PublicKey, Signature};
use alloc::boxed::Box;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// An author's own signature under one operation that travels in somebody else's session.
///
/// It is bound to the session, the nonce and the operation's index in the envelope, so the session's owner can neither
/// replay nor reorder it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Author {
    /// The author's key.
    pub key: PublicKey,
    /// Signs [`Operation::author_signing_bytes`].
    pub signature: Signature,
}

/// One operation of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Operation {
    /// Who wrote it, if not the session's own key. Apart, since most have none: an operation with nothing in it has 6 bytes on
    /// the wire, and a liar can send a million of them in one message.
    pub author: Option<Box<Author>>,
    /// Whether this is a question that only reads (an ordered, linearizable read).
    pub query: bool,
    /// The application's bytes.
    pub payload: Blob<MAX_OPERATION_BYTES>,
}

impl Operation {
    /// The bytes that an author signs for the operation at `index` of the envelope `(session, nonce)`.
    #[must_use]
    pub fn author_signing_bytes(
        &self,
        domain: &Domain,
        session: &PublicKey,
        nonce: Nonce,
        index: u32,
    ) -> [u8; 65] {
        // M10: bound to session, nonce and index, so that it cannot be moved elsewhere.
        let body = Digest::of_parts(&[
            &session.0,
            &(if planted::is_on(Bug::AuthorWithoutNonce) { 0 } else { nonce.0 }).to_le_bytes(),
            &(if planted::is_on(Bug::AuthorWithoutIndex) { 0 } else { index }).to_le_bytes(),
            &[u8::from(self.query)],
            &Digest::of(&self.payload).0,
        ]);
        domain.signing_bytes(Kind::Operation, &body)
    }
}

/// The signed part of a request.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RequestBody {
    /// The session: the key that orders these operations and signs the envelope.
    pub session: PublicKey,
    /// The session's counter, from 1 without gaps.
    pub nonce: Nonce,
    /// The operations, executed in this order. At least one.
    pub operations: BoundedVec<Operation, MAX_OPERATIONS_PER_REQUEST>,
}

impl RequestBody {
    /// The request's identity.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self)
    }
}

/// A signed envelope of operations.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Request {
    /// What is asked.
    pub body: Sealed<RequestBody>,
    /// The session key's signature over the body, of [`Kind::Request`] in the clients' domain.
    pub signature: Signature,
}

impl Request {
    /// The request's identity: the digest of its body, never of its signature.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.body.digest()
    }

    /// Every `(key, signed bytes, signature)` that must hold for this request to be valid.
    #[must_use]
    pub fn signatures(&self, domain: &Domain) -> Vec<(PublicKey, [u8; 65], Signature)> {
        let body = &self.body;
        let own = (body.session, domain.signing_bytes(Kind::Request, &self.digest()), self.signature);
        let authors = body.operations.iter().zip(0u32..).filter_map(|(operation, index)| {
            let author = operation.author.as_deref()?;
            let bytes = operation.author_signing_bytes(domain, &body.session, body.nonce, index);
            Some((author.key, bytes, author.signature))
        });
        core::iter::once(own).chain(authors).collect()
    }

    /// The canonical size in bytes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        let operations: usize = self
            .body
            .operations
            .iter()
            .map(|o| 6 + o.payload.len() + o.author.as_ref().map_or(0, |_| 96))
            .sum();
        64 + 32 + 8 + 4 + operations
    }
}
