//! Which run of a member's process speaks, and proofs that two of them live at once with the same keys (D27).
//!
//! A process draws a number at its start and names it on each link. Whoever is greeted by two processes with one key tells each
//! of them of the other, and the one that was started first signs that it lives and has heard of the other's number. Nobody can
//! have known that number before the other one was started, so the statement is its proof: two lived at once. No clock, no
//! waiting, and no word of a third party is believed. A restart never looks like that, since a process that has ended signs
//! nothing.

use crate::key::LinkKey;
use outvote_crypto::{Check, Verifier};
use outvote_types::{Digest, PublicKey, Signature};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of an instance as it is told.
pub const INSTANCE_BYTES: usize = 24;
/// What the statements' signatures are for, and nothing else.
const DOMAIN: &[u8] = b"outvote/instance/v1";

/// One run of a process, from its start to its end. The earlier started one of two is the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    started_us: u64,
    number: [u8; 16],
}

impl Instance {
    /// A process that started at this wall-clock time, microseconds since the Unix epoch, and drew this number.
    #[must_use]
    pub const fn new(started_us: u64, number: [u8; 16]) -> Self {
        Self { started_us, number }
    }

    /// This process: now, and a number that nobody can guess.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn draw() -> io::Result<Self> {
        let mut number = [0; 16];
        getrandom::fill(&mut number).map_err(io::Error::other)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Ok(Self::new(u64::try_from(since.as_micros()).unwrap_or(u64::MAX), number))
    }

    /// When it says that it was started: wall-clock microseconds since the Unix epoch.
    #[must_use]
    pub const fn started_us(&self) -> u64 {
        self.started_us
    }

    /// As it is told; `None` as zeros.
    pub(crate) fn told(this: Option<Self>) -> [u8; INSTANCE_BYTES] {
        let mut told = [0; INSTANCE_BYTES];
        if let Some(Self { started_us, number }) = this {
            told[..8].copy_from_slice(&started_us.to_be_bytes());
            told[8..].copy_from_slice(&number);
        }
        told
    }

    /// From what was told; `None` for zeros.
    pub(crate) fn from_told(told: &[u8; INSTANCE_BYTES]) -> Option<Self> {
        let (mut started_us, mut number) = ([0; 8], [0; 16]);
        started_us.copy_from_slice(&told[..8]);
        number.copy_from_slice(&told[8..]);
        (*told != [0; INSTANCE_BYTES]).then(|| Self::new(u64::from_be_bytes(started_us), number))
    }
}

/// The earlier started process says, under the key of both, that it has heard of the later one: it lived when that one had
/// been started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whose statement it is.
    pub elder: Instance,
    /// Of whom.
    pub younger: Instance,
    /// By the link key of both.
    pub signature: Signature,
}

impl Proof {
    /// Makes the statement.
    #[must_use]
    pub fn sign(key: &LinkKey, cluster: &Digest, elder: Instance, younger: Instance) -> Self {
        let signature = key.sign(&statement(cluster, elder, younger));
        Self { elder, younger, signature }
    }

    /// Whether it is true, if this is the key.
    #[must_use]
    pub fn holds(&self, key: &PublicKey, cluster: &Digest) -> bool {
        let bytes = statement(cluster, self.elder, self.younger);
        let check = Check { key: *key, bytes, signature: self.signature };
        self.elder < self.younger && Verifier::default().verify_one(&check)
    }
}

/// What is signed: the domain, a kind that no message has, and the digest of the rest.
fn statement(cluster: &Digest, elder: Instance, younger: Instance) -> [u8; 65] {
    let said = [&cluster.0[..], &Instance::told(Some(elder)), &Instance::told(Some(younger))].concat();
    let mut bytes = [0; 65];
    bytes[..32].copy_from_slice(&Digest::of(DOMAIN).0);
    bytes[33..].copy_from_slice(&Digest::of(&said).0);
    bytes
}

/// What is known of the processes of one member: three places, whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acquaintance {
    latest: Option<Instance>,
    other: Option<Instance>,
    proof: Option<Proof>,
}

impl Acquaintance {
    /// A process of this member is there. Tells whether another one was there last, and what to tell this one: a proof that it
    /// must end, or which other one was met.
    pub fn meet(&mut self, this: Instance) -> (bool, Word) {
        if let Some(proof) = self.proof.filter(|proof| proof.younger == this) {
            return (false, Word { other: Some(proof.elder), signature: Some(proof.signature) });
        }
        let is_new = self.latest != Some(this);
        if is_new {
            self.other = self.latest.replace(this);
        }
        (is_new, Word { other: self.other, signature: None })
    }

    /// Keeps a proof that holds; whether it is another one than before.
    pub fn keep(&mut self, proof: Proof) -> bool {
        self.proof.replace(proof) != Some(proof)
    }
}

/// What one end of a link tells the other of its key's other processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Another process that was met with the key.
    pub other: Option<Instance>,
    /// Its statement that it lives and is the elder one, if it made one.
    pub signature: Option<Signature>,
}
