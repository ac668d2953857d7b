//! What a connection earns and spends, under every order of turns that is drawn (row P12).

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../node/src/gateway/pace.rs"]
#[allow(dead_code, reason = "its other half is one lock, and the clock")]
mod pace;

use outvote_schedules::{explore, sync};
use pace::{Line, Repeated, Repeats};
use std::time::{Duration, Instant};
use sync::Arc;

/// What each of those who see signatures judged adds, twice.
const EARNED: usize = 3;
/// What each reader's turn repeats, twice.
const REPEATED: usize = 4;
/// A line in which only the first repetition passes at once: what was not earned shows as a wait.
const STANDS_IN_LINE: usize = 20_000;

// Faults: P12
#[test]
fn what_was_earned_is_spent_once_whoever_adds_to_it_meanwhile() {
    let now = Instant::now();
    explore(move || {
        let line = Line::new(now);
        let repeats = Arc::new(Repeats::new(&line));
        let adders = [0, 1].map(|_| {
            let earned = repeats.earned().clone();
            sync::thread::spawn(move || (0..2).for_each(|_| earned.add(EARNED)))
        });
        let spender = {
            let repeats = Arc::clone(&repeats);
            sync::thread::spawn(move || {
                for _ in 0..2 {
                    let _ = repeats.charge(now, Repeated { executed: 0, others: REPEATED });
                }
            })
        };
        adders.into_iter().for_each(|thread| thread.join().unwrap());
        spender.join().unwrap();
        // The line has seen what had not been earned yet; so much more of it passes at once as was earned in time.
        let (all, spent) = (4 * EARNED, 2 * REPEATED);
        let wait_of = |count: usize| Duration::from_secs(1) * u32::try_from(count).unwrap() / 20_000;
        let in_line =
            repeats.charge(now, Repeated { executed: 0, others: all + STANDS_IN_LINE }).unwrap_or_default();
        assert_eq!(in_line, wait_of(spent), "nothing that was earned is lost or spent twice");
    });
}
