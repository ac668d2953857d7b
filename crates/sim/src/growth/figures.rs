//! What came of a scenario, beside the formula of the design.

use super::distance::Distance;
use super::scenario::Scenario;
use super::tally::{Moment, Tally};
use crate::network::Kind;
use outvote_types::{Quorum, Sequence};

/// What the design says that a block costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formula {
    /// PROPOSE, PREPARE and COMMIT on all links: `2n(n - 1)`, for the leader's PREPARE is in its PROPOSE.
    pub messages: u64,
    /// Replicas' signatures that are checked by all: by each of them the header and `q - 1` others' votes of each round,
    /// `2(q - 1) + 1`. The leader, too, checks its header when the first PREPARE brings it back.
    pub checked: u64,
    /// Signatures made by all: a header, and a PREPARE, a COMMIT and a REPLY of everybody.
    pub made: u64,
    /// Message delays from the proposal to the commit.
    pub hops_to_commit: u64,
    /// Message delays from the request to the answer.
    pub hops_to_client: u64,
}

impl Formula {
    /// Of so many replicas.
    #[must_use]
    pub fn of(quorum: Quorum) -> Self {
        let (n, q) = (quorum.n() as u64, quorum.quorum() as u64);
        Self {
            messages: 2 * n * (n - 1),
            checked: n * (2 * (q - 1) + 1),
            made: 3 * n + 1,
            hops_to_commit: 3,
            hops_to_client: 5,
        }
    }
}

/// What all replicas together did for a block, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerBlock {
    /// Operations in it.
    pub operations: f64,
    /// PROPOSE, PREPARE and COMMIT, each copy.
    pub messages: f64,
    /// All others: heartbeats, checkpoints, relays.
    pub other_messages: f64,
    /// Bytes of all of them.
    pub bytes: f64,
    /// Signatures made.
    pub made: f64,
    /// Replicas' signatures checked.
    pub checked: f64,
}

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Replicas.
    pub replicas: usize,
    /// How many of them decide.
    pub quorum: usize,
    /// Blocks that were counted.
    pub blocks: u64,
    /// The simulated time that they took, seconds.
    pub seconds: f64,
    /// Operations that their clients saw answered, a second.
    pub ops_per_s: f64,
    /// From the proposal to the commit, milliseconds: the middle one of all replicas and blocks.
    pub commit_ms: f64,
    /// From the request to `f + 1` equal answers: the middle one.
    pub answer_p50_ms: f64,
    /// The same of the slowest hundredth.
    pub answer_p99_ms: f64,
    /// The first of these in message delays, where all are alike.
    pub commit_hops: Option<f64>,
    /// The second.
    pub answer_hops: Option<f64>,
    /// What a block cost.
    pub per_block: PerBlock,
    /// The same, by the design.
    pub formula: Formula,
    /// Signatures of clients that a replica checked for an operation.
    pub client_checks_per_operation: f64,
    /// Processor microseconds of one replica for an operation, on average over all.
    pub cpu_us_per_operation: f64,
    /// The leader's processor in use: of all its cores, and of the one that its own thread can use.
    pub leader_busy: (f64, f64),
    /// Leaders that were replaced; none, where the cluster keeps up.
    pub view_changes: u64,
    /// How often a replica suspected a leader, by the letter of the reason.
    pub suspicions: Vec<(char, u64)>,
    /// Requests that a replica was too busy for.
    pub refused: u64,
    /// Blocks that a replica lacked, and asked for in vain: none, where nothing fails.
    pub questions: u64,
}

/// The value below which so many thousandths of all lie.
fn quantile(values: &[u64], thousandths: usize) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * thousandths / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

/// The kinds that the formula counts.
const VOTES: [Kind; 3] = [Kind::Propose, Kind::Prepare, Kind::Commit];

/// Frames and bytes between two moments: those that the formula counts, and the others.
fn frames(from: &Moment, to: &Moment) -> (u64, u64, u64) {
    let (mut votes, mut others, mut all_bytes) = (0, 0, 0);
    for (kind, (count, bytes)) in &to.frames {
        let (before, bytes_before) = from.frames.get(kind).copied().unwrap_or_default();
        if VOTES.contains(kind) {
            votes += count - before;
        } else {
            others += count - before;
        }
        all_bytes += bytes - bytes_before;
    }
    (votes, others, all_bytes)
}

impl Figures {
    pub(super) fn new(
        scenario: &Scenario,
        quorum: Quorum,
        tally: &Tally,
        [(from, first), (to, last)]: [(Moment, Sequence); 2],
        view_changes: u64,
    ) -> Self {
        let blocks = last.0 - first.0;
        let by_block = |count: u64| count as f64 / blocks.max(1) as f64;
        let operations: u64 =
            tally.requests.range(first.next()..=last.max(first.next())).map(|(_, r)| *r).sum();
        let (votes, others, bytes) = frames(&from, &to);
        let signatures = to.signatures - from.signatures;
        let ns = to.now_ns - from.now_ns;
        let seconds = ns as f64 / 1e9;
        let commits = tally.commits_ns(first.next(), last.max(first.next()));
        let inside = |(at, _): &&(u64, u64)| *at > from.now_ns && *at <= to.now_ns;
        let answers: Vec<u64> = tally.answers.iter().filter(inside).map(|(_, took)| *took).collect();
        let (commit_ns, answer_ns) = (quantile(&commits, 500), quantile(&answers, 500));
        let hops = |ns: u64| match scenario.distance {
            Distance::Even { one_way_us } => Some(ns as f64 / (one_way_us * 1_000) as f64),
            Distance::Regions => None,
        };
        let share = |worked: u64, cores: usize| worked as f64 / ns.max(1) as f64 / cores as f64;
        let n = quorum.n() as f64;
        let per_operation = |count: f64| count / n / operations.max(1) as f64;
        Self {
            replicas: quorum.n(),
            quorum: quorum.quorum(),
            blocks,
            seconds,
            ops_per_s: (to.answered - from.answered) as f64 / seconds.max(f64::MIN_POSITIVE),
            commit_ms: commit_ns as f64 / 1e6,
            answer_p50_ms: answer_ns as f64 / 1e6,
            answer_p99_ms: quantile(&answers, 990) as f64 / 1e6,
            commit_hops: hops(commit_ns),
            answer_hops: hops(answer_ns),
            per_block: PerBlock {
                operations: by_block(operations),
                messages: by_block(votes),
                other_messages: by_block(others),
                bytes: by_block(bytes),
                made: by_block(signatures.made),
                checked: by_block(signatures.of_members),
            },
            formula: Formula::of(quorum),
            client_checks_per_operation: per_operation(signatures.of_clients as f64),
            cpu_us_per_operation: per_operation((to.worked_ns - from.worked_ns) as f64 / 1e3),
            leader_busy: (
                share(to.leader_ns.0 - from.leader_ns.0, scenario.hardware.cores),
                share(to.leader_ns.1 - from.leader_ns.1, 1),
            ),
            view_changes,
            suspicions: tally.suspicions.iter().map(|(reason, count)| (*reason, *count)).collect(),
            refused: tally.refused,
            questions: tally.questions,
        }
    }
}
