//! Requests of attackers, good and bad.

use super::Ground;
use outvote_crypto::{KeyPair, sign_request};
use outvote_kv::KvOperation;
use outvote_types::{Blob, BoundedVec, Nonce, Operation, Request, RequestBody, Sealed, ToReplica, encode};
use std::sync::Arc;

/// Bytes of an attacker's value: as much as honest users write.
const VALUE_BYTES: usize = 200;

/// An attacker's key; `None` where the system has no randomness.
pub(super) fn key() -> Option<KeyPair> {
    KeyPair::generate().ok()
}

/// A well signed request that stores something.
pub(super) fn request(ground: &Ground, key: &KeyPair, nonce: u64, story: u8) -> Request {
    let value = vec![story; VALUE_BYTES];
    let bytes = KvOperation::Put { key: format!("attacker {story}").into_bytes(), value }.encode();
    let operation = Operation { author: None, query: false, payload: Blob::new(bytes).unwrap_or_default() };
    let operations = BoundedVec::truncated(vec![operation]);
    sign_request(
        key,
        &ground.domain,
        RequestBody { session: key.public_key(), nonce: Nonce(nonce), operations },
    )
}

/// The same request with another number, which its signature does not cover.
pub(super) fn badly_signed(good: &Request, nonce: u64) -> Request {
    let body = RequestBody { nonce: Nonce(nonce), ..RequestBody::clone(&good.body) };
    Request { body: Sealed::new(body), signature: good.signature }
}

/// A message with these requests.
pub(super) fn frame(requests: Vec<Request>) -> Arc<[u8]> {
    encode(&ToReplica::Submit(BoundedVec::truncated(requests))).into()
}
