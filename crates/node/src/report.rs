//! The cluster as this replica sees it: the `status` of `/status`, of the terminal and of the page.

use crate::http::schema::{count, flag, hexadecimal, list, object, one_of, text};
use serde::Serialize;
use serde_json::Value;

/// The whole report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The cluster's name, hexadecimal.
    pub cluster: String,
    /// `byzantine` or `federated`.
    pub mode: &'static str,
    /// Whether replicas may be told to lie.
    pub demo: bool,
    /// Replicas.
    pub n: usize,
    /// Liars that are outvoted.
    pub f: usize,
    /// Votes that decide.
    pub quorum: usize,
    /// The committee's term.
    pub epoch: u64,
    /// Who reports.
    pub me: u16,
    /// Each replica; the reporter's own entry is complete, others are what was last heard of them.
    pub replicas: Vec<ReplicaReport>,
    /// Proofs of misbehaviour that this replica holds.
    pub evidence: Vec<EvidenceReport>,
}

/// One replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplicaReport {
    /// Its index.
    pub id: u16,
    /// Its process, if it runs on the reporter's machine and said so; 0 if unknown.
    pub pid: u32,
    /// Where replicas and clients connect.
    pub address: String,
    /// Where its page is.
    pub http: String,
    /// Whether it can be reached from the reporter.
    pub reachable: bool,
    /// Whether it leads the view that it is in.
    pub leader: bool,
    /// The view that it is in.
    pub view: u64,
    /// Committed up to here.
    pub committed: u64,
    /// Executed up to here.
    pub executed: u64,
    /// Its latest stable checkpoint.
    pub stable_checkpoint: u64,
    /// The digest of its state, hexadecimal; empty if unknown.
    pub state_digest: String,
    /// The sequence at which that digest was taken.
    pub state_digest_at: u64,
    /// Whether it may not prepare in this view (restart rule).
    pub sitting_out: bool,
    /// Whether it may never vote with its key: its promises are lost.
    pub observer: bool,
    /// Whether its state was outvoted and is being repaired.
    pub repairing: bool,
    /// Whether its disk hangs: a write has not come to its end for seconds, and nothing rests on it until it does.
    pub disk_stuck: bool,
    /// How often the reporter met a second process with its keys, and told it to end.
    pub twins_met: u64,
    /// `honest`, or the behaviour that `outvote traitor` switched on.
    pub behaviour: String,
    /// Views entered since its start.
    pub view_changes: u64,
    /// Requests waiting for their order.
    pub pending: usize,
}

/// One proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvidenceReport {
    /// Its identity, hexadecimal.
    pub id: String,
    /// Who is accused.
    pub accused: u16,
    /// Of what.
    pub rule: &'static str,
    /// In which view.
    pub view: u64,
    /// For which slot.
    pub sequence: u64,
    /// The canonical bytes of the evidence, hexadecimal, for `outvote evidence verify`.
    pub proof: String,
}

impl Report {
    /// The shape of its JSON, for `/openapi.json`.
    pub(crate) fn schema() -> Value {
        object(&[
            ("cluster", hexadecimal()),
            ("mode", one_of(&["byzantine", "federated"])),
            ("demo", flag()),
            ("n", count()),
            ("f", count()),
            ("quorum", count()),
            ("epoch", count()),
            ("me", count()),
            ("replicas", list(ReplicaReport::schema())),
            ("evidence", list(EvidenceReport::schema())),
        ])
    }
}

impl ReplicaReport {
    fn schema() -> Value {
        object(&[
            ("id", count()),
            ("pid", count()),
            ("address", text()),
            ("http", text()),
            ("reachable", flag()),
            ("leader", flag()),
            ("view", count()),
            ("committed", count()),
            ("executed", count()),
            ("stable_checkpoint", count()),
            ("state_digest", hexadecimal()),
            ("state_digest_at", count()),
            ("sitting_out", flag()),
            ("observer", flag()),
            ("repairing", flag()),
            ("disk_stuck", flag()),
            ("twins_met", count()),
            ("behaviour", text()),
            ("view_changes", count()),
            ("pending", count()),
        ])
    }
}

impl EvidenceReport {
    fn schema() -> Value {
        object(&[
            ("id", hexadecimal()),
            ("accused", count()),
            ("rule", text()),
            ("view", count()),
            ("sequence", count()),
            ("proof", hexadecimal()),
        ])
    }
}
