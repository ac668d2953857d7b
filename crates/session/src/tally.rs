//! Weighs what replicas say about one operation.

use outvote_types::planted::{self, Bug};
use outvote_types::{Answer, Digest, ReplicaId, Reply, ResultKind, Sequence, Signed};

/// What a block came to, whoever says so: a REPLY without its signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word {
    pub(crate) sequence: Sequence,
    pub(crate) id: Digest,
    pub(crate) result_root: Digest,
}

impl Word {
    pub(crate) const fn of(reply: &Reply) -> Self {
        Self { sequence: reply.sequence, id: reply.id, result_root: reply.result_root }
    }
}

/// One replica's claim: a signed word whose root was seen to cover a leaf for this operation.
#[derive(Clone, Debug)]
struct Claim {
    reply: Signed<Reply>,
    kind: ResultKind,
    answer: Digest,
}

/// What `f + 1` replicas say alike.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) word: Word,
    pub(crate) kind: ResultKind,
    pub(crate) answer: Answer,
    pub(crate) proof: Vec<Signed<Reply>>,
}

/// The claims for one operation: at most one per replica, its newest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    claims: Vec<Claim>,
    /// The answers that the claims name, each once.
    answers: Vec<(Digest, Answer)>,
}

impl Tally {
    /// Takes a claim whose signature, path and answer digest were checked. A replica's later claim replaces its earlier
    /// one: an honest replica has only one final word on an operation.
    pub(crate) fn add(&mut self, reply: Signed<Reply>, kind: ResultKind, digest: Digest, answer: &Answer) {
        let again = planted::is_on(Bug::ReplicaCountsTwice);
        self.claims.retain(|claim| claim.reply.body.replica != reply.body.replica || again);
        self.claims.push(Claim { reply, kind, answer: digest });
        let claims = &self.claims;
        self.answers.retain(|(held, _)| claims.iter().any(|claim| claim.answer == *held));
        if !self.answers.iter().any(|(held, _)| *held == digest) {
            self.answers.push((digest, answer.clone()));
        }
    }

    /// Whether this very claim is already held.
    pub(crate) fn has(&self, from: ReplicaId, word: &Word) -> bool {
        self.claims.iter().any(|claim| {
            claim.reply.body.replica == from
                && Word::of(&claim.reply.body) == *word
                && !planted::is_on(Bug::ReplicaCountsTwice)
        })
    }

    /// R2: what `weak` different replicas say with equal sequence, block, result root and leaf.
    pub(crate) fn decision(&self, weak: usize) -> Option<Decision> {
        self.claims.iter().find_map(|first| {
            let word = Word::of(&first.reply.body);
            let mut proof: Vec<Signed<Reply>> = self
                .claims
                .iter()
                .filter(|c| {
                    (Word::of(&c.reply.body) == word || planted::is_on(Bug::BlocksMixed))
                        && c.kind == first.kind
                        && c.answer == first.answer
                })
                .map(|claim| claim.reply.clone())
                .collect();
            if proof.len() < weak {
                return None;
            }
            proof.sort_by_key(|reply| reply.body.replica);
            proof.truncate(weak);
            let answer = self.answers.iter().find(|(digest, _)| *digest == first.answer)?.1.clone();
            Some(Decision { word, kind: first.kind, answer, proof })
        })
    }
}
