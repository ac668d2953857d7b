//! Every message, cut, lengthened, with lying lengths, unknown tags and the largest numbers.
#![allow(clippy::unwrap_used, reason = "tests")]

use borsh::{BorshDeserialize, BorshSerialize};
use outvote_crypto::Checker;
use outvote_fuzzing::allocation::bounded;
use outvote_fuzzing::canonical::read;
use outvote_fuzzing::{client_samples, samples};
use outvote_protocol::Record;
use outvote_sim::random::Random;
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::merkle::Path;
use outvote_types::{
    Blob, BoundedVec, Committee, Digest, Message, Nonce, Operation, PublicKey, Quorum, ReplicaId, Request,
    RequestBody, Signature, decode, encode,
};
use std::sync::Arc;

fn encoded<T: BorshSerialize>(values: &[T]) -> Vec<Vec<u8>> {
    values.iter().map(encode).collect()
}

fn each_cut_is_an_error<T: BorshDeserialize>(values: &[Vec<u8>]) {
    for whole in values {
        for length in 0..whole.len() {
            assert!(decode::<T>(&whole[..length]).is_err(), "cut to {length} of {}", whole.len());
        }
    }
}

// Faults: M04
#[test]
fn no_message_cut_at_any_byte_is_one() {
    each_cut_is_an_error::<Message>(&encoded(&samples::messages()));
    each_cut_is_an_error::<ToReplica>(&encoded(&client_samples::to_replica()));
    each_cut_is_an_error::<ToClient>(&encoded(&client_samples::to_client()));
    each_cut_is_an_error::<Committee>(&encoded(&[samples::committee()]));
    each_cut_is_an_error::<Record>(&encoded(&[Record::Block(Box::new(samples::block())), Record::Retired]));
}

fn each_spelling_is_one<T: BorshSerialize + BorshDeserialize>(values: &[Vec<u8>]) {
    for whole in values {
        assert!(decode::<T>(&[&whole[..], &[0]].concat()).is_err(), "a byte behind it");
        // The longest are lists of digests, in which every byte is as good as its neighbour.
        let tried: &[u8] =
            if whole.len() > 1_000 { &[2, 0xff] } else { &[0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff] };
        for (at, value) in (0..whole.len()).flat_map(|at| tried.iter().map(move |value| (at, *value))) {
            let mut other = whole.clone();
            other[at] = value;
            if let Ok(found) = decode::<T>(&other) {
                assert_eq!(encode(&found), other, "byte {at} as {value}: two spellings");
            }
        }
    }
}

// Faults: M05, M19
#[test]
fn no_message_has_two_spellings() {
    each_spelling_is_one::<Message>(&encoded(&samples::messages()));
    each_spelling_is_one::<ToReplica>(&encoded(&client_samples::to_replica()));
    each_spelling_is_one::<ToClient>(&encoded(&client_samples::to_client()));
    each_spelling_is_one::<Committee>(&encoded(&[samples::committee()]));
}

// Faults: M06
#[test]
fn a_tag_that_nobody_knows_is_refused() {
    let rest = [0; 4096];
    let with = |tag: u8| [&[tag][..], &rest].concat();
    for tag in 0..=u8::MAX {
        assert!(tag < 17 || decode::<Message>(&with(tag)).is_err());
        assert!(tag < 11 || decode::<ToReplica>(&with(tag)).is_err());
        assert!(tag < 12 || decode::<ToClient>(&with(tag)).is_err());
        assert!(tag < 8 || decode::<Record>(&with(tag)).is_err());
    }
}

fn each_lie_is_cheap<T: BorshDeserialize>(values: &[Vec<u8>]) {
    for whole in values {
        let step = if whole.len() > 1_000 { 7 } else { 1 };
        for at in (0..whole.len().saturating_sub(4)).step_by(step) {
            for lie in [0, 0xffff, 1 << 20, 1 << 31, u32::MAX] {
                let mut other = whole.clone();
                other[at..at + 4].copy_from_slice(&lie.to_le_bytes());
                let _ = bounded(other.len(), 4, 96 * 1024, || decode::<T>(&other).is_ok());
            }
        }
    }
}

