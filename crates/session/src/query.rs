//! Questions that need no ordering, answered by `f + 1` replicas alike.

use crate::output::{Answered, Ticket};
use outvote_types::planted::{self, Bug};
use outvote_types::reply::Outcome as SignedOutcome;
use outvote_types::{Answer, Digest, Instant, PublicKey, Quorum, ReplicaId, Sequence, Signed};
use std::collections::BTreeMap;

/// One question on its way.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) question: Vec<u8>,
    digest: Digest,
    pub(crate) min_sequence: Sequence,
    /// The session under which it is ordered if replicas do not agree in time.
    pub(crate) via: Option<PublicKey>,
    /// Set once it was ordered.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) deadline: Instant,
    pub(crate) order_at: Instant,
    pub(crate) timer_at: Instant,
    answers: BTreeMap<ReplicaId, (Signed<SignedOutcome>, Answer)>,
}

impl Query {
    pub(crate) fn new(
        question: Vec<u8>,
        min_sequence: Sequence,
        via: Option<PublicKey>,
        deadline: Instant,
        order_at: Instant,
    ) -> Self {
        let digest = Digest::of(&question);
        let (ticket, timer_at, answers) = (None, order_at.min(deadline), BTreeMap::new());
        Self { question, digest, min_sequence, via, ticket, deadline, order_at, timer_at, answers }
    }

    pub(crate) fn has(&self, from: ReplicaId) -> bool {
        self.answers.contains_key(&from)
    }

    /// Whether the answer is to this question and new enough; asked before its signature is checked.
    pub(crate) fn fits(&self, outcome: &SignedOutcome, answer: &Answer) -> bool {
        (outcome.question == self.digest || planted::is_on(Bug::QuestionUnchecked))
            && (outcome.sequence >= self.min_sequence || planted::is_on(Bug::StaleAnswerTaken))
            && outcome.answer == answer.digest()
    }

    pub(crate) fn on_answer(&mut self, outcome: Signed<SignedOutcome>, answer: Answer) {
        self.answers.insert(outcome.body.replica, (outcome, answer));
    }

    /// R7: the answer that `f + 1` replicas give alike, at the lowest of their sequences.
    pub(crate) fn decided(&self, quorum: Quorum) -> Option<Answered> {
        self.answers.values().find_map(|(first, answer)| {
            let mut proof: Vec<Signed<SignedOutcome>> = self
                .answers
                .values()
                .filter(|(outcome, _)| outcome.body.answer == first.body.answer)
                .map(|(outcome, _)| outcome.clone())
                .collect();
            if proof.len() < if planted::is_on(Bug::OneAnswerIsEnough) { 1 } else { quorum.weak() } {
                return None;
            }
            proof.truncate(quorum.weak());
            let sequence = proof.iter().map(|outcome| outcome.body.sequence).min()?;
            Some(Answered { answer: answer.clone(), sequence, ordered: false, proof })
        })
    }

    /// Whether every replica answered, so that waiting longer brings no agreement.
    pub(crate) fn is_exhausted(&self, quorum: Quorum) -> bool {
        self.answers.len() >= quorum.n()
    }
}
