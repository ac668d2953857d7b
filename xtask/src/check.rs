//! The command line and the gate's loop.

use crate::bugs::{self, Selection};
use crate::faults::{Shown, print_faults};
use crate::fuzz;
use crate::growth::growth;
use crate::nightly;
use crate::peers::peers;
use crate::report::{Report, Sums};
use crate::results::Results;
use crate::schedules;
use crate::steps;
use crate::torture::torture;
use crate::tree::Tree;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

const HELP: &str = "cargo xtask check              the whole gate, as CI runs it
cargo xtask check --only STEP  one step of it
cargo xtask check --list       the steps
cargo xtask bugs               every planted mistake, and what catches it
cargo xtask bugs --quick       those that the gate tries
cargo xtask bugs --only BUG    one of them
cargo xtask torture            real processes under every fault that this host can make:
                               [--minutes M] [--replicas 4|7] [--only ROW] [--seed S] [--list]
cargo xtask bench peers        what a user would pick instead, beside ours and in one run, into docs/performance.md:
                               [--only NAME] [--rounds N] [--quick] [--output text|json]
cargo xtask bench growth       how it grows: members, payload, batch, clients, history, a replica that comes back; real
                               processes, and up to 100 members in the simulator, into docs/performance.md:
                               [--quick] [--only SERIES,...] [--seconds S] [--operations N] [--missed S] [--rate N]
cargo xtask faults             each fault of docs/faults.md: which tests play it, and what came of them
cargo xtask faults --open      those that have no test yet, or not for all of it
cargo xtask faults --settle    empties the state of rows that are open and have a test by now
cargo xtask faults --row N01   one of them, with what is expected
cargo xtask schedules          the orders in which threads may take turns: [--count N] [--seed S] [--only TEST]
cargo xtask fuzz               every target under a fuzzer: [--executions N | --minutes M] [--only TARGET]";

/// Runs the command that `arguments` name.
#[must_use]
pub fn main_with(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => run(&Tree::own(), None, &mut io::stdout().lock()),
        ["check", "--only", step] => run(&Tree::own(), Some(step), &mut io::stdout().lock()),
        ["bugs"] => plant(Selection::All, &mut io::stdout().lock()),
        ["bugs", "--quick"] => plant(Selection::Quick, &mut io::stdout().lock()),
        ["bugs", "--only", bug] => plant(Selection::One(bug), &mut io::stdout().lock()),
        ["check", "--list"] => list(&mut io::stdout().lock()).map(|()| true),
        ["bench", "peers", arguments @ ..] => peers(&Tree::own(), arguments),
        ["bench", "growth", arguments @ ..] => growth(&Tree::own(), arguments),
        ["torture", arguments @ ..] => torture(&Tree::own(), arguments),
        ["faults"] => faults(&Tree::own(), &Shown::All),
        ["faults", "--open"] => faults(&Tree::own(), &Shown::Open),
        ["faults", "--settle"] => steps::faults::settle(&Tree::own()).map(|()| true),
        ["faults", "--row", number] => faults(&Tree::own(), &Shown::Row((*number).to_owned())),
        ["schedules", rest @ ..] => schedules::run(&Tree::own(), rest, &mut io::stdout().lock()),
        ["fuzz", rest @ ..] => fuzz::run(&Tree::own(), rest, &mut io::stdout().lock()),
        [] | ["help" | "--help" | "-h"] => help(&mut io::stdout().lock()).map(|()| true),
        other => match nightly::ALL.iter().find(|command| other.first() == Some(&command.name)) {
            Some(command) => nightly::run(&Tree::own(), command, &other[1..]),
            None => writeln!(io::stderr(), "unknown: {}\n\n{HELP}", other.join(" ")).map(|()| false),
        },
    };
    if matches!(outcome, Ok(true)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn help(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HELP}")?;
    nightly::ALL
        .iter()
        .try_for_each(|command| writeln!(out, "cargo xtask {:<18} {}", command.name, command.about))
}

fn plant(selection: Selection<'_>, out: &mut impl Write) -> io::Result<bool> {
    let start = Instant::now();
    let report = bugs::run(&Tree::own(), selection, out)?;
    print(out, "bugs", &report, start.elapsed().as_secs_f64())?;
    Ok(report.is_good())
}

fn faults(tree: &Tree, shown: &Shown) -> io::Result<bool> {
    let Some(book) = steps::faults::book(tree) else {
        return writeln!(io::stderr(), "docs/faults.md is missing").map(|()| false);
    };
    let players = steps::faults::players(tree);
    print_faults(&book, &players, &Results::load(tree), shown, &mut io::stdout().lock())
}

fn list(out: &mut impl Write) -> io::Result<()> {
    steps::ALL.iter().try_for_each(|step| writeln!(out, "{:<10} {}", step.name, step.about))
}

/// Runs every step, or the one that is named, and writes one line for each. The last line has the sums. Answers
/// whether nothing failed.
///
/// # Errors
/// When nothing can be written to `out`.
pub fn run(tree: &Tree, only: Option<&str>, out: &mut impl Write) -> io::Result<bool> {
    let mut sums = Sums::default();
    let mut known = false;
    for step in steps::ALL.iter().filter(|step| only.is_none_or(|name| name == step.name)) {
        known = true;
        let start = Instant::now();
        let report = (step.run)(tree);
        sums.count(&report);
        print(out, step.name, &report, start.elapsed().as_secs_f64())?;
    }
    if !known {
        writeln!(out, "There is no step {:?}. The steps:", only.unwrap_or_default())?;
        list(out)?;
        return Ok(false);
    }
    writeln!(out, "{}", sums.line())?;
    Ok(sums.failed == 0)
}

fn print(out: &mut impl Write, name: &str, report: &Report, seconds: f64) -> io::Result<()> {
    let verdict = match (report.is_good(), report.passed, report.skipped.len()) {
        (false, ..) => "FAILED",
        (true, 0, 1..) => "skipped",
        (true, ..) => "ok",
    };
    writeln!(
        out,
        "{name:<10} {verdict:<8} {seconds:>7.1} s   {} passed, {} failed, {} skipped",
        report.passed,
        report.failed(),
        report.skipped.len()
    )?;
    for warning in &report.warnings {
        writeln!(out, "    warning: {}", indented(warning))?;
    }
    for reason in &report.skipped {
        writeln!(out, "    skipped: {}", indented(reason))?;
    }
    for failure in &report.failures {
        writeln!(out, "    failed: {}", indented(failure))?;
    }
    out.flush()
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n        ")
}
