//! `cargo xtask faults`: the table of faults, who plays each, and what came of it when it last ran.

use crate::fault_book::{Fault, Faults, Player, Players, State};
use crate::results::{Results, Verdict};
use std::io::{self, Write};

/// Which rows are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All of them.
    All,
    /// Those that could be tested and are not, or only in part.
    Open,
    /// One, with all that the book says of it.
    Row(String),
}

/// What is said of a test that this checkout has not run.
const NEVER: &str = "not run here yet";

/// Prints the table. Answers whether there was a row to print.
///
/// # Errors
/// When nothing can be written to `out`.
pub fn print_faults(
    book: &Faults,
    players: &Players,
    results: &Results,
    shown: &Shown,
    out: &mut impl Write,
) -> io::Result<bool> {
    let rows: Vec<&Fault> = book.rows.iter().filter(|row| is_shown(row, shown)).collect();
    for row in &rows {
        let tests = players.by_row.get(&row.number).map(Vec::as_slice).unwrap_or_default();
        print_row(row, tests, results, out)?;
        if matches!(shown, Shown::Row(_)) {
            writeln!(out, "     expected: {}\n     measure:  {}", row.expected, row.measure)?;
        }
    }
    match shown {
        Shown::Row(number) if rows.is_empty() => {
            writeln!(out, "There is no row {number} in docs/faults.md.")?
        }
        Shown::Row(_) => {}
        Shown::All | Shown::Open => writeln!(out, "{}", sums(book, players, results))?,
    }
    Ok(!rows.is_empty() || *shown == Shown::Open)
}

fn is_shown(row: &Fault, shown: &Shown) -> bool {
    match shown {
        Shown::All => true,
        Shown::Open => matches!(row.state, State::Open(_) | State::InPart(_)),
        Shown::Row(number) => row.number == *number,
    }
}

fn print_row(row: &Fault, tests: &[Player], results: &Results, out: &mut impl Write) -> io::Result<()> {
    let state = match &row.state {
        State::Tested => String::new(),
        State::InPart(why) => format!("   [in part: {why}]"),
        State::Later(why) => format!("   [later: {why}]"),
        State::Open(why) => format!("   [open: {why}]"),
        State::ByDesign(why) => format!("   [by design: {why}]"),
    };
    let last = last_result(row, tests, results).map_or(String::new(), |last| format!("   {last}"));
    writeln!(out, "{}  {}{last}{state}", row.number, row.fault)?;
    for test in tests {
        let said = results.of(test).map_or_else(
            || NEVER.to_owned(),
            |(verdict, dated)| format!("{}, {} at {}", verdict.word(), dated.date, dated.commit),
        );
        writeln!(out, "     {}: {}   {said}", test.path, test.name)?;
    }
    for night in results.nights.get(&row.number).into_iter().flatten() {
        let detail = if night.detail.is_empty() { String::new() } else { format!(": {}", night.detail) };
        writeln!(out, "     nightly {}   {}, {}{detail}", night.test, night.verdict.word(), night.date)?;
    }
    Ok(())
}

/// The worst word on a row: a failure before a skipped test before one that passed.
fn last_result(row: &Fault, tests: &[Player], results: &Results) -> Option<&'static str> {
    let nights = results.nights.get(&row.number).into_iter().flatten().map(|night| night.verdict);
    let known: Vec<Verdict> =
        tests.iter().filter_map(|test| results.of(test)).map(|(verdict, _)| verdict).chain(nights).collect();
    if known.contains(&Verdict::Failed) {
        return Some(Verdict::Failed.word());
    }
    if known.contains(&Verdict::Passed) {
        return Some(Verdict::Passed.word());
    }
    match known.first() {
        Some(verdict) => Some(verdict.word()),
        None if tests.is_empty() => None,
        None => Some(NEVER),
    }
}

fn sums(book: &Faults, players: &Players, results: &Results) -> String {
    let count =
        |is_counted: fn(&State) -> bool| book.rows.iter().filter(|row| is_counted(&row.state)).count();
    let failed = book.rows.iter().filter(|row| {
        let tests = players.by_row.get(&row.number).map(Vec::as_slice).unwrap_or_default();
        last_result(row, tests, results) == Some(Verdict::Failed.word())
    });
    format!(
        "{} rows: {} tested, {} tested in part, {} open, {} later, {} by design; {} failed when they last ran",
        book.rows.len(),
        count(|state| matches!(state, State::Tested)),
        count(|state| matches!(state, State::InPart(_))),
        count(|state| matches!(state, State::Open(_))),
        count(|state| matches!(state, State::Later(_))),
        count(|state| matches!(state, State::ByDesign(_))),
        failed.count()
    )
}
