//! Small-scope mutation: liars that change a field of what they say now and then, correctly signed. Scenario 30. Q4, N16
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use outvote_adversary::mutator::{Tally, all_mutations};
use outvote_sim::campaign::cores;
use outvote_sim::mutation::{Game, Options, campaign, kit, play};
use std::collections::BTreeSet;

// Faults: R03, R05, R06, R12, R13, R26, L01, L02, L07, L11
#[test]
fn mutated_messages_neither_fork_nor_stop_four_or_seven_replicas() {
    let options = Options { replicas: None, first_seed: 0, count: Some(2_500), time: None, jobs: cores() };
    let report = campaign(&options, |_| ()).unwrap();
    let first =
        report.failures.first().map(|(game, name, words)| format!("{}: {name}: {words}", game.command()));
    assert_eq!(first, None, "{} violations, {} stalls", report.violations, report.stalls);
    assert!(report.with_accusations > 0);
    // In each single way only from some ten thousand runs on: `outvote mutate` sees to that.
    let made: BTreeSet<_> = report.mutations.keys().map(|(kind, field, _)| (*kind, *field)).collect();
    let all: BTreeSet<_> = all_mutations().into_iter().map(|(kind, field, _)| (kind, field)).collect();
    let never: Vec<_> = all.difference(&made).collect();
    assert!(never.is_empty(), "every field of every message is changed: {never:?}");
    let unknown: Vec<_> =
        report.mutations.keys().filter(|mutation| !all_mutations().contains(mutation)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

// Faults: R05
#[test]
fn a_seed_plays_the_same_game_again() {
    for seed in 0..20 {
        let game = Game::of(seed, None);
        let keys = kit(game.replicas, game.has_checkpoints()).unwrap();
        let [first, second] = [(); 2].map(|()| {
            let tally = Tally::default();
            let verdict = play(&keys, &game, &tally, true);
            (verdict.end.text, tally.counts())
        });
        assert_eq!(first, second, "{}", game.command());
        assert!(first.0.unwrap().contains("MENDED"));
    }
}
