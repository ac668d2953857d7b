//! Twins: every division of a few replicas and a second instance of some of them, by a fast engine and on the whole world.
//! Scenario 29. N10, V21
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use outvote_sim::campaign::cores;
use outvote_sim::twins::whole;
use outvote_sim::twins::{
    Alphabet, Options, Orbits, Report, Scenario, What, campaign, divisions, kit, play, sample,
};
use outvote_types::ReplicaId;
use std::collections::BTreeSet;

const FOUR: Alphabet = Alphabet { replicas: 4, twins: 1, sets_max: 2, losses: false };

fn run(what: What, from: u64, count: Option<u64>) -> Report {
    let options = Options { what, from, count, time: None, jobs: cores() };
    let report = campaign(&options, |_| ()).unwrap();
    let first = report.failures.first().map(|(scenario, name, words)| format!("{scenario}: {name}: {words}"));
    assert_eq!(first, None, "{} violations, {} stalls", report.violations, report.stalls);
    report
}

/// All words of this length, as digits.
fn all_words(letters: usize, rounds: u32) -> impl Iterator<Item = Vec<u32>> {
    let letters = letters as u64;
    (0..letters.pow(rounds))
        .map(move |number| (0..rounds).map(|place| (number / letters.pow(place) % letters) as u32).collect())
}

fn the_list_is_one_of_each_class(alphabet: Alphabet, rounds: u32) -> u64 {
    let mut orbits = Orbits::new(alphabet);
    let count = orbits.count(rounds);
    let listed: BTreeSet<Vec<u32>> = (0..count).map(|number| orbits.word(rounds, number).unwrap()).collect();
    assert_eq!(orbits.word(rounds, count), None);
    assert_eq!(listed.len() as u64, count, "no word twice");
    let found: BTreeSet<Vec<u32>> =
        all_words(orbits.letters(), rounds).map(|word| orbits.class_of(&word).0).collect();
    assert_eq!(found, listed, "{alphabet:?}, {rounds} rounds: by force and by counting");
    let words: usize = listed.iter().map(|word| orbits.class_of(word).1).sum();
    assert_eq!(words as u64, orbits.words(rounds), "the classes make up all words");
    count
}

// Faults: R04
#[test]
fn the_reduction_loses_no_class_of_scenarios() {
    // By hand: one round of four with one twin in at most two sets. The renamings are the 6 orders of the others times the swap.
    assert_eq!(divisions(5, 2).len(), 16);
    assert_eq!(divisions(5, 5).len(), 52);
    the_list_is_one_of_each_class(FOUR, 1);
    the_list_is_one_of_each_class(FOUR, 2);
    the_list_is_one_of_each_class(Alphabet { losses: true, ..FOUR }, 2);
    the_list_is_one_of_each_class(Alphabet { sets_max: 5, ..FOUR }, 1);
    the_list_is_one_of_each_class(Alphabet { twins: 2, ..FOUR }, 2);
    let alphabet = Alphabet { replicas: 5, twins: 1, sets_max: 2, losses: false };
    the_list_is_one_of_each_class(alphabet, 1);
}

// Faults: R04
#[test]
fn the_complete_lists_have_the_sizes_that_the_document_names() {
    let count = |alphabet, rounds| Orbits::new(alphabet).count(rounds);
    let all_sets = Alphabet { sets_max: 5, ..FOUR };
    let counts = [count(FOUR, 3), count(FOUR, 4), count(all_sets, 3), count(all_sets, 4)];
    assert_eq!(counts, [25_740, 1_502_936, 812_110, 160_117_923]);
    assert_eq!(count(Alphabet { losses: true, ..FOUR }, 4), 11_082_851);
}

/// What came of a scenario, names apart. How many blocks it took, and whether a lie was noticed,
/// depends on who spoke first, so on names.
fn outcome(scenario: &Scenario) -> (bool, bool) {
    let keys = kit(scenario.replicas, scenario.seats()).unwrap();
    let verdict = play(&keys, scenario, false);
    (verdict.committed > 0, verdict.end.failure.is_none())
}

// Faults: R04
#[test]
fn scenarios_of_one_class_come_to_the_same() {
    let orbits = Orbits::new(FOUR);
    for word in all_words(orbits.letters(), 2).step_by(37) {
        let first = orbits.class_of(&word).0;
        let (this, that) = (orbits.scenario(&word), orbits.scenario(&first));
        assert_eq!(outcome(&this), outcome(&that), "{this} and {that}");
    }
}

// Faults: R03, R04, L01, L02
#[test]
fn twins_never_fork_four_replicas_in_any_two_rounds_of_two_sets() {
    let report = run(What::Complete { alphabet: FOUR, rounds: 2 }, 0, None);
    assert_eq!(Some(report.scenarios), report.total);
    assert!(report.with_commits > 0 && report.with_accusations > 0, "{report:?}");
}

