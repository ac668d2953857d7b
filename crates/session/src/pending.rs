//! One request on its way to an outcome.

use crate::output::{Committed, OperationResult, Outcome, Rejected};
use crate::tally::{Decision, Tally, Word};
use outvote_types::client::ProvenResult;
use outvote_types::planted::{self, Bug};
use outvote_types::{Answer, Digest, Instant, ReplicaId, Reply, Request, ResultKind, Signed};
use std::collections::BTreeMap;

/// Characters of a replica's own words that are shown to a user at most.
const MAX_REASON_CHARACTERS: usize = 300;

/// The code under which replicas refuse a new session for the moment.
const TOO_MANY_NEW_SESSIONS: &str = "too-many-new-sessions";

/// A set of replicas as bits; a committee has at most 128 members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members(u128);

impl Members {
    /// Adds `id`; says whether it is new.
    pub(crate) const fn add(&mut self, id: ReplicaId) -> bool {
        let bit = 1u128 << (id.0 % 128);
        let fresh = self.0 & bit == 0;
        self.0 |= bit;
        fresh
    }

    pub(crate) const fn remove(&mut self, id: ReplicaId) {
        self.0 &= !(1u128 << (id.0 % 128));
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.count_ones() as usize
    }

    pub(crate) const fn clear(&mut self) {
        self.0 = 0;
    }
}

/// What one replica's result led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weighed {
    /// Nothing of interest.
    Nothing,
    /// The replica executed it earlier: ask it for the original result.
    AskOriginal,
    /// Its path or answer does not fit its own signed word.
    Lie,
}

/// A request without an outcome, with all claims about it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) request: Request,
    pub(crate) digest: Digest,
    /// When it was sent first, or somebody asked again.
    pub(crate) launched: Instant,
    /// When the outcome becomes "pending".
    pub(crate) deadline: Instant,
    /// When it goes to every replica; [`Instant`]'s maximum once it did.
    pub(crate) spread_at: Instant,
    /// When it is sent again.
    pub(crate) resend_at: Instant,
    /// The pause after the next sending, milliseconds.
    pub(crate) pause_ms: u64,
    /// Whether it goes to every replica by now.
    pub(crate) spread: bool,
    /// Whether the deadline passed: results are still weighed, but nothing is sent until somebody asks again.
    pub(crate) parked: bool,
    /// Whether it was sent since it was launched.
    pub(crate) is_sent: bool,
    /// Whether it is due to be sent and waits for the session's earlier ones.
    pub(crate) put_off: bool,
    /// The timer that is set for it.
    pub(crate) timer_at: Instant,
    /// Replicas asked for the original result since the last retransmission.
    pub(crate) asked: Members,
    /// Replicas whose "busy" already has a timer.
    pub(crate) waiting_for: Members,
    /// How often a replica was too busy, for the pause's growth.
    pub(crate) busy: u32,
    tallies: Vec<Tally>,
    invalid: BTreeMap<ReplicaId, String>,
}

impl Pending {
    pub(crate) fn new(request: Request, digest: Digest) -> Self {
        let tallies = vec![Tally::default(); request.body.operations.len()];
        let never = Instant(u64::MAX);
        Self {
            request,
            digest,
            launched: never,
            deadline: never,
            spread_at: never,
            resend_at: never,
            pause_ms: 0,
            spread: false,
            parked: false,
            is_sent: false,
            put_off: false,
            timer_at: never,
            asked: Members::default(),
            waiting_for: Members::default(),
            busy: 0,
            tallies,
            invalid: BTreeMap::new(),
        }
    }

    /// The earliest moment at which something is to be done for it.
    pub(crate) fn next_moment(&self) -> Instant {
        self.deadline.min(self.spread_at).min(self.resend_at)
    }

    /// Whether a result from `from` under this word can still matter; asked before its signature is checked.
    pub(crate) fn wants(&self, from: ReplicaId, result: &ProvenResult, word: &Word) -> bool {
        (result.leaf.request == self.digest || planted::is_on(Bug::OtherRequestTaken))
            && self.tallies.get(result.leaf.index as usize).is_some_and(|tally| !tally.has(from, word))
    }

