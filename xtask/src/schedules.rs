//! `cargo xtask schedules`: each test of `crates/schedules` under a million orders of turns, or so many as it is told.

use crate::process::cargo;
use crate::results::keep_night;
use crate::tree::Tree;
use serde_json::{Map, json};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Where the tests are; each file is a program of its own.
const TESTS: &str = "crates/schedules/tests/";
/// Schedules of each test unless told otherwise.
const COUNT: &str = "1000000";
/// The row that all of them play.
const ROW: &str = "P12";
/// What a test says when it has tried all of its schedules.
const WELL: &str = " schedules, none failed";
/// What a test says when one of them failed.
const BADLY: &str = ": failed under schedule ";

const USAGE: &str = "cargo xtask schedules [--count N] [--seed S] [--only TEST]";

/// Runs the command; answers whether no schedule failed.
///
/// # Errors
/// When nothing can be written, or a program cannot be started.
pub(crate) fn run(tree: &Tree, arguments: &[&str], out: &mut impl Write) -> io::Result<bool> {
    let (mut count, mut seed, mut only) = (COUNT, "0", None);
    let (pairs, rest) = arguments.as_chunks();
    for [option, value] in pairs {
        match *option {
            "--count" => count = value,
            "--seed" => seed = value,
            "--only" => only = Some(*value),
            _ => return writeln!(out, "{USAGE}").map(|()| false),
        }
    }
    if !rest.is_empty() || count.parse::<u64>().is_err() || seed.parse::<u64>().is_err() {
        return writeln!(out, "{USAGE}").map(|()| false);
    }
    // The whole workspace is selected, so that nothing of others is built anew.
    let mut command = Command::new(cargo());
    command.args(["test", "--workspace", "--release", "--no-fail-fast"]).current_dir(tree.root());
    command.args(programs(tree).iter().flat_map(|name| ["--test", name]));
    command.arg("--").args(only).args(["--nocapture", "--test-threads", "1"]);
    command.env("OUTVOTE_SCHEDULES", count).env("OUTVOTE_SCHEDULES_SEED", seed);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let (mut well, mut badly) = (0u64, Vec::new());
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let line = line?;
        if line.ends_with(WELL) {
            well += 1;
            writeln!(out, "{}", line.rsplit(" ... ").next().unwrap_or(&line))?;
        } else if line.contains(BADLY) {
            badly.push(line.rsplit(" ... ").next().unwrap_or(&line).to_owned());
            writeln!(out, "{line}")?;
        } else if line.starts_with("OUTVOTE_SCHEDULE=") {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    let is_good = child.wait()?.success() && badly.is_empty() && well > 0;
    let detail = match badly.first() {
        None => format!("{well} tests, {count} schedules each"),
        Some(first) => first.clone(),
    };
    writeln!(out, "{detail}")?;
    keep(tree, arguments, is_good, &detail)?;
    Ok(is_good)
}

/// The names of the test programs.
fn programs(tree: &Tree) -> Vec<String> {
    let files = tree.files().into_iter();
    let names = files.filter_map(|path| Some(path.strip_prefix(TESTS)?.strip_suffix(".rs")?.to_owned()));
    names.filter(|name| !name.contains('/')).collect()
}

/// What came of the row, for the table of faults.
fn keep(tree: &Tree, arguments: &[&str], is_good: bool, detail: &str) -> io::Result<()> {
    let command = format!("cargo xtask schedules {}", arguments.join(" "));
    let result = if is_good { "passed" } else { "failed" };
    let row = json!({"result": result, "detail": detail, "test": command.trim()});
    keep_night(tree, "schedules", arguments, &Map::from_iter([(ROW.to_owned(), row)]))
}
