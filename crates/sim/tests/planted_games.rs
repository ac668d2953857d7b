//! Planted bugs against the short games: twins and mutated messages find them without the whole world.
//! `cargo test -p outvote-sim --features planted-bugs --test planted_games -- --nocapture` prints after how many games.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![allow(clippy::print_stdout, reason = "the counts are what is wanted")]

use outvote_sim::campaign::cores;
use outvote_sim::twins::{Alphabet, What};
use outvote_sim::{mutation, twins};
use outvote_types::planted::{Bug, plant};
use std::sync::{Mutex, PoisonError};

/// The switch belongs to the whole process, so one bug at a time.
static SWITCH: Mutex<()> = Mutex::new(());

/// Games between two looks at what was found.
const AT_ONCE: u64 = 64;

const COMPLETE: What =
    What::Complete { alphabet: Alphabet { replicas: 4, twins: 1, sets_max: 2, losses: true }, rounds: 3 };
const SAMPLED: What = What::Sampled { replicas: Some(4), rounds: None };

/// What was wrong with one of these twins, if anything: the scenario and the checker.
fn of_twins(what: What, from: u64) -> Option<String> {
    let options = twins::Options { what, from, count: Some(AT_ONCE), time: None, jobs: cores() };
    let report = twins::campaign(&options, |_| ()).unwrap();
    report.failures.first().map(|(scenario, name, _)| format!("{name} in {scenario}"))
}

fn of_mutation(from: u64) -> Option<String> {
    let options = mutation::Options {
        replicas: Some(4),
        first_seed: from,
        count: Some(AT_ONCE),
        time: None,
        jobs: cores(),
    };
    let report = mutation::campaign(&options, |_| ()).unwrap();
    report.failures.first().map(|(game, name, _)| format!("{name} in seed {}", game.seed))
}

/// Plays with the bug on until something is wrong; says after how many games, to the next [`AT_ONCE`], and what.
fn hunt(bug: Bug, most: u64, games: impl Fn(u64) -> Option<String>) -> Option<(u64, String)> {
    let _guard = SWITCH.lock().unwrap_or_else(PoisonError::into_inner);
    std::panic::set_hook(Box::new(|_| {}));
    plant(Some(bug));
    let mut firsts = (0..most).step_by(AT_ONCE as usize);
    let found = firsts.find_map(|first| Some((first + AT_ONCE, games(first)?)));
    plant(None);
    let _ = std::panic::take_hook();
    found
}

fn is_caught(bug: Bug, by: &str, most: u64, games: impl Fn(u64) -> Option<String>) {
    let found = hunt(bug, most, games);
    println!("{bug:?} by {by}: {found:?}");
    assert!(found.is_some(), "{bug:?} lives through {most} games of {by}");
}

// Faults: R04
#[test]
fn twins_of_the_complete_list_catch_what_breaks_agreement() {
    is_caught(Bug::QuorumOffByOne, "all twins", 2_048, |from| of_twins(COMPLETE, from));
}

// Faults: R04
#[test]
fn drawn_twins_catch_what_breaks_agreement() {
    for bug in [Bug::QuorumOffByOne, Bug::CommitAfterPrepare, Bug::ParentUnchecked] {
        is_caught(bug, "drawn twins", 8_192, |from| of_twins(SAMPLED, from));
    }
}

// Faults: R04
#[test]
fn drawn_twins_catch_a_wrong_ranking() {
    is_caught(Bug::RankBySequence, "drawn twins", 8_192, |from| of_twins(SAMPLED, from));
}

// Faults: R05
#[test]
fn mutated_messages_catch_what_is_not_checked() {
    for bug in [Bug::QuorumOffByOne, Bug::CommitAfterPrepare, Bug::TimestampUnchecked, Bug::VerifySaysYes] {
        is_caught(bug, "mutations", 8_192, of_mutation);
    }
}
