//! What must catch which mistake.

/// What catches a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catcher {
    /// A campaign of the simulator, within so many seeds from the first one.
    Campaign(u64),
    /// A test that passes without the mistake fails with it: its crate's folder, its program, its name.
    Test(&'static str, &'static str, &'static str),
    /// A test of the simulator that plants the mistake itself and fails when nobody notices.
    Stage(&'static str),
}

/// A mistake and its catcher.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The mistake.
    pub bug: &'static str,
    /// What must catch it.
    pub catcher: Catcher,
    /// Whether it takes more than some seconds, so that the gate leaves it to `cargo xtask bugs`.
    pub is_slow: bool,
}

/// The program of hunts, and its one test.
pub(super) const HUNT: (&str, &str) = ("sim", "hunt");
pub(super) const HUNT_TEST: &str = "a_campaign_finds_the_planted_bug";
/// The program of stages.
pub(super) const STAGES: (&str, &str) = ("sim", "planted");

const fn campaign(bug: &'static str, seeds: u64) -> Row {
    Row { bug, catcher: Catcher::Campaign(seeds), is_slow: false }
}

const fn slow_campaign(bug: &'static str, seeds: u64) -> Row {
    Row { bug, catcher: Catcher::Campaign(seeds), is_slow: true }
}

const fn stage(bug: &'static str, test: &'static str) -> Row {
    Row { bug, catcher: Catcher::Stage(test), is_slow: false }
}

const fn test(bug: &'static str, package: &'static str, program: &'static str, test: &'static str) -> Row {
    Row { bug, catcher: Catcher::Test(package, program, test), is_slow: false }
}

/// Every mistake of the bank.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
//ROWS
];
