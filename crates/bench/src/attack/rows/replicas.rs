//! Lying replicas that do not lead.

use super::{Attacker, Goal, Row};

/// The rows of the catalogue's section on replicas.
pub(super) const ROWS: &[Row] = &[
    // Faults: R01
    Row {
        ids: &["R01"],
        name: "mute",
        attacker: Attacker::Followers("mute"),
        goal: Goal::keep(0.99),
        does: "says nothing any more, to nobody",
        defence: "a quorum suffices: nobody waits for the last f (Q1)",
        is_long: false,
    },
    // Faults: R03
    Row {
        ids: &["R03"],
        name: "double-votes",
        attacker: Attacker::Followers("equivocate"),
        goal: Goal { evidence: true, ..Goal::keep(0.95) },
        does: "votes for two different blocks in one place, one vote to each half of the others",
        defence: "two quorums share an honest replica; the two signatures together are proof of the lie (N4, X1)",
        is_long: false,
    },
    // Faults: R07
    Row {
        ids: &["R07"],
        name: "replay",
        attacker: Attacker::Followers("replay"),
        goal: Goal::keep(0.95),
        does: "says again what it and others said before",
        defence: "a vote counts once for its place; what is known or old is dropped before its signature is looked at (N16, B2)",
        is_long: false,
    },
    // Faults: R08
    Row {
        ids: &["R08"],
        name: "forge",
        attacker: Attacker::Followers("forge"),
        goal: Goal::keep(0.95),
        does: "sends broken signatures, votes in the names of others, and claims that nothing shows",
        defence: "no message counts before its signature holds under the key of whoever it names (M4, M8)",
        is_long: false,
    },
    // Faults: R14
    Row {
        ids: &["R14"],
        name: "jump",
        attacker: Attacker::Followers("jump"),
        goal: Goal { view_changes: Some(0), ..Goal::keep(0.95) },
        does: "talks of views that lie 2^60 ahead, with every message that it sends",
        defence: "a view is entered with the signatures of a quorum alone; one place for each sender (V12, B2)",
        is_long: false,
    },
    // Faults: R18
    Row {
        ids: &["R18"],
        name: "ask-for-state",
        attacker: Attacker::Followers("ask-for-state"),
        goal: Goal::keep(0.95),
        does: "asks the others for their whole state and all their blocks, thousands of times",
        defence: "each peer has so many answers a second and no more; bulk never delays votes (C10, B3)",
        is_long: false,
    },
    // Faults: R19
    Row {
        ids: &["R19"],
        name: "late-votes",
        attacker: Attacker::Followers("late-votes"),
        goal: Goal { p99_ratio: Some(1.2), ..Goal::keep(0.99) },
        does: "always votes last, 50 ms after everybody else",
        defence: "the votes that come first decide (Q1, N16)",
        is_long: false,
    },
    // Faults: R20
    Row {
        ids: &["R20"],
        name: "corrupt-answers",
        attacker: Attacker::Followers("corrupt-answers"),
        goal: Goal::keep(0.98),
        does: "gives users false answers, well signed, and gives peers false data",
        defence: "a user believes what f + 1 replicas say alike; peers check data against signed digests (R2, C10)",
        is_long: false,
    },
    // Faults: R25
    Row {
        ids: &["R25"],
        name: "flood",
        attacker: Attacker::Followers("flood"),
        goal: Goal::keep(0.85),
        does: "sends sixteen valid but useless messages to everybody for each one that it has to send",
        defence: "what waits for a peer is bounded by its own quota; old votes are dropped unread (B2, B3)",
        is_long: false,
    },
];
