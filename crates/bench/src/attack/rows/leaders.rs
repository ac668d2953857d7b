//! Lying leaders.

use super::{Attacker, Goal, Measure, Row};

/// A leader that is slow on purpose: what must be kept in a minute with its detection, and after that.
const SLOW: Goal = Goal { steady: Some(0.95), ..Goal::keep(0.90) };

/// The rows of the catalogue's section on leaders.
pub(super) const ROWS: &[Row] = &[
    // Faults: L01
    Row {
        ids: &["L01"],
        name: "equivocate",
        attacker: Attacker::Leader("equivocate"),
        goal: Goal { evidence: true, ..Goal::keep(0.95) },
        does: "proposes one block to half of the others and another block to the rest, under one number",
        defence: "every vote carries the leader's header, so the two meet and prove the lie; the leader is replaced (N4, V4)",
        is_long: true,
    },
    // Faults: L03
    Row {
        ids: &["L03"],
        name: "slow",
        attacker: Attacker::Leader("slow"),
        goal: SLOW,
        does: "holds back each proposal until just before the others would lose patience",
        defence: "a leader must propose as fast as its peers vote, or it is replaced (P10, P11)",
        is_long: true,
    },
    // Faults: L04
    Row {
        ids: &["L04"],
        name: "slow-1ms",
        attacker: Attacker::Leader("slow-1ms"),
        goal: SLOW,
        does: "adds a millisecond to each proposal",
        defence: "the same; a millisecond lies within what any leader may take (P10)",
        is_long: true,
    },
    // Faults: L04
    Row {
        ids: &["L04"],
        name: "slow-10ms",
        attacker: Attacker::Leader("slow-10ms"),
        goal: SLOW,
        does: "adds 10 ms to each proposal",
        defence: "a leader must propose as fast as its peers vote, or it is replaced (P10, P11)",
        is_long: true,
    },
    // Faults: L04
    Row {
        ids: &["L04"],
        name: "slow-100ms",
        attacker: Attacker::Leader("slow-100ms"),
        goal: SLOW,
        does: "adds 100 ms to each proposal",
        defence: "a leader must propose as fast as its peers vote, or it is replaced (P10, P11)",
        is_long: true,
    },
    // Faults: L05
    Row {
        ids: &["L05"],
        name: "censor",
        attacker: Attacker::Leader("censor"),
        goal: Goal { measure: Measure::WorstClient, ..Goal::keep(0.90) },
        does: "never proposes the requests of one user, and serves all others well",
        defence: "a request that reached other replicas and is passed over makes them suspect the leader (R4, V2)",
        is_long: true,
    },
    // Faults: L09
    Row {
        ids: &["L09"],
        name: "half-batch",
        attacker: Attacker::Leader("half-batch"),
        goal: Goal::keep(0.90),
        does: "sends the requests of a block to one half only, refuses them to the rest, and goes silent for 3 s at a time",
        defence: "nobody votes for what it does not hold; what is missing is fetched from others (N9)",
        is_long: true,
    },
    // Faults: L12
    Row {
        ids: &["L12"],
        name: "mute-leader",
        attacker: Attacker::Leader("mute"),
        goal: Goal::keep(0.95),
        does: "leads, and falls silent",
        defence: "a leader must be heard from within the window, or it is replaced (V1)",
        is_long: true,
    },
    // Faults: L16
    Row {
        ids: &["L16"],
        name: "smart",
        attacker: Attacker::Leader("smart"),
        goal: Goal::keep(0.90),
        does: "knows the rules on slow leaders: half of its proposals are on time, half are late by 400 ms",
        defence: "patience with the requests that wait is counted apart from the number of late rounds (V2, P10)",
        is_long: true,
    },
    // Faults: L17
    Row {
        ids: &["L17"],
        name: "tiny-batches",
        attacker: Attacker::Leader("tiny-batches"),
        goal: Goal::keep(0.90),
        does: "puts a single request into each block",
        defence: "a round counts as done only with all work that was relayed to the leader, or a full block (P10)",
        is_long: true,
    },
    // Faults: L21
    Row {
        ids: &["L21"],
        name: "storm",
        attacker: Attacker::Followers("storm"),
        goal: Goal { view_changes: Some(0), ..Goal::keep(0.80) },
        does: "f replicas accuse the honest leader at every chance and demand another one",
        defence: "f accusations move nobody: f + 1 are needed to join in, a quorum to change the leader (V8, V11)",
        is_long: false,
    },
];
