//! One value, one encoding; a decoder never trusts a length.
#![allow(clippy::unwrap_used)]

use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::client::{Hint, ProvenResult, ReceiptParts, StreamedOperation};
use outvote_types::{
    Answer, Author, Blob, BoundedVec, Certificate, Digest, Epoch, Header, Nonce, Operation, Outcome,
    PayloadLeaf, Phase, PublicKey, ReplicaId, Reply, Request, RequestBody, ResultKind, ResultLeaf, Sequence,
    Signature, Signed, ToClient, ToReplica, View, WallTime, decode, encode, merkle,
};
use std::collections::BTreeMap;
use std::fmt::Debug;

// M1, B1
// Faults: M02
#[test]
fn a_lying_length_is_refused_before_anything_is_allocated() {
    let mut bytes = u32::MAX.to_le_bytes().to_vec();
    bytes.extend([0; 8]);
    assert!(decode::<Blob<1024>>(&bytes).is_err());
    assert!(decode::<BoundedVec<u64, 16>>(&bytes).is_err());
}

// Faults: M02
#[test]
fn a_blob_at_its_bound_decodes_and_one_byte_more_does_not() {
    let at = encode(&vec![7u8; 9000]);
    assert_eq!(decode::<Blob<9000>>(&at).unwrap().len(), 9000);
    assert!(decode::<Blob<8999>>(&at).is_err());
}

// M1
// Faults: M04, M05
#[test]
fn trailing_and_missing_bytes_are_errors() {
    let mut bytes = encode(&Digest::of(b"x"));
    bytes.push(0);
    assert!(decode::<Digest>(&bytes).is_err());
    assert!(decode::<Digest>(&bytes[..31]).is_err());
}

fn every_word_of_a_client() -> Vec<ToReplica> {
    let operation = Operation {
        author: Some(Author { key: PublicKey([3; 32]), signature: Signature([4; 64]) }.into()),
        query: false,
        payload: Blob::new(b"hello".to_vec()).unwrap(),
    };
    let operations = BoundedVec::new(vec![operation]).unwrap();
    let body = RequestBody { session: PublicKey([1; 32]), nonce: Nonce(7), operations };
    let request = Request { body: body.into(), signature: Signature([2; 64]) };
    let (session, nonce) = (PublicKey([1; 32]), Nonce(7));
    vec![
        ToReplica::Submit(BoundedVec::new(vec![request.clone(), request]).unwrap()),
        ToReplica::Watch(BoundedVec::new(vec![session]).unwrap()),
        ToReplica::Ask { session, nonce },
        ToReplica::Session(session),
        ToReplica::Query { id: 1, min_sequence: Sequence(2), question: Blob::new(vec![9; 5]).unwrap() },
        ToReplica::Receipt { id: 1, session, nonce, index: 3 },
        ToReplica::ReceiptAt { id: 1, sequence: Sequence(2), position: 3 },
        ToReplica::Follow { from: Sequence(2) },
        ToReplica::More { upto: Sequence(2) },
        ToReplica::Inspect { id: 1, what: Blob::new(b"status".to_vec()).unwrap() },
        ToReplica::Behave { id: 1, behaviour: Blob::new(b"mute".to_vec()).unwrap() },
    ]
}

/// Every part of these words, and every word that differs in one byte: no message, or one that has no other spelling.
fn assert_one_encoding<T: BorshSerialize + BorshDeserialize + Debug + PartialEq>(words: &[T]) {
    for word in words {
        let whole = encode(word);
        assert_eq!(decode::<T>(&whole).unwrap(), *word);
        for length in 0..whole.len() {
            assert!(decode::<T>(&whole[..length]).is_err(), "{word:?} cut to {length} bytes");
        }
        assert!(decode::<T>(&[&whole[..], &[0]].concat()).is_err(), "{word:?} and a byte");
        for (at, value) in (0..whole.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
            let mut changed = whole.clone();
            changed[at] = value;
            if let Ok(other) = decode::<T>(&changed) {
                assert_eq!(encode(&other), changed, "two encodings of {other:?}");
            }
        }
    }
    let kinds = u8::try_from(words.len()).unwrap();
    assert!((kinds..=255u8).all(|kind| decode::<T>(&[&[kind][..], &[0; 200]].concat()).is_err()));
}

// M1, B4: at the gateway's decoder.
// Faults: M04, M05, M06, M19
#[test]
fn what_a_client_says_has_one_encoding_and_no_part_of_it_is_a_message() {
    assert_one_encoding(&every_word_of_a_client());
}

fn leaf_and_answer() -> (ResultLeaf, Answer) {
    let answer = Answer::refused("no-such-room", "there is no room `lobby`");
    let leaf =
        ResultLeaf { request: Digest([5; 32]), index: 1, kind: ResultKind::Refused, answer: answer.digest() };
    (leaf, answer)
}

fn signed<B>(body: B) -> Signed<B> {
    Signed::new(body, Signature([6; 64]))
}

fn reply() -> Signed<Reply> {
    let (id, result_root) = (Digest([7; 32]), Digest([8; 32]));
    signed(Reply { sequence: Sequence(9), id, result_root, replica: ReplicaId(2) })
}

fn header() -> Signed<Header> {
    signed(Header {
        epoch: Epoch(0),
        view: View(2),
        sequence: Sequence(9),
        parent: Digest([1; 32]),
        time: WallTime(77),
        leader: ReplicaId(2),
        batches: BoundedVec::default(),
        payload_root: Digest([2; 32]),
        new_view_digest: Some(Digest([3; 32])),
        control: None,
    })
}

