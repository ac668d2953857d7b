//! One good value of every word between clients and replicas.

use crate::samples::{blob, certificate, few, header, request, signed};
use outvote_types::client::{Hint, ProvenResult, ReceiptParts, StreamedOperation, ToClient, ToReplica};
use outvote_types::{
    Answer, Digest, Nonce, Outcome, PayloadLeaf, Phase, PublicKey, ReplicaId, Reply, ResultKind, ResultLeaf,
    Sequence, Signed, View, merkle,
};

const SESSION: PublicKey = PublicKey([1; 32]);
const NONCE: Nonce = Nonce(7);

/// A word of each kind from a client.
#[must_use]
pub fn to_replica() -> Vec<ToReplica> {
    vec![
        ToReplica::Submit(few(vec![request(1), request(2)])),
        ToReplica::Watch(few(vec![SESSION])),
        ToReplica::Ask { session: SESSION, nonce: NONCE },
        ToReplica::Session(SESSION),
        ToReplica::Query { id: 1, min_sequence: Sequence(2), question: blob(b"what?") },
        ToReplica::Receipt { id: 1, session: SESSION, nonce: NONCE, index: 3 },
        ToReplica::ReceiptAt { id: 1, sequence: Sequence(2), position: 3 },
        ToReplica::Follow { from: Sequence(2) },
        ToReplica::More { upto: Sequence(2) },
        ToReplica::Inspect { id: 1, what: blob(b"status") },
        ToReplica::Behave { id: 1, behaviour: blob(b"mute") },
    ]
}

fn leaf() -> (ResultLeaf, Answer) {
    let answer = Answer::refused("no-such-room", "there is no room `lobby`");
    let (request, kind) = (Digest([5; 32]), ResultKind::Refused);
    (ResultLeaf { request, index: 1, kind, answer: answer.digest() }, answer)
}

fn reply() -> Signed<Reply> {
    let (sequence, id, result_root) = (Sequence(9), Digest([7; 32]), Digest([8; 32]));
    signed(Reply { sequence, id, result_root, replica: ReplicaId(2) })
}

fn path() -> merkle::Path {
    merkle::path(&[merkle::leaf(b"a"), merkle::leaf(b"b"), merkle::leaf(b"c")], 1).unwrap_or_default()
}

fn receipt_parts() -> ReceiptParts {
    let (result_leaf, answer) = leaf();
    let payload_leaf = PayloadLeaf {
        session: SESSION,
        nonce: NONCE,
        index: 1,
        request: Digest([5; 32]),
        author: PublicKey([3; 32]),
        query: false,
        payload: Digest::of(b"hello"),
    };
    ReceiptParts {
        payload: blob(b"hello"),
        payload_leaf,
        payload_path: path(),
        headers: few(vec![header()]),
        certificate: certificate(Phase::Commit),
        released: Some((few(vec![header()]), certificate(Phase::Commit))),
        result_leaf,
        result_path: path(),
        answer,
        reply: reply(),
    }
}

/// A word of each kind from a replica.
#[must_use]
pub fn to_client() -> Vec<ToClient> {
    let (leaf, answer) = leaf();
    let hint = Hint { view: View(2), window_ms: 500 };
    let (session, nonce) = (SESSION, NONCE);
    let result = ProvenResult { session, nonce, leaf: leaf.clone(), path: path(), answer: answer.clone() };
    let operation = StreamedOperation {
        position: 1,
        leaf,
        author: PublicKey([3; 32]),
        payload: blob(b"hello"),
        answer: Answer::done(vec![1, 2]),
    };
    let (question, sequence, replica) = (Digest([4; 32]), Sequence(9), ReplicaId(2));
    let outcome = signed(Outcome { question, sequence, answer: answer.digest(), replica });
    vec![
        ToClient::Results { reply: reply(), hint, results: few(vec![result]) },
        ToClient::Busy { session, nonce, retry_after_ms: 50 },
        ToClient::Invalid { session, nonce, reason: blob(b"a bad signature") },
        ToClient::Session { session, next: nonce, sequence },
        ToClient::Answer { id: 1, outcome, answer },
        ToClient::Receipt { id: 1, parts: Some(Box::new(receipt_parts())) },
        ToClient::Block { header: Box::new(header()), reply: reply(), operations: few(vec![operation]) },
        ToClient::StreamGone { oldest: Sequence(2) },
        ToClient::Report { id: 1, json: blob(b"{}") },
        ToClient::Behaved { id: 1, refusal: blob(b"no demo") },
        ToClient::Welcome { cluster: Digest([4; 32]), hint, executed: sequence },
        ToClient::NotYet(hint),
    ]
}
