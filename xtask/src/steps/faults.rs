//! Each row of `docs/faults.md` is played by a test that names it, but for those whose state says why not.

use super::rules::grouped;
use crate::fault_book::{Faults, Players, State, fault_coverage, players_in, read_faults, settled};
use crate::report::Report;
use crate::tree::Tree;

const BOOK: &str = "docs/faults.md";
/// The book has this many at least; fewer and the reader has not understood its format.
const FEWEST_ROWS: usize = 230;
/// Where comments may name rows.
const TOPS: &[&str] = &["crates/", "apps/", "xtask/src/", "xtask/tests/", "fuzz/", "web/tests/"];
/// What a source ends in.
const ENDINGS: &[&str] = &[".rs", ".ts", ".mjs"];
/// The tests of the reader itself hold examples of what it reads.
const NO_PLAYERS: &[&str] = &["xtask/tests/fault_book.rs", "xtask/src/fault_book.rs"];

pub(crate) fn run(tree: &Tree) -> Report {
    let Some(book) = book(tree) else {
        return Report::one_failed(format!("{BOOK} is missing"));
    };
    let mut report = Report::default();
    report.check(book.complaints.iter().map(|complaint| format!("{BOOK}, {complaint}")).collect());
    if book.rows.len() < FEWEST_ROWS {
        let found = book.rows.len();
        report.failures.push(format!("{BOOK} has {found} rows, expected {FEWEST_ROWS} at least"));
    }
    let complaints = fault_coverage(&book, &players(tree));
    report.passed += book.rows.len().saturating_sub(complaints.len()) as u64;
    let failed = complaints.len() as u64;
    let grouped = grouped(complaints);
    report.more_failed += failed.saturating_sub(grouped.len() as u64);
    report.failures.extend(grouped);
    let open: Vec<&str> = book
        .rows
        .iter()
        .filter(|row| matches!(row.state, State::Open(_)))
        .map(|row| row.number.as_str())
        .collect();
    if !open.is_empty() {
        report.warnings.push(format!(
            "{} rows have no test yet, see `cargo xtask faults --open`: {}",
            open.len(),
            open.join(" ")
        ));
    }
    report
}

/// The rows of the tree's book.
pub(crate) fn book(tree: &Tree) -> Option<Faults> {
    tree.read(BOOK).map(|text| read_faults(&text))
}

/// Empties the state of the rows that are `open` and have a test by now, in the book itself.
///
/// # Errors
/// When the book cannot be written.
pub(crate) fn settle(tree: &Tree) -> std::io::Result<()> {
    let text = tree.read(BOOK).unwrap_or_default();
    std::fs::write(tree.path(BOOK), settled(&text, &players(tree)))
}

/// The tests of the tree that name rows.
pub(crate) fn players(tree: &Tree) -> Players {
    let is_wanted = |path: &String| {
        TOPS.iter().any(|top| path.starts_with(top))
            && ENDINGS.iter().any(|ending| path.ends_with(ending))
            && !NO_PLAYERS.contains(&path.as_str())
    };
    let files = tree.files().into_iter().filter(is_wanted);
    let sources: Vec<(String, String)> =
        files.filter_map(|path| tree.read(&path).map(|text| (path, text))).collect();
    players_in(sources.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}
