//! M6: one verdict on the same bytes, single, batched, cached and through the checker.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, committee_of, key};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_zebra::VerificationKey;
use outvote_crypto::{Check, Checker, Ed25519, Scheme as _, Verifier, check_committee, is_usable_key};
use outvote_types::{Kind, Message, PublicKey, ReplicaId, Signable as _, Signature, Signed, Suspect, View};
use sha2::{Digest as _, Sha512};
use std::sync::Arc;

/// Every encoding of a point of small order: the eight canonical ones and the six that spell them otherwise.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let mut all: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    let with = |first: u8, rest: u8, last: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    all.extend([with(1, 0, 0x80), with(0xec, 0xff, 0xff)]);
    all.extend([
        with(0xee, 0xff, 0x7f),
        with(0xee, 0xff, 0xff),
        with(0xed, 0xff, 0x7f),
        with(0xed, 0xff, 0xff),
    ]);
    all
}

fn signature(r: [u8; 32], s: [u8; 32]) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&r);
    bytes[32..].copy_from_slice(&s);
    Signature(bytes)
}

fn zebra_single(check: &Check) -> bool {
    let signature = ed25519_zebra::Signature::from_bytes(&check.signature.0);
    VerificationKey::try_from(check.key.0).is_ok_and(|key| key.verify(&signature, &check.bytes).is_ok())
}

fn honest(seed: u8, byte: u8) -> Check {
    let bytes = [byte; 65];
    Check { key: key(seed).public_key(), bytes, signature: key(seed).sign_bytes(&bytes) }
}

/// A signature over `bytes` by secret `a` whose key and commitment carry these torsion parts.
fn crafted(a: u64, key_torsion: EdwardsPoint, commitment_torsion: EdwardsPoint, bytes: [u8; 65]) -> Check {
    let (a, r) = (Scalar::from(a), Scalar::from(987_654_321u64));
    let key = (ED25519_BASEPOINT_POINT * a + key_torsion).compress().0;
    let commitment = (ED25519_BASEPOINT_POINT * r + commitment_torsion).compress().0;
    let hash = Sha512::new().chain_update(commitment).chain_update(key).chain_update(bytes).finalize();
    let k = Scalar::from_bytes_mod_order_wide(&hash.into());
    Check { key: PublicKey(key), bytes, signature: signature(commitment, (r + k * a).to_bytes()) }
}

fn edge_cases() -> Vec<(Check, bool)> {
    let mut cases = Vec::new();
    for a in small_order_encodings() {
        for r in small_order_encodings() {
            let check = Check { key: PublicKey(a), bytes: [0x5a; 65], signature: signature(r, [0; 32]) };
            cases.push((check, true));
        }
    }
    for key_torsion in EIGHT_TORSION {
        for commitment_torsion in EIGHT_TORSION {
            let good = crafted(7, key_torsion, commitment_torsion, [3; 65]);
            let mut bad = good.clone();
            bad.bytes[64] ^= 1;
            cases.extend([(good, true), (bad, false)]);
        }
    }
    // s + l signs the same under a rule that forgets to bound s.
    let good = honest(9, 1);
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut l = [0u8; 32];
    hex::decode_to_slice(order, &mut l).unwrap();
    let mut malleable = good.clone();
    let mut carry = 0u16;
    for (byte, add) in malleable.signature.0[32..].iter_mut().zip(l) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let huge = Check { signature: signature([1; 32], [0xff; 32]), ..good.clone() };
    let exactly_l = Check {
        key: PublicKey(small_order_encodings()[0]),
        signature: signature(small_order_encodings()[0], l),
        ..good.clone()
    };
    // y = 2 is on no point of the curve: as a key and as a commitment.
    let mut nowhere = [0; 32];
    nowhere[0] = 2;
    let no_key = Check { key: PublicKey(nowhere), ..good.clone() };
    let no_commitment = Check { signature: signature(nowhere, [0; 32]), ..good.clone() };
    cases.push((good, true));
    cases.extend([malleable, huge, exactly_l, no_key, no_commitment].map(|check| (check, false)));
    cases
}

#[test]
fn fourteen_encodings_of_small_order_are_all_different() {
    let set: std::collections::BTreeSet<_> = small_order_encodings().into_iter().collect();
    assert_eq!(set.len(), 14);
}

