//! A campaign against a program with the planted bug that the environment names: it must be found, and without one nothing
//! must. `cargo xtask bugs` runs it for every bug that campaigns find.

#![allow(clippy::print_stdout, reason = "the number of seeds is what is wanted")]

use outvote_sim::{Options, campaign};

/// The bug, as `outvote_types::planted` reads it.
const BUG_VARIABLE: &str = "OUTVOTE_PLANTED_BUG";
/// So many seeds at most.
const SEEDS_VARIABLE: &str = "OUTVOTE_HUNT_SEEDS";
/// When nothing else is said.
const SEEDS: u64 = 4;
/// Seeds that run side by side before it is looked whether one of them failed.
const SEEDS_AT_ONCE: usize = 4;
/// Replicas in each seed.
const REPLICAS: usize = 4;

/// The first seed that fails, and what saw it.
fn hunt(seeds_max: u64) -> Option<(u64, String)> {
    (0..seeds_max).step_by(SEEDS_AT_ONCE).find_map(|first_seed| {
        let seeds = (seeds_max - first_seed).min(SEEDS_AT_ONCE as u64);
        let options = Options { seeds, first_seed, replicas: Some(REPLICAS), ..Options::default() };
        let failure = campaign(&options, |_, _| ()).failures.into_iter().next()?;
        let violation = failure.violations.first().map(|violation| violation.name.to_owned());
        Some((failure.seed, violation.or_else(|| failure.stall.map(|_| String::from("stall")))?))
    })
}

#[test]
fn a_campaign_finds_the_planted_bug() {
    let bug = std::env::var(BUG_VARIABLE).ok();
    let seeds = std::env::var(SEEDS_VARIABLE).map_or(SEEDS, |text| text.parse().unwrap());
    // A panic of a replica is a finding, and the report says so.
    std::panic::set_hook(Box::new(|_| {}));
    let found = hunt(seeds);
    let _ = std::panic::take_hook();
    match &found {
        Some((seed, name)) => println!("caught by {name} after {} seeds", seed + 1),
        None => println!("lives through {seeds} seeds"),
    }
    assert_eq!(found.is_some(), bug.is_some(), "a bug is found if and only if there is one: {bug:?}");
}