// Faults: M02
#[test]
fn a_length_that_lies_allocates_next_to_nothing() {
    each_lie_is_cheap::<Message>(&encoded(&samples::messages()));
    each_lie_is_cheap::<ToReplica>(&encoded(&client_samples::to_replica()));
    each_lie_is_cheap::<ToClient>(&encoded(&client_samples::to_client()));
    each_lie_is_cheap::<Committee>(&encoded(&[samples::committee()]));
    // A text and bytes in an application's own operations.
    for lie in [5, 1 << 20, u32::MAX] {
        let operation = [&[0][..], &lie.to_le_bytes(), b"abcd"].concat();
        bounded(operation.len(), 4, 16 * 1024, || {
            assert!(outvote_chat::ChatOperation::decode(&operation).is_err());
            assert!(decode::<outvote_kv::KvOperation>(&operation).is_err());
        });
    }
}

// Faults: M02
#[test]
fn a_message_full_of_empty_operations_takes_memory_in_proportion() {
    let empty = Operation { author: None, query: false, payload: Blob::default() };
    let operations = BoundedVec::new(vec![empty; 1024]).unwrap();
    let body = RequestBody { session: PublicKey([1; 32]), nonce: Nonce(1), operations };
    let request = Request { body: body.into(), signature: Signature::default() };
    let relay = Message::Relay(BoundedVec::new(vec![request; 64]).unwrap());
    let bytes = encode(&relay);
    let found = bounded(bytes.len(), 8, 256 * 1024, || decode::<Message>(&bytes));
    assert_eq!(found.unwrap(), relay);
}

// Nothing is nested in itself, so no input makes a decoder go deeper than the types do.
// Faults: M03
#[test]
fn a_message_of_one_repeated_byte_is_soon_refused() {
    for byte in 0..=u8::MAX {
        let bytes = vec![byte; 1 << 20];
        assert!(read::<Message>(&bytes).is_none() && read::<ToClient>(&bytes).is_none());
    }
}

// Faults: M17
#[test]
fn the_largest_numbers_in_every_place_overflow_nothing() {
    let mut checker = Checker::new(samples::committee(), Arc::new(samples::scheme(0)));
    let quorum = Quorum::byzantine(4).unwrap();
    for message in encoded(&samples::messages()) {
        let step = if message.len() > 1_000 { 11 } else { 1 };
        for at in (1..message.len().saturating_sub(8)).step_by(step) {
            for number in [u64::MAX, u64::MAX - 1, 1 << 63] {
                let mut other = message.clone();
                other[at..at + 8].copy_from_slice(&number.to_le_bytes());
                let Ok(message) = decode::<Message>(&other) else { continue };
                if let Message::Evidence(evidence) = &message {
                    let _ = evidence.charge(quorum, samples::committee().epoch);
                }
                let _ = checker.check(message);
            }
        }
    }
    let mut committee = samples::committee();
    (committee.parameters.checkpoint_interval, committee.parameters.checkpoint_bytes) = (u64::MAX, u64::MAX);
    assert!(committee.leader(outvote_types::View(u64::MAX)).is_some());
    assert!(!committee.parameters.is_checkpoint(outvote_types::Sequence(u64::MAX - 1), 0));
}

// Faults: M18, M19
#[test]
fn a_merkle_path_with_any_place_and_count_leads_to_one_root_or_to_none() {
    let mut random = Random::new(3);
    let edges = [0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX];
    for _ in 0..20_000 {
        let siblings = (0..random.below(34)).map(|at| Digest([at as u8; 32])).collect();
        let Some(siblings) = BoundedVec::new(siblings) else { continue };
        let (index, count) = (*random.pick(&edges), *random.pick(&edges));
        let path = Path { index, count, siblings };
        let root = path.root_from(Digest::ZERO);
        assert!(root.is_none() || index < count, "a place beyond the leaves proves nothing");
    }
}

// Faults: M18, R10
#[test]
fn an_index_beyond_the_committee_is_nobody() {
    let committee = samples::committee();
    let quorum = committee.quorum().unwrap();
    for index in [4, 5, 127, 128, 255, 256, u16::MAX] {
        assert!(committee.member(ReplicaId(index)).is_none() && !quorum.has(ReplicaId(index)));
    }
}