fn receipt_parts() -> ReceiptParts {
    let (result_leaf, answer) = leaf_and_answer();
    let path = merkle::path(&[merkle::leaf(b"a"), merkle::leaf(b"b"), merkle::leaf(b"c")], 1).unwrap();
    let headers = || BoundedVec::new(vec![header()]).unwrap();
    let votes = BoundedVec::new(vec![(ReplicaId(0), Signature([9; 64]))]).unwrap();
    let (view, sequence, id) = (View(2), Sequence(9), Digest([7; 32]));
    let certificate = Certificate { phase: Phase::Commit, view, sequence, id, votes };
    let payload_leaf = PayloadLeaf {
        session: PublicKey([1; 32]),
        nonce: Nonce(7),
        index: 1,
        request: Digest([5; 32]),
        author: PublicKey([3; 32]),
        query: false,
        payload: Digest::of(b"hello"),
    };
    ReceiptParts {
        payload: Blob::new(b"hello".to_vec()).unwrap(),
        payload_leaf,
        payload_path: path.clone(),
        headers: headers(),
        certificate: certificate.clone(),
        released: Some((headers(), certificate)),
        result_leaf,
        result_path: path,
        answer,
        reply: reply(),
    }
}

fn every_word_of_a_replica() -> Vec<ToClient> {
    let (session, nonce) = (PublicKey([1; 32]), Nonce(7));
    let (leaf, answer) = leaf_and_answer();
    let hint = Hint { view: View(2), window_ms: 500 };
    let path = merkle::path(&[merkle::leaf(b"a"), merkle::leaf(b"b")], 1).unwrap();
    let result = ProvenResult { session, nonce, leaf: leaf.clone(), path, answer: answer.clone() };
    let operation = StreamedOperation {
        position: 1,
        leaf,
        author: PublicKey([3; 32]),
        payload: Blob::new(b"hello".to_vec()).unwrap(),
        answer: Answer::done(vec![1, 2]),
    };
    let outcome = Outcome {
        question: Digest([4; 32]),
        sequence: Sequence(9),
        answer: answer.digest(),
        replica: ReplicaId(2),
    };
    vec![
        ToClient::Results { reply: reply(), hint, results: BoundedVec::new(vec![result]).unwrap() },
        ToClient::Busy { session, nonce, retry_after_ms: 50 },
        ToClient::Invalid { session, nonce, reason: Blob::new(b"a bad signature".to_vec()).unwrap() },
        ToClient::Session { session, next: nonce, sequence: Sequence(9) },
        ToClient::Answer { id: 1, outcome: signed(outcome), answer },
        ToClient::Receipt { id: 1, parts: Some(Box::new(receipt_parts())) },
        ToClient::Block {
            header: Box::new(header()),
            reply: reply(),
            operations: BoundedVec::new(vec![operation]).unwrap(),
        },
        ToClient::StreamGone { oldest: Sequence(2) },
        ToClient::Report { id: 1, json: Blob::new(b"{}".to_vec()).unwrap() },
        ToClient::Behaved { id: 1, refusal: Blob::new(b"no demo".to_vec()).unwrap() },
        ToClient::Welcome { cluster: Digest([4; 32]), hint, executed: Sequence(9) },
        ToClient::NotYet(hint),
    ]
}

// M1, B4: at the client's decoder, where a lying replica chooses the bytes.
// Faults: M04, M05, M06, M19
#[test]
fn what_a_replica_says_has_one_encoding_and_no_part_of_it_is_a_message() {
    assert_one_encoding(&every_word_of_a_replica());
}

// M11
#[test]
fn a_tree_whose_leaves_are_replaced_is_the_tree_over_the_new_leaves() {
    for count in 0..40usize {
        let mut leaves: Vec<_> = (0..count).map(|i| merkle::leaf(&i.to_le_bytes())).collect();
        let mut tree = merkle::Tree::new(leaves.clone());
        for step in 1..9usize {
            // Some leaves in no particular distance from each other, and one that does not exist.
            let changes: BTreeMap<usize, Digest> = (0..count + 1)
                .filter(|at| at * step % 5 < 2)
                .map(|at| (at, merkle::leaf(&(at + step * 100).to_le_bytes())))
                .collect();
            for (at, leaf) in &changes {
                leaves.get_mut(*at).into_iter().for_each(|slot| *slot = *leaf);
            }
            tree.replace(&changes);
            assert_eq!(tree.root(), merkle::root(&leaves), "{count} leaves, step {step}");
            assert!((0..count).all(|at| tree.path(at) == merkle::path(&leaves, at)));
        }
    }
}

// M11
// Faults: M19
#[test]
fn every_merkle_path_leads_to_the_root_and_to_no_other() {
    for count in 1..40u32 {
        let leaves: Vec<_> = (0..count).map(|i| merkle::leaf(&i.to_le_bytes())).collect();
        let root = merkle::root(&leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let path = merkle::path(&leaves, index).unwrap();
            assert_eq!(path.root_from(*leaf), Some(root));
            let wrong = merkle::leaf(b"other");
            assert_ne!(path.root_from(wrong), Some(root));
            if count > 1 {
                let mut moved = path.clone();
                moved.index = (moved.index + 1) % count;
                assert_ne!(moved.root_from(*leaf), Some(root), "a leaf proves one place only");
            }
        }
    }
}
