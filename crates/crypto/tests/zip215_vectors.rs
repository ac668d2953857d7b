//! The vectors of rule M6, in a file that the page's tests read too: every edge of Ed25519 and its verdict by ZIP-215.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::key;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity as _;
use ed25519_zebra::VerificationKey;
use outvote_crypto::cache::SignatureCache;
use outvote_crypto::{Check, Verifier};
use outvote_types::{PublicKey, Signature};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/zip215.json");
/// Writes the file instead of comparing with it.
const WRITE: &str = "OUTVOTE_WRITE_VECTORS";
/// How many signatures `random_and_bent_signatures...` tries.
const COUNT: &str = "OUTVOTE_SIGNATURES";

/// Every encoding of a point of small order: the eight canonical ones and the six that spell them otherwise.
fn small_order() -> Vec<[u8; 32]> {
    let mut all: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    for (first, rest, last) in [
        (1, 0, 0x80),
        (0xec, 0xff, 0xff),
        (0xee, 0xff, 0x7f),
        (0xee, 0xff, 0xff),
        (0xed, 0xff, 0x7f),
        (0xed, 0xff, 0xff),
    ] {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        all.push(bytes);
    }
    all
}

fn point(bytes: [u8; 32]) -> EdwardsPoint {
    CompressedEdwardsY(bytes).decompress().unwrap()
}

fn challenge(r: &[u8; 32], a: &[u8; 32], bytes: &[u8; 65]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a).chain_update(bytes).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

fn check(a: [u8; 32], bytes: [u8; 65], r: [u8; 32], s: [u8; 32]) -> Check {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    Check { key: PublicKey(a), bytes, signature: Signature(signature) }
}

/// A key's and a commitment's secret, their torsion parts, and how the commitment is spelled if not canonically.
#[derive(Clone, Copy)]
struct Crafted {
    a: u64,
    a_torsion: EdwardsPoint,
    r: u64,
    r_torsion: EdwardsPoint,
}

impl Crafted {
    fn key(&self) -> [u8; 32] {
        (ED25519_BASEPOINT_POINT * Scalar::from(self.a) + self.a_torsion).compress().0
    }
    fn commitment(&self) -> [u8; 32] {
        (ED25519_BASEPOINT_POINT * Scalar::from(self.r) + self.r_torsion).compress().0
    }
    fn s(&self, k: Scalar) -> Scalar {
        Scalar::from(self.r) + k * Scalar::from(self.a)
    }
    fn check(&self, bytes: [u8; 65]) -> Check {
        let (a, r) = (self.key(), self.commitment());
        check(a, bytes, r, self.s(challenge(&r, &a, &bytes)).to_bytes())
    }
    /// Whether the equation holds without the cofactor.
    fn holds_without_cofactor(&self, bytes: &[u8; 65]) -> bool {
        let k = challenge(&self.commitment(), &self.key(), bytes);
        (self.a_torsion * k + self.r_torsion).is_identity()
    }
    /// Whether it would hold if `8k` were reduced before it meets the key's torsion part.
    fn holds_reduced_early(&self, bytes: &[u8; 65]) -> bool {
        let k = challenge(&self.commitment(), &self.key(), bytes);
        (self.a_torsion * (k * Scalar::from(8u64)) + self.r_torsion.mul_by_cofactor()).is_identity()
    }
}

/// The first message for which it is so.
fn message(is_so: impl Fn(&[u8; 65]) -> bool) -> [u8; 65] {
    let all = (0..=255u8).map(|byte| [byte; 65]);
    all.into_iter().find(is_so).unwrap()
}

fn plus_order(s: [u8; 32], times: u8) -> [u8; 32] {
    // The order, little endian.
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let (mut sum, mut carry) = (s, 0u16);
    for (byte, add) in sum.iter_mut().zip(order) {
        let total = u16::from(*byte) + u16::from(add) * u16::from(times) + carry;
        *byte = total.to_le_bytes()[0];
        carry = total >> 8;
    }
    assert_eq!(carry, 0, "it still has 32 bytes");
    sum
}

type Case = (String, Check, bool);

/// The 196 cases of the ZIP-215 test suite, over a message of our length.
fn pairs() -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, a) in small_order().into_iter().enumerate() {
        for (other, r) in small_order().into_iter().enumerate() {
            cases.push((
                format!("small-order key {at}, commitment {other}"),
                check(a, [0x5a; 65], r, [0; 32]),
                true,
            ));
        }
    }
    cases
}

