//! Twins: every division of four replicas and a second instance of one of them. Scenario 29. N10, V21
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use outvote_sim::twins::{Scenario, play, scenarios, splits};
use outvote_types::ReplicaId;

fn all_are_sound(scenarios: &[Scenario]) {
    let middle = scenarios.len() / 2;
    let (first, second) = scenarios.split_at(middle);
    std::thread::scope(|scope| {
        for half in [first, second] {
            scope.spawn(move || half.iter().for_each(|scenario| play(scenario).unwrap()));
        }
    });
}

#[test]
fn what_differs_only_in_the_name_of_an_instance_is_played_once() {
    // Five can be divided into at most two sets in 16 ways: 8 with both instances in one set, and 8 that come in pairs.
    let twin = ReplicaId(1);
    let found = splits(4, twin, 2);
    assert!(found.iter().all(|split| split.len() == 5));
    let together = found.iter().filter(|split| split[1] == split[4]).count();
    assert_eq!((found.len(), together), (12, 8));
    // And into any number of sets in 52 ways: 15 with both in one, 5 with each alone, and 32 that come in pairs.
    assert_eq!(splits(4, twin, 5).len(), 15 + 5 + 16);
}

#[test]
fn twins_never_fork_four_replicas_in_two_rounds_of_two_sets() {
    let all = scenarios(4, 2, 2);
    assert_eq!(all.len(), 4 * 12 * 12);
    all_are_sound(&all);
}

#[test]
fn twins_never_fork_four_replicas_in_sampled_longer_games() {
    let all = scenarios(4, 3, 3);
    let sample: Vec<_> = all.into_iter().step_by(211).collect();
    assert!(sample.len() > 300, "{}", sample.len());
    all_are_sound(&sample);
}
