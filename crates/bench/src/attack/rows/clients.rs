//! Lying users.

use super::{Attacker, Goal, Row};

/// What lying users must leave to the others.
const CLIENTS: Goal = Goal { view_changes: Some(0), ..Goal::keep(0.98) };

/// The rows of the catalogue's section on clients.
pub(super) const ROWS: &[Row] = &[
    // Faults: K01
    Row {
        ids: &["K01"],
        name: "bad-signatures",
        attacker: Attacker::Crowd("bad-signatures"),
        goal: CLIENTS,
        does: "1,000 users send requests with broken signatures, 256 in a message, and come back when they are thrown out",
        defence: "a bad signature ends its connection, which keeps its place for 2 s; a connection has so many checks a second (P8, P9)",
        is_long: false,
    },
    // Faults: K02
    Row {
        ids: &["K02"],
        name: "half-valid",
        attacker: Attacker::Crowd("half-valid"),
        goal: CLIENTS,
        does: "250 users sign a request well for half of the replicas and badly for the rest",
        defence: "a signature is part of the request: what is valid for one replica is valid for all (M6, N8)",
        is_long: false,
    },
    // Faults: K03
    Row {
        ids: &["K03"],
        name: "two-stories",
        attacker: Attacker::Crowd("two-stories"),
        goal: CLIENTS,
        does: "250 users sign two different requests under one number and send one to each half of the replicas",
        defence: "one of the two is ordered and the other is never executed; no leader is blamed (E5)",
        is_long: false,
    },
    // Faults: K04
    Row {
        ids: &["K04"],
        name: "old-requests",
        attacker: Attacker::Crowd("old-requests"),
        goal: CLIENTS,
        does: "250 users send requests again and again that were executed long ago",
        defence: "a number is executed once; known signatures cost nothing, and looking up gives way to all else (E4, P8, P9)",
        is_long: false,
    },
    // Faults: K07
    Row {
        ids: &["K07"],
        name: "backups-only",
        attacker: Attacker::Crowd("backups-only"),
        goal: CLIENTS,
        does: "100 users send valid requests to everybody but the leader, hoping that it is blamed for not proposing them",
        defence: "the others relay them and start to count only then (P1, V2)",
        is_long: false,
    },
    // Faults: K10
    Row {
        ids: &["K10"],
        name: "slow-loris",
        attacker: Attacker::Crowd("slow-loris"),
        goal: CLIENTS,
        does: "1,000 connections say their greeting one byte at a time",
        defence: "five seconds for a handshake, 512 strangers in it at once, places of their own for members (B1)",
        is_long: false,
    },
    // Faults: K11
    Row {
        ids: &["K11"],
        name: "retry-storm",
        attacker: Attacker::Crowd("retry-storm"),
        goal: Goal { hangover_s: Some(20.0), ..CLIENTS },
        does: "1,000 users with 16 valid requests each send all of them again and again, to every replica, and never wait; the first \
               16,000 are work like any other's",
        defence: "a connection repeats as much as it brought that was new, and beyond it stands in one line with all others (P9)",
        is_long: true,
    },
    // Faults: K12
    Row {
        ids: &["K12"],
        name: "deaf",
        attacker: Attacker::Crowd("deaf"),
        goal: CLIENTS,
        does: "250 users ask for all that was ever committed, and do not read a byte of it",
        defence: "what waits for one connection is bounded; whoever does not read is dropped (B1, B3)",
        is_long: false,
    },
];
