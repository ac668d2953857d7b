//! Strangers, crowds and overload.

use super::{Attacker, Goal, Measure, Row};

/// The rows of the catalogue's section on resources.
pub(super) const ROWS: &[Row] = &[
    // Faults: X01
    Row {
        ids: &["X01"],
        name: "idle-sockets",
        attacker: Attacker::Crowd("idle-sockets"),
        goal: Goal { view_changes: Some(0), ..Goal::keep(0.95) },
        does: "10,000 connections that say nothing, opened again as they are closed",
        defence: "five seconds for a greeting, 512 of them at once, members first (B1)",
        is_long: false,
    },
    // Faults: X02
    Row {
        ids: &["X02"],
        name: "handshakes",
        attacker: Attacker::Crowd("handshakes"),
        goal: Goal { view_changes: Some(0), ..Goal::keep(0.80) },
        does: "connects, does the whole cryptographic greeting, hangs up, and connects again",
        defence: "500 greetings of strangers a second, on the network's own threads (B3)",
        is_long: false,
    },
    // Faults: X08
    Row {
        ids: &["X08", "K11"],
        name: "overload",
        attacker: Attacker::Overload,
        goal: Goal { measure: Measure::PeakGoodput, view_changes: Some(0), ..Goal::keep(0.90) },
        does: "honest users ask for ten times as much as the cluster can do",
        defence: "what does not fit is refused with a time to try again, before it costs anything (P5)",
        is_long: false,
    },
    // Faults: X11
    Row {
        ids: &["X11"],
        name: "busy-cores",
        attacker: Attacker::Inside("burn"),
        goal: Goal { view_changes: Some(1), ..Goal::keep(0.0) },
        does: "another program on the same machine keeps all cores busy (not capped; the goal is about calm, not about speed)",
        defence: "patience grows with what is measured, so a slow machine is no liar (V3, P11)",
        is_long: false,
    },
    // Faults: R30
    Row {
        ids: &["R30"],
        name: "neighbours",
        attacker: Attacker::Crowd("burn"),
        goal: Goal { view_changes: Some(0), ..Goal::keep(0.80) },
        does: "attackers share the victims' processors and keep them busy, within the share that a control group leaves them",
        defence: "shares keep them apart: what is theirs is theirs, and the rest is enough",
        is_long: false,
    },
    // Faults: X20
    Row {
        ids: &["X20"],
        name: "cold-storm",
        attacker: Attacker::ColdStart("retry-storm"),
        goal: Goal { hangover_s: Some(30.0), ..Goal::keep(0.0) },
        does: "the leader is killed and starts again with cold caches, while 1,000 users repeat 16 requests each without waiting: a change \
               of view, retries and cold caches at once",
        defence: "nobody repeats without bound, and answers that are looked up give way; so it comes back without help (P8, P9, R4)",
        is_long: false,
    },
    // Faults: X13
    Row {
        ids: &["X13"],
        name: "http-flood",
        attacker: Attacker::Crowd("http-flood"),
        goal: Goal { view_changes: Some(0), ..Goal::keep(0.95) },
        does: "64 connections ask for the status, the metrics and pages that are not there, as fast as they can",
        defence: "HTTP runs on the network's threads, behind the replica's own, with bounds on connections (B3)",
        is_long: false,
    },
    Row {
        ids: &["G-23"],
        name: "everything",
        attacker: Attacker::Everything,
        goal: Goal::keep(0.50),
        does: "f flooding replicas, 1,000 users with broken signatures, and an honest replica whose disk takes 20 ms longer \
               for each sync, while 5 % of all that honest machines send comes 10 ms to 200 ms late, as after lost packets",
        defence: "all of the above together",
        is_long: false,
    },
];
