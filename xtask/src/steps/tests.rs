//! Builds the binary and runs every test, in the one profile that users run.

use crate::bugs::{self, PLANTED_FEATURES, Selection};
use crate::libtest::{self, Ignored, SKIPPED_VARIABLE};
use crate::process::{Finished, cargo, is_ci, run as run_program, run_with};
use crate::report::Report;
use crate::results::{self, Outcome, Verdict, libtest_results};
use crate::tree::Tree;
use std::fs;

/// How many lines of one failed test are shown; the rest is in the log.
const SHOWN_LINES: usize = 40;
/// Where the whole output goes, below the target folder.
const LOG: &str = "xtask-tests.log";
/// Where tests write that they could not be done here, below the target folder.
const SKIPPED: &str = "xtask-skipped.txt";
/// Every test of the program as it is.
const TESTS: &[&str] = &["test", "--workspace", "--release", "--no-fail-fast"];
/// The simulator against a program with one planted bug at a time, where the test plants it itself: shrinking, and the short
/// games. A build of its own, since no release has the feature.
const PLANTED: &[&str] = &[
    "test",
    "--workspace",
    "--release",
    "--no-fail-fast",
    "--features",
    PLANTED_FEATURES,
    "--test",
    "shrink",
    "--test",
    "planted_games",
];
/// The whole output of these.
const PLANTED_LOG: &str = "xtask-planted.log";
/// An ignored test is fine in CI only when its reason begins so and names what only some hosts offer.
const HOST_REASON: &str = "needs a host";

pub(crate) fn run(tree: &Tree) -> Report {
    let mut report = Report::default();
    match run_program(tree.root(), &cargo(), &["build", "--quiet", "--release", "--workspace"]) {
        Ok(finished) if finished.success => report.passed += 1,
        Ok(finished) => return Report::one_failed(format!("the build fails\n{}", finished.tail())),
        Err(error) => return Report::one_failed(format!("cargo cannot be started: {error}")),
    }
    let mut outcomes = Vec::new();
    let settings = bugs::settings();
    let planted: Vec<&str> = PLANTED.iter().copied().chain(settings.iter().map(String::as_str)).collect();
    for (log, arguments) in [(LOG, TESTS), (PLANTED_LOG, &planted)] {
        let list = tree.target().join(SKIPPED);
        // What an earlier run left there; that there was none is fine.
        let _ = fs::remove_file(&list);
        let variable = [(SKIPPED_VARIABLE, &*list.to_string_lossy())];
        match run_with(tree.root(), &cargo(), arguments, &variable) {
            Ok(finished) => {
                let skipped = libtest::skipped(&fs::read_to_string(&list).unwrap_or_default());
                outcomes.extend(outcomes_of(&finished, &skipped));
                report.add(judge(tree, &finished, log, &skipped));
            }
            Err(error) => report.failures.push(format!("cargo test cannot be started: {error}")),
        }
    }
    // The table is for `cargo xtask bugs`; here what lives through counts.
    match bugs::run(tree, Selection::Quick, &mut std::io::sink()) {
        Ok(caught) => report.add(caught),
        Err(error) => report.failures.push(format!("the planted mistakes: {error}")),
    }
    if let Err(error) = results::keep(tree, "tests", &outcomes) {
        report.warnings.push(format!("what became of each test cannot be kept: {error}"));
    }
    report
}

/// What became of each test. One that found that it cannot be done here was skipped, though `cargo test` says that it passed.
fn outcomes_of(finished: &Finished, skipped: &[Ignored]) -> Vec<Outcome> {
    let mut outcomes = libtest_results(&finished.stdout, &finished.stderr);
    for outcome in &mut outcomes {
        let name = outcome.name.rsplit("::").next().unwrap_or(&outcome.name);
        if skipped.iter().any(|test| test.name == outcome.name || test.name == name) {
            outcome.verdict = Verdict::Skipped;
        }
    }
    outcomes
}

fn judge(tree: &Tree, finished: &Finished, log: &str, skipped: &[Ignored]) -> Report {
    let counts = libtest::counts(&finished.stdout);
    let log = tree.target().join(log);
    // A test that found that it cannot be done here ended well, but it passed nothing.
    let passed = counts.passed.saturating_sub(skipped.len() as u64);
    let mut report = Report { passed, ..Report::default() };
    if let Err(error) = fs::write(&log, format!("{}\n{}", finished.stdout, finished.stderr)) {
        report.warnings.push(format!("{} cannot be written: {error}", log.display()));
    }
    report.failures = libtest::failures(&finished.stdout, SHOWN_LINES);
    // Tests that failed without a block of their own are counted all the same, but nothing is counted twice.
    report.more_failed = counts.failed.saturating_sub(report.failures.len() as u64);
    if !finished.success && report.is_good() {
        report.failures.push(format!("cargo test ended badly; see {}\n{}", log.display(), finished.tail()));
    } else if !report.is_good() {
        report.warnings.push(format!("the whole output is in {}", log.display()));
    }
    if counts.passed == 0 {
        report.failures.push("no test ran; the gate does not take that for success".to_owned());
    }
    report.add(not_run(&libtest::ignored(&finished.stdout), is_ci()));
    report.add(not_run(skipped, is_ci()));
    report
}

/// The verdict on tests that were not run: in CI each needs a reason that names what only some hosts offer.
#[must_use]
pub fn not_run(tests: &[Ignored], is_ci: bool) -> Report {
    let mut report = Report::default();
    for test in tests {
        let text =
            format!("{}: {}", test.name, if test.reason.is_empty() { "no reason" } else { &test.reason });
        if !is_ci || test.reason.starts_with(HOST_REASON) {
            report.skipped.push(text);
        } else {
            report.failures.push(format!(
                "{text}; CI skips no test but for `#[ignore = \"{HOST_REASON} with ...\"]`, or a reason of that form"
            ));
        }
    }
    report
}
