//! Making signed things.

use crate::scheme::Sign;
use outvote_types::{
    Author, Domain, Kind, Nonce, Operation, PublicKey, Request, RequestBody, Sealed, Signable, Signed,
};

/// Signs a replica's body in the replicas' domain of its committee.
#[must_use]
pub fn sign_body<S: Sign + ?Sized, B: Signable>(signer: &S, replicas: &Domain, body: B) -> Signed<B> {
    let signature = signer.sign(&replicas.signing_bytes(body.kind(), &body.digest()));
    Signed { body, signature }
}

/// Signs a request in the clients' domain. The session is always the signer's own key.
#[must_use]
pub fn sign_request<S: Sign + ?Sized>(signer: &S, clients: &Domain, mut body: RequestBody) -> Request {
    body.session = signer.public_key();
    let body = Sealed::new(body);
    let signature = signer.sign(&clients.signing_bytes(Kind::Request, &body.digest()));
    Request { body, signature }
}

/// Signs one operation as its author, bound to its place `(session, nonce, index)` in somebody's envelope.
#[must_use]
pub fn sign_author<S: Sign + ?Sized>(
    signer: &S,
    clients: &Domain,
    session: &PublicKey,
    nonce: Nonce,
    index: u32,
    operation: &Operation,
) -> Author {
    let bytes = operation.author_signing_bytes(clients, session, nonce, index);
    Author { key: signer.public_key(), signature: signer.sign(&bytes) }
}