/// The twelve kinds of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko), each made anew over a message of our length.
fn twelve() -> Vec<Case> {
    let (none, eighth) = (EIGHT_TORSION[0], EIGHT_TORSION[1]);
    let mixed = Crafted { a: 7, a_torsion: eighth, r: 11, r_torsion: eighth };
    let cofactorless = message(|bytes| mixed.holds_without_cofactor(bytes));
    let cofactored =
        message(|bytes| !mixed.holds_without_cofactor(bytes) && mixed.holds_reduced_early(bytes));
    let unreduced = message(|bytes| !mixed.holds_reduced_early(bytes));
    let small_key = Crafted { a: 0, a_torsion: eighth, ..mixed };
    let small_commitment = Crafted { r: 0, ..mixed };
    let both = Crafted { a: 0, r: 0, ..mixed };
    let honest = Crafted { a: 9, a_torsion: none, r: 13, r_torsion: none };
    let lift = |times| {
        let mut lifted = honest.check([1; 65]);
        let s: [u8; 32] = lifted.signature.0[32..].try_into().unwrap();
        lifted.signature.0[32..].copy_from_slice(&plus_order(s, times));
        lifted
    };
    // -1 and 1, each spelled with the prime added or the sign of a zero.
    let odd = small_order()[8..].to_vec();
    let mut cases = vec![
        ("0: key and commitment of small order".into(), both.check([2; 65]), true),
        ("1: a key of small order".into(), small_key.check([3; 65]), true),
        ("2: a commitment of small order".into(), small_commitment.check([4; 65]), true),
        ("3: mixed order, also without the cofactor".into(), mixed.check(cofactorless), true),
        ("4: mixed order, with the cofactor alone".into(), mixed.check(cofactored), true),
        ("5: mixed order, wrong if 8k is reduced early".into(), mixed.check(unreduced), true),
        ("6: s plus the order".into(), lift(1), false),
        ("7: s far above the order".into(), lift(14), false),
    ];
    for (at, r) in odd.iter().enumerate() {
        let (a, canonical) = (honest.key(), point(*r).compress().0);
        let s = |r: &[u8; 32]| (challenge(r, &a, &[5; 65]) * Scalar::from(honest.a)).to_bytes();
        cases.push((
            format!("8: odd commitment {at}, hashed as it stands"),
            check(a, [5; 65], *r, s(r)),
            true,
        ));
        let canonically = check(a, [5; 65], *r, s(&canonical));
        cases.push((format!("9: odd commitment {at}, hashed canonically"), canonically, false));
    }
    for (at, a) in odd.iter().enumerate() {
        let r = honest.commitment();
        let s = Scalar::from(honest.r).to_bytes();
        cases.push((
            format!("10 and 11: odd key {at}, whose part the cofactor takes away"),
            check(*a, [6; 65], r, s),
            true,
        ));
    }
    cases
}

/// Encodings that are no point, points spelled with a `y` above the prime, and honest signatures, whole and bent.
fn others() -> Vec<Case> {
    let mut cases = Vec::new();
    let honest =
        Crafted { a: 9, a_torsion: EIGHT_TORSION[0], r: 13, r_torsion: EIGHT_TORSION[0] }.check([1; 65]);
    for y in 0..19u8 {
        // y + p, for every y that has such a second spelling.
        let mut odd = [0xff; 32];
        (odd[0], odd[31]) = (0xed + y, 0x7f);
        let is_point = CompressedEdwardsY(odd).decompress().is_some();
        let is_small = is_point && point(odd).is_small_order();
        let mut other = honest.clone();
        other.key = PublicKey(odd);
        cases.push((format!("another's signature, key {y} + p"), other, false));
        let zero = check(odd, [7; 65], EIGHT_TORSION[0].compress().0, [0; 32]);
        cases.push((format!("s = 0, key {y} + p"), zero, is_small));
        let mut other = honest.clone();
        other.signature.0[..32].copy_from_slice(&odd);
        cases.push((format!("another's s, commitment {y} + p"), other, false));
    }
    for key_torsion in EIGHT_TORSION {
        for r_torsion in EIGHT_TORSION {
            let good = Crafted { a: 21, a_torsion: key_torsion, r: 22, r_torsion }.check([8; 65]);
            let mut bad = good.clone();
            bad.bytes[64] ^= 1;
            cases.push(("a torsion part".into(), good, true));
            cases.push(("a torsion part, another message".into(), bad, false));
        }
    }
    for seed in 1..9u8 {
        let bytes = [seed; 65];
        let good = Check { key: key(seed).public_key(), bytes, signature: key(seed).sign_bytes(&bytes) };
        for bit in [0usize, 8, 247, 255, 256, 300, 500, 511] {
            let mut bad = good.clone();
            bad.signature.0[bit / 8] ^= 1 << (bit % 8);
            cases.push((format!("an honest signature, bit {bit} turned"), bad, false));
        }
        cases.push(("an honest signature".into(), good, true));
    }
    cases
}

fn all() -> Vec<Case> {
    [pairs(), twelve(), others()].concat()
}

