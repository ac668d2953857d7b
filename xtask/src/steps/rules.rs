//! Each rule of `docs/protocol.md` is cited by a comment in the code and by one in a test, and each citation is of a rule.

use crate::report::Report;
use crate::rule_book::{Citations, cited_in, coverage, read_book, unknown};
use crate::tree::Tree;

pub(super) const BOOK: &str = "docs/protocol.md";
const TOPS: &[&str] = &["crates", "apps"];
/// The simulator and the liars speak of rules but do not carry them out: their word proves none.
const NO_PROOF: &[&str] = &["crates/sim/", "crates/adversary/"];
/// The book has rules for every part of the protocol; fewer than this and the reader has not understood its format.
const FEWEST_RULES: usize = 90;

pub(crate) fn run(tree: &Tree) -> Report {
    let Some(text) = tree.read(BOOK) else {
        return Report::one_failed(format!("{BOOK} is missing"));
    };
    let book = read_book(&text);
    let mut report = Report::default();
    report.check(book.complaints.iter().map(|complaint| format!("{BOOK}, {complaint}")).collect());
    if book.rules.len() < FEWEST_RULES {
        report.failures.push(format!(
            "{BOOK} has {} rules, expected {FEWEST_RULES} at least; a rule is a line `- **V3** text`",
            book.rules.len()
        ));
    }
    let is_proof = |path: &str| !NO_PROOF.iter().any(|folder| path.starts_with(folder));
    let code = citations(tree, "src", is_proof);
    let talk = citations(tree, "src", |path| !is_proof(path));
    report.check(unknown(&book, &talk));
    let complaints = coverage(&book, &code, &citations(tree, "tests", |_| true));
    // Every rule counts as two checks, cited by code and by a test.
    report.passed += (2 * book.rules.len()).saturating_sub(complaints.len()) as u64;
    let failed = complaints.len() as u64;
    let grouped = grouped(complaints);
    report.more_failed += failed.saturating_sub(grouped.len() as u64);
    report.failures.extend(grouped);
    report
}

/// Complaints that differ only in their last word, the rule's number, become one with all numbers.
pub(super) fn grouped(complaints: Vec<String>) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for complaint in complaints {
        let (what, number) = complaint.rsplit_once(' ').unwrap_or((&complaint, ""));
        match groups.last_mut() {
            Some((last, numbers)) if last == what => numbers.push(number.to_owned()),
            _ => groups.push((what.to_owned(), vec![number.to_owned()])),
        }
    }
    groups.into_iter().map(|(what, numbers)| format!("{what} {}", numbers.join(", "))).collect()
}

/// The Rust files of every crate's and application's `part`, as pairs of path and text.
pub(super) fn sources(tree: &Tree, part: &str) -> Vec<(String, String)> {
    let files = tree.rust_files(TOPS, part).into_iter();
    files.filter_map(|path| tree.read(&path).map(|text| (path, text))).collect()
}

fn citations(tree: &Tree, part: &str, is_wanted: impl Fn(&str) -> bool) -> Citations {
    let mut sources = sources(tree, part);
    sources.retain(|(path, _)| is_wanted(path));
    cited_in(sources.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}
