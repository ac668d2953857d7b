//! Counts: signatures by whose they are, frames by kind, and when blocks and requests ended.

use crate::keys::TagScheme;
use crate::network::Kind;
use outvote_crypto::{Check, Scheme};
use outvote_types::{PublicKey, Sequence, Signature};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Sub;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Signatures up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Made.
    pub(super) made: u64,
    /// Checked, of replicas.
    pub(super) of_members: u64,
    /// Checked, of clients.
    pub(super) of_clients: u64,
}

impl Sub for Totals {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            made: self.made - earlier.made,
            of_members: self.of_members - earlier.of_members,
            of_clients: self.of_clients - earlier.of_clients,
        }
    }
}

/// The stand-in for Ed25519, with a count of what it was asked for.
pub(super) struct Counted {
    inner: TagScheme,
    members: Arc<BTreeSet<PublicKey>>,
    made: AtomicU64,
    of_members: AtomicU64,
    of_clients: AtomicU64,
}

impl Counted {
    pub(super) fn new(inner: TagScheme, members: Arc<BTreeSet<PublicKey>>) -> Self {
        let zero = AtomicU64::default;
        Self { inner, members, made: zero(), of_members: zero(), of_clients: zero() }
    }

    pub(super) fn totals(&self) -> Totals {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Totals { made: of(&self.made), of_members: of(&self.of_members), of_clients: of(&self.of_clients) }
    }
}

impl Scheme for Counted {
    fn sign(&self, bytes: &[u8; 65]) -> Signature {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.inner.sign(bytes)
    }
    fn public_key(&self) -> PublicKey {
        Scheme::public_key(&self.inner)
    }
    fn verify(&self, checks: &[Check]) -> Vec<bool> {
        let of_members = checks.iter().filter(|check| self.members.contains(&check.key)).count() as u64;
        self.of_members.fetch_add(of_members, Ordering::Relaxed);
        self.of_clients.fetch_add(checks.len() as u64 - of_members, Ordering::Relaxed);
        self.inner.verify(checks)
    }
    fn is_usable_key(&self, key: &PublicKey) -> bool {
        self.inner.is_usable_key(key)
    }
}

/// What all replicas together did up to a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    pub(super) now_ns: u64,
    pub(super) signatures: Totals,
    /// Frames sent, each copy by itself, and their bytes, by kind.
    pub(super) frames: BTreeMap<Kind, (u64, u64)>,
    /// Nanoseconds worked by all replicas.
    pub(super) worked_ns: u64,
    /// Nanoseconds worked by the leader, and by its own thread.
    pub(super) leader_ns: (u64, u64),
    /// Requests that their clients saw answered.
    pub(super) answered: u64,
}

/// What is kept while a scenario runs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) frames: BTreeMap<Kind, (u64, u64)>,
    proposed: BTreeMap<Sequence, u64>,
    /// From the proposal to each replica's commit, nanoseconds, by block.
    commits: BTreeMap<Sequence, Vec<u64>>,
    /// Requests in blocks.
    pub(super) requests: BTreeMap<Sequence, u64>,
    /// From the request to the last of the answers that a client needs: when it ended, and how long it took.
    pub(super) answers: Vec<(u64, u64)>,
    /// Requests that a replica called itself too busy for.
    pub(super) refused: u64,
    /// How often a leader was suspected, by the letter of the reason (V3).
    pub(super) suspicions: BTreeMap<char, u64>,
    /// Questions of replicas for blocks, which nobody answers here.
    pub(super) questions: u64,
}

impl Tally {
    pub(super) fn sent(&mut self, frame: &[u8]) {
        if let Some(kind) = Kind::of(frame) {
            let (count, bytes) = self.frames.entry(kind).or_default();
            (*count, *bytes) = (*count + 1, *bytes + frame.len() as u64);
        }
    }

    pub(super) fn proposed(&mut self, sequence: Sequence, now_ns: u64) {
        self.proposed.entry(sequence).or_insert(now_ns);
    }

    pub(super) fn committed(&mut self, sequence: Sequence, requests: u64, now_ns: u64) {
        self.requests.insert(sequence, requests);
        if let Some(begun) = self.proposed.get(&sequence) {
            self.commits.entry(sequence).or_default().push(now_ns - begun);
        }
    }

    /// From proposal to commit, of all replicas and of these blocks, nanoseconds.
    pub(super) fn commits_ns(&self, first: Sequence, last: Sequence) -> Vec<u64> {
        self.commits.range(first..=last).flat_map(|(_, each)| each.iter().copied()).collect()
    }
}
