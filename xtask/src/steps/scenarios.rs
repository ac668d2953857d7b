//! Each scenario of `docs/protocol.md` is played by a test, but for those that the book marks as later.

use super::rules::{BOOK, grouped, sources};
use crate::report::Report;
use crate::scenario_book::{read_scenarios, scenario_coverage, scenarios_in};
use crate::tree::Tree;

/// The book has this many at least; fewer and the reader has not understood its format.
const FEWEST_SCENARIOS: usize = 50;

pub(crate) fn run(tree: &Tree) -> Report {
    let Some(text) = tree.read(BOOK) else {
        return Report::one_failed(format!("{BOOK} is missing"));
    };
    let book = read_scenarios(&text);
    let mut report = Report::default();
    report.check(book.complaints.iter().map(|complaint| format!("{BOOK}, {complaint}")).collect());
    if book.known.len() < FEWEST_SCENARIOS {
        let found = book.known.len();
        report.failures.push(format!("{BOOK} has {found} scenarios, expected {FEWEST_SCENARIOS} at least"));
    }
    let tests = sources(tree, "tests");
    let played = scenarios_in(tests.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let complaints = scenario_coverage(&book, &played);
    report.passed += book.known.len().saturating_sub(complaints.len()) as u64;
    let failed = complaints.len() as u64;
    let grouped = grouped(complaints);
    report.more_failed += failed.saturating_sub(grouped.len() as u64);
    report.failures.extend(grouped);
    report
}
