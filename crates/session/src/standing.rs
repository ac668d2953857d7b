//! Where a session stands: the nonce of its next request, as `n - f` replicas say.

use outvote_types::planted::{self, Bug};
use outvote_types::{Instant, Nonce, Quorum, ReplicaId};
use std::collections::BTreeMap;

/// The answers so far for one session.
#[derive(Debug)]
pub(crate) struct Standing {
    answers: BTreeMap<ReplicaId, Nonce>,
    pub(crate) grace_until: Instant,
    pub(crate) ask_again_at: Instant,
}

impl Standing {
    pub(crate) const fn new(grace_until: Instant, ask_again_at: Instant) -> Self {
        Self { answers: BTreeMap::new(), grace_until, ask_again_at }
    }

    /// Takes a replica's answer; its latest counts.
    pub(crate) fn on_answer(&mut self, from: ReplicaId, next: Nonce) {
        self.answers.insert(from, next);
    }

    pub(crate) fn has(&self, from: ReplicaId) -> bool {
        self.answers.contains_key(&from)
    }

    /// The highest nonce that `f + 1` replicas have reached, once all answered, or once `n - f` did and the grace for
    /// the others is over. Liars can neither push it above what an honest replica says nor hold it back.
    pub(crate) fn decided(&self, quorum: Quorum, now: Instant) -> Option<Nonce> {
        let enough = self.answers.len() >= quorum.n()
            || (self.answers.len() >= quorum.n() - quorum.f() && now >= self.grace_until);
        if !enough {
            return None;
        }
        let mut nonces: Vec<Nonce> = self.answers.values().copied().collect();
        nonces.sort_unstable_by(|a, b| b.cmp(a));
        nonces
            .get(if planted::is_on(Bug::StandingOfLiars) { 0 } else { quorum.f() })
            .map(|nonce| (*nonce).max(Nonce(1)))
    }
}