fn written(cases: &[Case]) -> String {
    let line = |(about, check, valid): &Case| {
        json!({
            "about": about, "key": check.key.to_hex(), "message": hex::encode(check.bytes),
            "signature": hex::encode(check.signature.0), "valid": valid,
        })
        .to_string()
    };
    let lines: Vec<String> = cases.iter().map(line).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn read() -> Vec<Case> {
    let values: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let case = |value: Value| {
        let check = Check {
            key: PublicKey(bytes(&value["key"]).try_into().unwrap()),
            bytes: bytes(&value["message"]).try_into().unwrap(),
            signature: Signature(bytes(&value["signature"]).try_into().unwrap()),
        };
        (value["about"].as_str().unwrap().to_owned(), check, value["valid"].as_bool().unwrap())
    };
    values.into_iter().map(case).collect()
}

fn reference(check: &Check) -> bool {
    let signature = ed25519_zebra::Signature::from_bytes(&check.signature.0);
    VerificationKey::try_from(check.key.0).is_ok_and(|key| key.verify(&signature, &check.bytes).is_ok())
}

#[test]
fn the_file_of_vectors_is_what_is_derived_here() {
    let cases = all();
    assert!(pairs().len() == 196 && cases.len() > 400);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(FILE, written(&cases)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(FILE).unwrap(), written(&cases), "write it anew with {WRITE}=1");
}

// M6, M7
// Faults: R09
#[test]
fn every_vector_has_one_verdict_single_in_batches_and_cached() {
    let cases = read();
    let checks: Vec<Check> = cases.iter().map(|(_, check, _)| check.clone()).collect();
    let expected: Vec<bool> = cases.iter().map(|(.., valid)| *valid).collect();
    let verifier = Verifier::default();
    assert_eq!(verifier.verify_all(&checks), expected, "one batch, keys fresh");
    assert_eq!(verifier.verify_all(&checks), expected, "one batch, keys remembered");
    let mut known = SignatureCache::default();
    for (about, check, valid) in &cases {
        assert_eq!(reference(check), *valid, "the reference, {about}");
        assert_eq!(verifier.verify_one(check), *valid, "alone, {about}");
        assert_eq!(Verifier::default().verify_one(check), *valid, "alone, its key fresh, {about}");
        let twice = [check.clone(), check.clone(), checks[0].clone()];
        assert_eq!(verifier.verify_all(&twice), [*valid, *valid, true], "in company, {about}");
        if *valid {
            known.insert(check);
        }
    }
    for (about, check, valid) in &cases {
        assert_eq!(known.has(check), *valid, "remembered as found, {about}");
    }
}

/// A small generator, so that the same signatures are tried on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// An honest signature or a vector, half of them with parts of others or a bit turned.
fn drawn(dice: &mut Dice, vectors: &[Check]) -> Check {
    let honest = |dice: &mut Dice| {
        let (seed, bytes) = (dice.below(64) as u8 + 1, [dice.below(256) as u8; 65]);
        Check { key: key(seed).public_key(), bytes, signature: key(seed).sign_bytes(&bytes) }
    };
    let mut check =
        if dice.below(4) == 0 { vectors[dice.below(vectors.len())].clone() } else { honest(dice) };
    let other = &vectors[dice.below(vectors.len())];
    match dice.below(10) {
        0 => check.key = other.key,
        1 => check.signature.0[..32].copy_from_slice(&other.signature.0[..32]),
        2 => check.signature.0[32..].copy_from_slice(&other.signature.0[32..]),
        3 => check.signature.0[dice.below(64)] ^= 1 << dice.below(8),
        4 => check.key.0[dice.below(32)] ^= 1 << dice.below(8),
        _ => {}
    }
    check
}

// Faults: R09
#[test]
fn random_and_bent_signatures_have_one_verdict_however_they_are_judged() {
    let count: usize = std::env::var(COUNT).ok().and_then(|count| count.parse().ok()).unwrap_or(4_000);
    let vectors: Vec<Check> = read().into_iter().map(|(_, check, _)| check).collect();
    let (mut dice, verifier) = (Dice(1), Verifier::default());
    let (mut good, mut left) = (0, count);
    while left > 0 {
        let size = (1 + dice.below(40)).min(left);
        let batch: Vec<Check> = (0..size).map(|_| drawn(&mut dice, &vectors)).collect();
        let expected: Vec<bool> = batch.iter().map(reference).collect();
        assert_eq!(verifier.verify_all(&batch), expected, "batch before the last {left}");
        let alone: Vec<bool> = batch.iter().map(|check| verifier.verify_one(check)).collect();
        assert_eq!(alone, expected, "one by one before the last {left}");
        good += expected.iter().filter(|verdict| **verdict).count();
        left -= size;
    }
    assert!(good * 3 > count && good < count, "both verdicts were given: {good} of {count} hold");
}