    /// Weighs a result whose reply's signature was checked.
    pub(crate) fn weigh(&mut self, reply: &Signed<Reply>, result: &ProvenResult) -> Weighed {
        let leaf = &result.leaf;
        // R2: the path must lead from a leaf for this very operation to the root that was signed.
        let is_covered = result.path.root_from(leaf.digest()) == Some(reply.body.result_root);
        if !is_covered && !planted::is_on(Bug::ResultPathUnchecked) {
            return Weighed::Lie;
        }
        match leaf.kind {
            // E3: its final result comes with the block that releases it.
            ResultKind::Held if !planted::is_on(Bug::HeldIsDone) => Weighed::Nothing,
            // E4: executed before; only the original leaf proves it.
            ResultKind::Duplicate if self.asked.add(reply.body.replica) => Weighed::AskOriginal,
            // E6: the session is as it was; it is sent again like any other that got no outcome.
            ResultKind::Duplicate | ResultKind::TooFar => Weighed::Nothing,
            // E9: not now; sent again like any other that got no outcome.
            ResultKind::Refused if is_not_now(&result.answer) => Weighed::Nothing,
            ResultKind::Applied | ResultKind::NonceReused | ResultKind::Refused | ResultKind::Held => {
                if result.answer.digest() != leaf.answer && !planted::is_on(Bug::AnswerUnchecked) {
                    return Weighed::Lie;
                }
                if let Some(tally) = self.tallies.get_mut(leaf.index as usize) {
                    tally.add(reply.clone(), leaf.kind, leaf.answer, &result.answer);
                }
                Weighed::Nothing
            }
        }
    }

    /// Takes a replica's word that the request's bytes are invalid.
    pub(crate) fn on_invalid(&mut self, from: ReplicaId, reason: &[u8]) {
        let words = String::from_utf8_lossy(reason);
        let words = words.chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARACTERS).collect();
        self.invalid.insert(from, words);
    }

    /// R3: committed or rejected as soon as `weak` replicas say the same, otherwise not decided.
    pub(crate) fn outcome(&self, weak: usize) -> Option<Outcome> {
        if self.invalid.len() >= if planted::is_on(Bug::InvalidByOne) { 1 } else { weak } {
            return Some(Outcome::Rejected(self.invalid_reason()));
        }
        let decisions: Option<Vec<Decision>> =
            self.tallies.iter().map(|tally| tally.decision(weak)).collect();
        let decisions = decisions?;
        let first = decisions.first()?;
        // One block executes a whole request.
        if decisions.iter().any(|decision| decision.word != first.word) {
            return None;
        }
        // R6: only "applied" proves execution.
        if !decisions.iter().any(|decision| decision.kind == ResultKind::Applied) {
            return Some(Outcome::Rejected(refusal(first)));
        }
        let (word, proof) = (first.word, first.proof.clone());
        let results = decisions
            .into_iter()
            .zip(0u32..)
            .map(|(decision, index)| OperationResult { index, kind: decision.kind, answer: decision.answer })
            .collect();
        let (sequence, block, request) = (word.sequence, word.id, self.digest);
        Some(Outcome::Committed(Committed { sequence, block, request, results, proof }))
    }

    /// The reason that most replicas gave.
    fn invalid_reason(&self) -> Rejected {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for reason in self.invalid.values() {
            *counts.entry(reason).or_default() += 1;
        }
        let best = counts.iter().max_by_key(|(_, count)| **count).map(|(reason, _)| (*reason).clone());
        Rejected { code: "invalid".into(), reason: best.unwrap_or_default() }
    }
}

/// Whether a refusal only says that new sessions come too fast. It leaves the session as it was (E6).
fn is_not_now(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused { code, .. } if code == TOO_MANY_NEW_SESSIONS)
}

fn refusal(decision: &Decision) -> Rejected {
    match (&decision.kind, &decision.answer) {
        (_, Answer::Refused { code, message }) => Rejected { code: code.clone(), reason: message.clone() },
        (ResultKind::NonceReused, Answer::Done(_)) => Rejected {
            code: "nonce-reused".into(),
            reason:
                "another request was executed under this session's nonce; is the key in use elsewhere too?"
                    .into(),
        },
        (_, Answer::Done(_)) => {
            Rejected { code: "refused".into(), reason: "refused without a reason".into() }
        }
    }
}
