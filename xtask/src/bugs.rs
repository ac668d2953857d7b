//! `cargo xtask bugs`: plants each mistake of the bug bank in turn, and says what catches it.
//!
//! What is planted where is written beside the code (`planted.rs` of `types` and `storage`); what must catch it, here in
//! [`table`]. A mistake without a row, or a row without a mistake, is a failure like one that lives through.

mod bank;
mod catch;
mod programs;
pub mod table;

pub use bank::{Planted, mistakes_in};

use crate::report::Report;
use crate::tree::Tree;
use bank::bank;
use catch::{Caught, catch};
use programs::Programs;
pub(crate) use programs::{PLANTED_FEATURES, settings};
use std::io::{self, Write};
use table::{Catcher, ROWS, Row};

/// Which rows are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<'a> {
    /// Every one.
    All,
    /// Those that are caught within seconds, for the gate.
    Quick,
    /// One, by its name.
    One(&'a str),
}

impl Selection<'_> {
    fn has(self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Quick => !row.is_slow,
            Self::One(name) => row.bug == name,
        }
    }
}

/// Plants the selected mistakes one after the other and writes a row of the table for each that is caught.
///
/// # Errors
/// When nothing can be written to `out`.
pub fn run(tree: &Tree, selection: Selection<'_>, out: &mut impl Write) -> io::Result<Report> {
    let mut report = Report::default();
    let planted = bank(tree);
    report.check(unpaired(&planted));
    let rows: Vec<&Row> = ROWS.iter().filter(|row| selection.has(row)).collect();
    if rows.is_empty() {
        report.failures.push(format!("there is no such mistake: {selection:?}"));
        return Ok(report);
    }
    let programs = match Programs::build(tree) {
        Ok(programs) => programs,
        Err(why) => return Ok(Report::one_failed(why)),
    };
    writeln!(out, "| bug | rule | what is wrong | place | caught by | after |\n|---|---|---|---|---|---|")?;
    let mut seeds = Vec::new();
    for row in rows {
        let Some(bug) = planted.iter().find(|bug| bug.name == row.bug) else { continue };
        match catch(tree, &programs, row) {
            Ok(caught) => {
                report.passed += 1;
                seeds.extend(caught.seeds());
                line(out, bug, row, &caught)?;
            }
            Err(why) => report.failures.push(format!("{}: {why}", row.bug)),
        }
    }
    seeds.sort_unstable();
    if let (Some(median), Some(most)) = (seeds.get(seeds.len() / 2), seeds.last()) {
        let count = seeds.len();
        writeln!(
            out,
            "\n{} mistakes caught, {count} of them by campaigns: median {median} seeds, most {most}.",
            report.passed
        )?;
    }
    Ok(report)
}

fn line(out: &mut impl Write, bug: &Planted, row: &Row, caught: &Caught) -> io::Result<()> {
    let (by, after) = match caught {
        Caught::Campaign { checker, seeds } => (format!("campaign, {checker}"), format!("{seeds} seeds")),
        Caught::Test => (row.catcher.in_words(), String::from("1 run")),
    };
    writeln!(out, "| {} | {} | {} | {} | {by} | {after} |", bug.name, bug.rule, bug.what, bug.place())?;
    out.flush()
}

/// What is planted and not hunted, or hunted and not planted.
fn unpaired(planted: &[Planted]) -> Vec<String> {
    let bare = planted.iter().filter(|bug| !ROWS.iter().any(|row| row.bug == bug.name));
    let bare =
        bare.map(|bug| format!("{} has no row in xtask/src/bugs/table.rs; say what catches it", bug.name));
    let lost = ROWS.iter().filter(|row| !planted.iter().any(|bug| bug.name == row.bug));
    let lost =
        lost.map(|row| format!("{} has a row in xtask/src/bugs/table.rs and is planted nowhere", row.bug));
    let unused = planted.iter().filter(|bug| bug.places.is_empty());
    let unused = unused.map(|bug| format!("{} is in the bank and no code asks for it", bug.name));
    bare.chain(lost).chain(unused).collect()
}

impl Catcher {
    fn in_words(self) -> String {
        match self {
            Self::Campaign(_) => String::from("campaign"),
            Self::Test(package, program, test) => format!("{package}, {program}: {test}"),
            Self::Stage(test) => format!("a stage of the simulator: {test}"),
        }
    }
}
