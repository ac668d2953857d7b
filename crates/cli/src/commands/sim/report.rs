//! What a simulation found, for people and for programs.

use outvote_sim::{Outcome, Report};
use serde_json::{Map, Value, json};
use std::path::Path;

#[allow(clippy::cast_precision_loss, reason = "a duration for people")]
pub(super) fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

/// What is wrong with a seed.
pub(super) fn what(outcome: &Outcome) -> String {
    match (outcome.violations.first(), &outcome.stall) {
        (Some(violation), _) => format!("{violation:?}"),
        (None, Some(stall)) => format!("stall: {stall}"),
        (None, None) => String::new(),
    }
}

/// What is wrong with a seed, and the one command that replays it.
pub(super) fn failing(outcome: &Outcome) -> String {
    format!("seed {} failed: {}\nreplay it with: {}", outcome.seed, what(outcome), outcome.command())
}

pub(super) fn replay_in_json(outcome: &Outcome, trace: &Path) -> Value {
    let violations: Vec<Value> = outcome.violations.iter().map(|found| format!("{found:?}").into()).collect();
    json!({
        "seed": outcome.seed, "replicas": outcome.replicas, "violations": violations, "stall": outcome.stall,
        "committed_ops": outcome.committed_ops, "view_changes": outcome.view_changes,
        "simulated_seconds": seconds(outcome.simulated_us), "faults": outcome.faults,
        "trace_hash": outcome.trace_hash.to_hex(), "trace": trace, "command": outcome.command(),
    })
}

pub(super) fn in_json(report: &Report) -> Value {
    let pairs = report.coverage.pairs();
    let mut counts = Map::new();
    for (kind, state, fault, count) in report.coverage.triples() {
        counts.insert(format!("{kind} x {state} x {fault}"), count.into());
    }
    json!({
        "seeds": report.seeds, "first_seed": report.first_seed, "violations": report.violations, "stalls": report.stalls,
        "committed_ops": report.committed_ops, "blocks": report.blocks, "view_changes": report.view_changes,
        "simulated_seconds": report.simulated_seconds, "wall_seconds": report.wall_seconds,
        "seeds_per_s": report.seeds_per_s, "faults": report.faults, "trace_hash": report.trace_hash.to_hex(),
        "failing": report.failures.iter().map(Outcome::command).collect::<Vec<_>>(),
        "coverage": {
            "pairs_seen": pairs.seen, "pairs_possible": pairs.possible, "never_seen": pairs.never, "counts": counts,
        },
    })
}

pub(super) fn in_words(report: &Report) -> String {
    let faults: Vec<String> = report.faults.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let pairs = report.coverage.pairs();
    let never = match pairs.never.len() {
        0 => String::new(),
        _ => format!("\nnever seen together: {}", pairs.never.join(", ")),
    };
    format!(
        "{} seeds from {}: {} violations, {} stalls\n{} operations committed, {} views entered, {:.0} simulated seconds in {:.1} s ({:.1} seeds a second)\nfaults: {}\ncoverage: {} of {} pairs of message, state and fault were seen together{never}\ntrace hash {}",
        report.seeds,
        report.first_seed,
        report.violations,
        report.stalls,
        report.committed_ops,
        report.view_changes,
        report.simulated_seconds,
        report.wall_seconds,
        report.seeds_per_s,
        faults.join(", "),
        pairs.seen,
        pairs.possible,
        report.trace_hash.to_hex()
    )
}
