//! The one place where an Ed25519 signature is judged: ZIP-215, single, batched and with cached keys alike.
//!
//! ZIP-215 asks for `[8][s]B = [8]R + [8][k]A` with `s` below the group's order and any encoding of a point for `A` and
//! `R`. The factor 8 is what makes batches agree with single checks. A rule without it lets a crafted signature pass at one
//! replica and fail at another, which splits correct replicas.

use crate::scheme::Check;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use ed25519_zebra::{Signature as ZebraSignature, VerificationKey};
use outvote_types::PublicKey;
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// From this many on, one equation over all is cheaper than one each (measured: 2 signatures, 15 to 30 % less). An
/// accept-only fast path through aws-lc was measured too and is slower than the single equation here.
const BATCH_MIN: usize = 2;
/// Signatures in one equation at most: beyond it the gain is small and a failure costs more to find.
const BATCH_MAX: usize = 256;
/// Decompressed keys in one generation of the cache at most (about 350 bytes each, two generations).
pub const KEY_CACHE_MAX: usize = 8192;

/// A decompressed key.
#[derive(Clone, Copy)]
struct Key {
    /// For single checks, by the audited implementation.
    single: VerificationKey,
    /// For batches, whose coefficients fall on the point itself.
    point: EdwardsPoint,
    /// Canonical and not of small order.
    usable: bool,
}

impl Key {
    fn decompress(key: &PublicKey) -> Option<Self> {
        let point = CompressedEdwardsY(key.0).decompress()?;
        let single = VerificationKey::try_from(key.0).ok()?;
        let usable = point.compress().0 == key.0 && !point.is_small_order();
        Some(Self { single, point, usable })
    }
}

/// Two generations: when the young one is full it becomes the old one, and what is used again moves over.
#[derive(Default)]
struct KeyCache {
    young: HashMap<PublicKey, Key>,
    old: HashMap<PublicKey, Key>,
}

impl KeyCache {
    fn get(&mut self, key: &PublicKey) -> Option<Key> {
        if let Some(found) = self.young.get(key) {
            return Some(*found);
        }
        let found = *self.old.get(key)?;
        self.insert(*key, found);
        Some(found)
    }

    fn insert(&mut self, key: PublicKey, value: Key) {
        if self.young.len() >= KEY_CACHE_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// Judges signatures and remembers decompressed keys. Share one per process; it may be used by many threads at once.
#[derive(Default)]
pub struct Verifier {
    keys: Mutex<KeyCache>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// The verdict on each signature, in order. A batch that fails is split until each bad signature is found.
    #[must_use]
    pub fn verify_all(&self, checks: &[Check]) -> Vec<bool> {
        if let [check] = checks {
            return vec![self.verify_one(check)];
        }
        let keys = self.lookup(checks);
        let mut verdicts = vec![false; checks.len()];
        for first in (0..checks.len()).step_by(BATCH_MAX) {
            let last = checks.len().min(first + BATCH_MAX);
            let terms: Vec<Term> =
                (first..last).filter_map(|at| Term::new(at, keys[at].as_ref()?, &checks[at])).collect();
            judge(&terms, checks, &keys, &mut verdicts);
        }
        verdicts
    }

    /// The verdict on one signature, by the single equation.
    #[must_use]
    pub fn verify_one(&self, check: &Check) -> bool {
        let key = self.lookup(std::slice::from_ref(check)).pop().flatten();
        key.is_some_and(|key| is_valid_single(&key, check))
    }

    /// Whether a key may be registered: see [`crate::is_usable_key`]; this one remembers.
    #[must_use]
    pub fn is_usable_key(&self, key: &PublicKey) -> bool {
        if let Some(found) = self.cache().get(key) {
            return found.usable;
        }
        let Some(fresh) = Key::decompress(key) else { return false };
        self.cache().insert(*key, fresh);
        fresh.usable
    }

    fn cache(&self) -> MutexGuard<'_, KeyCache> {
        // A cache has no invariant that a panic elsewhere could have broken half-way.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lookup(&self, checks: &[Check]) -> Vec<Option<Key>> {
        let mut keys: Vec<Option<Key>> = {
            let mut cache = self.cache();
            checks.iter().map(|check| cache.get(&check.key)).collect()
        };
        // Decompressing is the slow part and happens outside the lock.
        let mut fresh: BTreeMap<PublicKey, Option<Key>> = BTreeMap::new();
        for (slot, check) in keys.iter_mut().zip(checks).filter(|(slot, _)| slot.is_none()) {
            *slot = *fresh.entry(check.key).or_insert_with(|| Key::decompress(&check.key));
        }
        if !fresh.is_empty() {
            let mut cache = self.cache();
            for (key, value) in fresh {
                // Bytes that are no point are not remembered: they cost little, and there are many of them.
                if let Some(value) = value {
                    cache.insert(key, value);
                }
            }
        }
        keys
    }
}

fn is_valid_single(key: &Key, check: &Check) -> bool {
    key.single.verify(&ZebraSignature::from_bytes(&check.signature.0), &check.bytes).is_ok()
}

/// One signature's share in the batch equation. A signature without a term is invalid by its form alone.
struct Term {
    at: usize,
    key: PublicKey,
    a: EdwardsPoint,
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

impl Term {
    fn new(at: usize, key: &Key, check: &Check) -> Option<Self> {
        let mut r_bytes = [0u8; 32];
        let mut s_bytes = [0u8; 32];
        r_bytes.copy_from_slice(&check.signature.0[..32]);
        s_bytes.copy_from_slice(&check.signature.0[32..]);
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s_bytes))?;
        let r = CompressedEdwardsY(r_bytes).decompress()?;
        let hash = Sha512::new().chain_update(r_bytes).chain_update(check.key.0).chain_update(check.bytes);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        Some(Self { at, key: check.key, a: key.point, r, s, k })
    }
}