// Scenario 32. M6
// Faults: R09
#[test]
fn every_edge_case_has_the_verdict_of_zip_215_however_it_is_judged() {
    let cases = edge_cases();
    assert!(cases.len() > 320);
    let (checks, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let verifier = Verifier::default();
    // All at once: batches with failures inside, which must be split.
    assert_eq!(verifier.verify_all(&checks), expected, "in one batch, with keys not cached");
    assert_eq!(verifier.verify_all(&checks), expected, "in one batch, with keys cached");
    for (check, expected) in checks.iter().zip(&expected) {
        assert_eq!(zebra_single(check), *expected, "the reference, {check:?}");
        assert_eq!(verifier.verify_one(check), *expected, "single, {check:?}");
        assert_eq!(Verifier::default().verify_one(check), *expected, "single, not cached, {check:?}");
        let company = [honest(5, 5), check.clone(), honest(6, 6)];
        assert_eq!(verifier.verify_all(&company), [true, *expected, true], "in company, {check:?}");
    }
}

// Faults: R09
#[test]
fn the_valid_edge_cases_hold_together_in_one_equation() {
    let good: Vec<_> = edge_cases().into_iter().filter(|(_, good)| *good).map(|(check, _)| check).collect();
    assert!(good.len() > 256, "more than one equation");
    assert!(Verifier::default().verify_all(&good).into_iter().all(|verdict| verdict));
}

// Faults: R08, R09, R12
#[test]
fn each_bad_signature_is_found_wherever_it_hides_in_a_batch() {
    // M7: a batch that fails is split until each bad signature is found, and the good ones in it count.
    let verifier = Verifier::default();
    for count in [1usize, 2, 3, 7, 64] {
        let good: Vec<_> =
            (0..count).map(|i| honest(u8::try_from(i % 4).unwrap() + 1, u8::try_from(i).unwrap())).collect();
        assert!(verifier.verify_all(&good).into_iter().all(|verdict| verdict));
        for bad in (0..count).step_by(5) {
            let mut checks = good.clone();
            checks[bad].signature.0[40] ^= 1;
            let expected: Vec<_> = (0..count).map(|i| i != bad).collect();
            assert_eq!(verifier.verify_all(&checks), expected);
        }
    }
    assert!(verifier.verify_all(&[]).is_empty());
}

// Faults: R09
#[test]
fn errors_that_cancel_each_other_do_not_pass_as_a_batch() {
    // The sum of the two equations holds when s moves from one signature to the other; random coefficients notice.
    let (mut a, mut b) = (honest(1, 1), honest(1, 2));
    let scalar = |check: &Check| {
        let mut s = [0; 32];
        s.copy_from_slice(&check.signature.0[32..]);
        Option::<Scalar>::from(Scalar::from_canonical_bytes(s)).unwrap()
    };
    let (one, s_a, s_b) = (Scalar::ONE, scalar(&a), scalar(&b));
    a.signature.0[32..].copy_from_slice(&(s_a + one).to_bytes());
    b.signature.0[32..].copy_from_slice(&(s_b - one).to_bytes());
    assert_eq!(Verifier::default().verify_all(&[a, b]), [false, false]);
}

// Faults: R09
#[test]
fn the_checker_gives_the_same_verdicts() {
    // A committee that no loader would accept, so that its small-order keys reach the checker at all.
    let scheme = Arc::new(Ed25519::new(key(1)));
    for keys in small_order_encodings().chunks(7) {
        let keys: Vec<_> = keys.iter().map(|bytes| PublicKey(*bytes)).collect();
        let committee = committee_of(&keys, 1, 0);
        assert!(check_committee(&committee).is_err());
        let mut checker = Checker::new(committee.clone(), scheme.clone());
        for (replica, member) in (0..).map(ReplicaId).zip(committee.members.iter()) {
            for r in small_order_encodings() {
                let body = Suspect { view: View(4), replica };
                let bytes = committee.domain().signing_bytes(Kind::Suspect, &body.digest());
                for (s, expected) in [([0; 32], true), ([0xff; 32], false)] {
                    let signature = signature(r, s);
                    let check = Check { key: member.consensus_key, bytes, signature };
                    assert_eq!(scheme.verify(&[check]), [expected]);
                    for _ in 0..2 {
                        let message = Message::Suspect(Signed { body, signature });
                        assert_eq!(checker.check(message).is_ok(), expected, "first fresh, then remembered");
                    }
                }
            }
        }
    }
}

// Faults: R09, X16
#[test]
fn small_order_and_non_canonical_keys_are_no_ones_keys() {
    for bytes in small_order_encodings() {
        assert!(!is_usable_key(&PublicKey(bytes)));
        assert!(!Verifier::default().is_usable_key(&PublicKey(bytes)));
        let mut world = World::new();
        let mut members = world.committee.members.clone().into_inner();
        members[2].link_key = PublicKey(bytes);
        world.committee.members = outvote_types::BoundedVec::new(members).unwrap();
        assert!(check_committee(&world.committee).unwrap_err().to_string().contains("link key of member 2"));
    }
    let mut nowhere = [0; 32];
    nowhere[0] = 2;
    assert!(!is_usable_key(&PublicKey(nowhere)));
    assert!(is_usable_key(&key(3).public_key()));
    let mixed = crafted(7, EIGHT_TORSION[1], EIGHT_TORSION[0], [0; 65]).key;
    let keys = [key(1).public_key(), key(2).public_key(), key(3).public_key(), mixed];
    assert!(check_committee(&committee_of(&keys, 0, 0)).is_err(), "a member's key has no torsion part");
    assert!(check_committee(&World::new().committee).is_ok());
}
