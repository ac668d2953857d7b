//! What is refused is counted each time and said once, and strangers cannot fill the log.

use outvote_transport::refusals::{Reason, Refusals};
use outvote_types::ReplicaId;
use std::time::{Duration, Instant};

// Faults: X14
#[test]
fn a_reason_is_counted_each_time_and_said_once_in_ten_minutes() {
    let (refusals, start) = (Refusals::default(), Instant::now());
    let said = |seconds: u64, why: &str| refusals.count(start + Duration::from_secs(seconds), &why.into());
    assert!(said(0, "a"));
    assert!((0..100).all(|second| !said(second, "a")));
    assert!(said(100, "b"));
    assert_eq!(refusals.so_far(), (102, Some("b".into())));
    assert!(said(700, "a"), "it is still there after ten minutes");
    assert!(!said(701, "a"));
}

// Faults: X14
#[test]
fn made_up_reasons_end_in_silence_and_not_in_a_full_disk() {
    let (refusals, start) = (Refusals::default(), Instant::now());
    let said = (0..10_000).filter(|number| refusals.count(start, &format!("key {number}").into())).count();
    assert_eq!((said, refusals.so_far().0), (64, 10_000));
    // What a member is refused for is said nevertheless, a few things of each.
    let of = |id: u16, number: u32| {
        refusals.count(start, &Reason::Member(ReplicaId(id), format!("part {number}")))
    };
    assert!(of(1, 0) && !of(1, 0));
    assert_eq!((1..10_000).filter(|number| of(1, *number)).count(), 7);
    assert!(of(2, 0));
    assert!(!of(1, 0) && !of(2, 0));
}