/// Judges the terms, all at once if they hold, by halves if they do not.
fn judge(terms: &[Term], checks: &[Check], keys: &[Option<Key>], verdicts: &mut [bool]) {
    if terms.len() < BATCH_MIN {
        for term in terms {
            verdicts[term.at] =
                keys[term.at].as_ref().is_some_and(|key| is_valid_single(key, &checks[term.at]));
        }
        return;
    }
    if is_valid_batch(terms, checks) {
        terms.iter().for_each(|term| verdicts[term.at] = true);
        return;
    }
    // M7: a batch that fails is split until each bad signature is found, and the good ones in it count.
    let (left, right) = terms.split_at(terms.len() / 2);
    judge(left, checks, keys, verdicts);
    judge(right, checks, keys, verdicts);
}

/// `[8]( sum(z_i s_i) B - sum(z_i R_i) - sum(z_i k_i A_i) ) = 0`, the terms of one key added up first.
fn is_valid_batch(terms: &[Term], checks: &[Check]) -> bool {
    let coefficients = coefficients(terms, checks);
    let mut base = Scalar::ZERO;
    let mut by_key: BTreeMap<PublicKey, (Scalar, EdwardsPoint)> = BTreeMap::new();
    for (term, z) in terms.iter().zip(&coefficients) {
        base -= z * term.s;
        by_key.entry(term.key).or_insert((Scalar::ZERO, term.a)).0 += z * term.k;
    }
    let scalars = std::iter::once(&base).chain(by_key.values().map(|(k, _)| k)).chain(&coefficients);
    let points = std::iter::once(&ED25519_BASEPOINT_POINT)
        .chain(by_key.values().map(|(_, a)| a))
        .chain(terms.iter().map(|term| &term.r));
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).mul_by_cofactor().is_identity()
}

/// 128-bit coefficients, each a hash of every byte of the batch: nobody can choose signatures whose errors cancel without
/// trying 2^128 batches, and the same batch is judged in the same way everywhere.
fn coefficients(terms: &[Term], checks: &[Check]) -> Vec<Scalar> {
    let mut transcript = Sha256::new();
    for term in terms {
        let check = &checks[term.at];
        transcript.update(check.key.0);
        transcript.update(check.signature.0);
        transcript.update(check.bytes);
    }
    let seed: [u8; 32] = transcript.finalize().into();
    let z = |index: u64| {
        let hash: [u8; 32] =
            Sha256::new().chain_update(seed).chain_update(index.to_le_bytes()).finalize().into();
        let mut low = [0u8; 32];
        low[..16].copy_from_slice(&hash[..16]);
        // The lowest bit is set, so that no coefficient is zero.
        low[0] |= 1;
        Scalar::from_bytes_mod_order(low)
    };
    (0u64..).take(terms.len()).map(z).collect()
}
