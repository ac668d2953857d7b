//! Each rule of `docs/protocol.md` is cited by a comment in the code and by one in a test, and each citation is of a rule.

use crate::report::Report;
use crate::rule_book::{Citations, cited_in, coverage, read_book};
use crate::tree::Tree;

const BOOK: &str = "docs/protocol.md";
const TOPS: &[&str] = &["crates", "apps"];
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
    let complaints = coverage(&book, &citations(tree, "src"), &citations(tree, "tests"));
    // Every rule counts as two checks, cited by code and by a test.
    report.passed += (2 * book.rules.len()).saturating_sub(complaints.len()) as u64;
    report.failures.extend(complaints);
    report
}

fn citations(tree: &Tree, part: &str) -> Citations {
    let sources: Vec<(String, String)> = tree
        .rust_files(TOPS, part)
        .into_iter()
        .filter_map(|path| tree.read(&path).map(|text| (path, text)))
        .collect();
    cited_in(sources.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}