// Faults: R03, R04, R26, L01, L11
#[test]
fn twins_never_fork_four_replicas_in_some_longer_games_of_the_complete_list() {
    let what = What::Complete { alphabet: Alphabet { losses: true, ..FOUR }, rounds: 4 };
    for from in [0, 1_000_003, 5_000_011] {
        run(what, from, Some(150));
    }
}

// Faults: R03, R04, R24, L01, L02, L11, O02
#[test]
fn twins_never_fork_four_or_seven_replicas_in_drawn_games() {
    let report = run(What::Sampled { replicas: None, rounds: None }, 0, Some(400));
    assert!(report.with_accusations > 0, "{report:?}");
    let drawn: Vec<Scenario> = (0..400).map(|seed| sample(seed, None, None)).collect();
    assert!(drawn.iter().any(|scenario| scenario.fenced), "some twins are an operator's mistake");
    assert!(drawn.iter().any(|scenario| scenario.replicas == 7 && scenario.twins.len() == 2));
}

// Faults: R04
#[test]
fn a_scenario_reads_back_from_its_text_and_plays_the_same() {
    let mut orbits = Orbits::new(Alphabet { losses: true, sets_max: 3, ..FOUR });
    let count = orbits.count(3);
    let listed = (0..40).map(|step| orbits.scenario(&orbits.word(3, step * count / 40).unwrap()));
    for scenario in listed.chain((0..60).map(|seed| sample(seed, None, None))) {
        let again: Scenario = scenario.to_string().parse().unwrap();
        assert_eq!(again, scenario);
        let keys = kit(scenario.replicas, scenario.seats()).unwrap();
        let (first, second) = (play(&keys, &scenario, true), play(&keys, &again, true));
        assert_eq!((first.end.text, first.end.frames), (second.end.text, second.end.frames), "{scenario}");
    }
    for wrong in [
        "",
        "4",
        "3:1:0.0000",
        "4:1:",
        "4:9:0.00000",
        "4:1:0.0000",
        "4:1:9.00000",
        "4:1:0.00000x",
        "4:11:0.000000",
    ] {
        assert!(wrong.parse::<Scenario>().is_err(), "{wrong:?}");
    }
}

/// A replica that has seen nothing of ten blocks, the ninth of which nobody has a certificate of its own for. C5
#[test]
fn a_range_ends_with_its_certificate_also_above_what_was_asked_for() {
    let text = "7:06:2.011111101c-0.000000010cd54d48-=.000010101c-0.011000010c-6.000011001c-=.000011001c-6.000100000c-\
                6.000000100d78d35-6.011111111cd73-0.001000000c-0.000000010-0.011111111:f";
    let scenario: Scenario = text.parse().unwrap();
    let keys = kit(scenario.replicas, scenario.seats()).unwrap();
    assert_eq!(play(&keys, &scenario, false).end.failure, None);
}

fn all_are_sound(scenarios: &[whole::Scenario]) {
    let middle = scenarios.len() / 2;
    let (first, second) = scenarios.split_at(middle);
    std::thread::scope(|scope| {
        for half in [first, second] {
            scope.spawn(move || half.iter().for_each(|scenario| whole::play(scenario).unwrap()));
        }
    });
}

#[test]
fn what_differs_only_in_the_name_of_an_instance_is_played_once() {
    // Five can be divided into at most two sets in 16 ways: 8 with both instances in one set, and 8 that come in pairs.
    let twin = ReplicaId(1);
    let found = whole::splits(4, twin, 2);
    assert!(found.iter().all(|split| split.len() == 5));
    let together = found.iter().filter(|split| split[1] == split[4]).count();
    assert_eq!((found.len(), together), (12, 8));
    // And into any number of sets in 52 ways: 15 with both in one, 5 with each alone, and 32 that come in pairs.
    assert_eq!(whole::splits(4, twin, 5).len(), 15 + 5 + 16);
}

// Faults: R04
#[test]
fn twins_never_fork_the_whole_world_in_two_rounds_of_two_sets() {
    let all = whole::scenarios(4, 2, 2);
    assert_eq!(all.len(), 4 * 12 * 12);
    all_are_sound(&all);
}

// Faults: R04
#[test]
fn twins_never_fork_the_whole_world_in_sampled_longer_games() {
    let all = whole::scenarios(4, 3, 3);
    let sample: Vec<_> = all.into_iter().step_by(211).collect();
    assert!(sample.len() > 300, "{}", sample.len());
    all_are_sound(&sample);
}
