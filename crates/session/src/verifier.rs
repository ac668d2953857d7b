//! Checks the replicas' signed words on blocks, each of them once.

use outvote_crypto::{Keyring, Verify, check_outcome, check_reply};
use outvote_types::planted::{self, Bug};
use outvote_types::reply::Outcome;
use outvote_types::{ReplicaId, Reply, Signed};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// What judges signatures: a bare verifier, or a scheme of the simulator.
pub type SharedVerify = Arc<dyn Verify + Send + Sync>;

/// Checked words that are remembered at most; some seconds of blocks of every replica.
const MAX_CHECKED_WORDS: usize = 4096;

/// Checks signatures of replicas; shared by all sessions of a pool, so that one signature per block and replica is
/// checked however many sessions have results in the block.
pub struct ReplyVerifier {
    verify: SharedVerify,
    keyring: Arc<Keyring>,
    checked: BTreeSet<Signed<Reply>>,
    order: VecDeque<Signed<Reply>>,
}

impl ReplyVerifier {
    /// A verifier for the words of this committee's members.
    #[must_use]
    pub fn new(keyring: Arc<Keyring>, verify: SharedVerify) -> Self {
        Self { verify, keyring, checked: BTreeSet::new(), order: VecDeque::new() }
    }

    /// Whether `from` itself signed this word on a block.
    pub fn is_word_of(&mut self, from: ReplicaId, reply: &Signed<Reply>) -> bool {
        if reply.body.replica != from && !planted::is_on(Bug::WordOfAnother) {
            return false;
        }
        if self.checked.contains(reply) {
            return true;
        }
        if !check_reply(&*self.verify, &self.keyring, reply) && !planted::is_on(Bug::ReplyUnsigned) {
            return false;
        }
        if self.order.len() >= MAX_CHECKED_WORDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.checked.remove(&oldest);
        }
        self.checked.insert(reply.clone());
        self.order.push_back(reply.clone());
        true
    }

    /// Whether `from` itself signed this answer to a question.
    #[must_use]
    pub fn is_answer_of(&self, from: ReplicaId, outcome: &Signed<Outcome>) -> bool {
        outcome.body.replica == from && check_outcome(&*self.verify, &self.keyring, outcome)
    }

    /// The committee with its domains.
    #[must_use]
    pub const fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// What judges signatures.
    #[must_use]
    pub fn verify(&self) -> &(dyn Verify + Send + Sync) {
        &*self.verify
    }
}
