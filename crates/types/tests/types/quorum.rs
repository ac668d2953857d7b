//! The arithmetic that everything rests on, for every committee size that the wire format carries.
#![allow(clippy::unwrap_used)]

use outvote_types::limits::MAX_REPLICAS;
use outvote_types::{Quorum, QuorumError, ReplicaId, View};

/// Q1, Q2: the size is the least that intersects in an honest member, and honest members alone can reach it.
#[test]
fn quorums_intersect_in_an_honest_replica_for_every_n() {
    for n in 4..=MAX_REPLICAS {
        let quorum = Quorum::byzantine(n).unwrap();
        let (q, f) = (quorum.quorum(), quorum.f());
        assert_eq!(q, (n + f + 1).div_ceil(2), "both formulas agree at n = {n}");
        assert!(2 * q - n > f, "two quorums share an honest member at n = {n}");
        assert!(2 * (q - 1) < n + f + 1, "one fewer would not do at n = {n}");
        assert!(q <= n - f, "honest replicas alone reach it at n = {n}");
    }
}

/// Q3: a committee that cannot outvote a liar is refused, and the error names no mode that is not there.
// Faults: O03
#[test]
fn fewer_than_four_are_refused_and_told_that_no_mode_serves_them_yet() {
    for n in 0..4 {
        let error = Quorum::byzantine(n).unwrap_err();
        assert_eq!(error, QuorumError::TooFew(n));
        let text = error.to_string();
        assert!(
            text.contains("at least 4, in any mode") && text.contains("not part of this version"),
            "{text}"
        );
    }
    assert_eq!(Quorum::byzantine(MAX_REPLICAS + 1), Err(QuorumError::TooMany(MAX_REPLICAS + 1)));
}

/// Q6: members lead in turn, also at the largest view.
#[test]
fn the_leader_goes_round() {
    let quorum = Quorum::byzantine(4).unwrap();
    let leaders: Vec<_> = (0..6).map(|view| quorum.leader(View(view))).collect();
    assert_eq!(leaders, [0, 1, 2, 3, 0, 1].map(ReplicaId));
    assert_eq!(quorum.leader(View(u64::MAX)), ReplicaId(3));
}
