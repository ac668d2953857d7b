//! `cargo xtask fuzz`: every target of `crates/fuzzing` under a fuzzer that learns, for so many executions or minutes each.

use crate::results::keep_night;
use crate::tree::Tree;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The tests that replay the kept inputs; they name each target and its rows.
const TESTS: &str = "crates/fuzzing/tests/corpus.rs";
/// Names the target to the fuzzer's program.
const VARIABLE: &str = "OUTVOTE_FUZZ_TARGET";
/// Executions of a decoder unless told otherwise.
const EXECUTIONS: u64 = 1_000_000;
/// Targets that do more than decode get one in so many of the executions.
const SLOWER: &[(&str, u64)] = &[
    ("text_files", 20),
    ("chat_import", 20),
    ("applications", 100),
    ("log", 50),
    ("state_rows", 20),
    ("state_file", 50),
    ("transfer", 200),
    ("tls", 50),
    ("http", 100),
    ("peer", 2_000),
];
/// How often a line is said.
const PULSE: Duration = Duration::from_secs(20);

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Options {
    executions: Option<u64>,
    minutes: Option<u64>,
    only: Option<String>,
    replay: Option<(String, String)>,
}

/// A target with the rows of the catalogue of faults that it plays.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    name: String,
    rows: Vec<String>,
}

/// What came of one target.
#[derive(Clone, Debug, Default)]
struct Outcome {
    executions: u64,
    per_second: u64,
    new_inputs: u64,
    crash: Option<PathBuf>,
    is_good: bool,
}

/// Runs the command; answers whether nothing was found.
///
/// # Errors
/// When nothing can be written, or a program cannot be started.
pub(crate) fn run(tree: &Tree, arguments: &[&str], out: &mut impl Write) -> io::Result<bool> {
    let options = match read(arguments) {
        Ok(options) => options,
        Err(why) => return writeln!(out, "{why}").map(|()| false),
    };
    let targets = targets(&tree.read(TESTS).unwrap_or_default());
    if let Err(why) = prepare(tree, out)? {
        return writeln!(out, "{why}").map(|()| false);
    }
    if let Some((target, file)) = &options.replay {
        return replay(tree, target, file);
    }
    let chosen: Vec<&Target> = targets
        .iter()
        .filter(|target| options.only.as_ref().is_none_or(|name| *name == target.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        return writeln!(out, "there is no such target; there are {}", names.join(", ")).map(|()| false);
    }
    let mut outcomes = BTreeMap::new();
    for target in chosen {
        let outcome = fuzz(tree, target, &options, out)?;
        outcomes.insert(target.name.clone(), (target.clone(), outcome));
    }
    table(&outcomes, out)?;
    keep(tree, &outcomes, arguments)?;
    Ok(outcomes.values().all(|(_, outcome)| outcome.is_good))
}

fn read(arguments: &[&str]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = arguments.iter();
    let usage = || {
        "cargo xtask fuzz [--executions N | --minutes M] [--only TARGET], or --replay TARGET FILE".to_owned()
    };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(usage)?;
        match *word {
            "--executions" => options.executions = Some(value.parse().map_err(|_| usage())?),
            "--minutes" => options.minutes = Some(value.parse().map_err(|_| usage())?),
            "--only" => options.only = Some((*value).to_owned()),
            "--replay" => {
                let file = words.next().ok_or_else(usage)?;
                options.replay = Some(((*value).to_owned(), (*file).to_owned()));
            }
            _ => return Err(usage()),
        }
    }
    Ok(options)
}

/// Each `try_out("TARGET")` of the tests, with the rows in the comment above it.
fn targets(tests: &str) -> Vec<Target> {
    let mut rows = Vec::new();
    let mut found = Vec::new();
    for line in tests.lines().map(str::trim) {
        if let Some(named) = line.strip_prefix("// Faults:") {
            rows = named.split(',').map(|row| row.trim().to_owned()).collect();
        } else if let Some(name) = line.strip_prefix("try_out(\"").and_then(|rest| rest.strip_suffix("\");"))
        {
            found.push(Target { name: name.to_owned(), rows: std::mem::take(&mut rows) });
        }
    }
    found
}

/// A nightly compiler, the fuzzer's command, and the program.
fn prepare(tree: &Tree, out: &mut impl Write) -> io::Result<Result<(), String>> {
    let toolchains = Command::new("rustup").args(["toolchain", "list"]).output()?;
    if !String::from_utf8_lossy(&toolchains.stdout).contains("nightly") {
        return Ok(Err("a fuzzer needs a nightly compiler: `rustup toolchain install nightly`".to_owned()));
    }
    if !nightly(tree, &["fuzz", "--version"]).stderr(Stdio::null()).stdout(Stdio::null()).status()?.success()
    {
        writeln!(out, "installing cargo-fuzz")?;
        if !nightly(tree, &["install", "--locked", "cargo-fuzz"]).status()?.success() {
            return Ok(Err("cargo-fuzz cannot be installed: `cargo install --locked cargo-fuzz`".to_owned()));
        }
    }
    writeln!(out, "building the fuzzer's program")?;
    out.flush()?;
    // Our code has no unsafe part that a sanitizer could catch at work, and is five times as fast without one.
    let is_built = nightly(tree, &["fuzz", "build", "--sanitizer", "none", "any"]).status()?.success();
    Ok(if is_built { Ok(()) } else { Err("the fuzzer's program does not build".to_owned()) })
}

fn nightly(tree: &Tree, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.arg("+nightly").args(arguments).current_dir(tree.root()).stdin(Stdio::null());
    // The Cargo that runs this command is another one.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("CARGO_TARGET_DIR");
    command
}

/// The program that was built, whatever the host's name is.
fn program(tree: &Tree) -> io::Result<PathBuf> {
    let folders = fs::read_dir(tree.path("fuzz/target"))?;
    let mut found =
        folders.flatten().map(|entry| entry.path().join("release/any")).filter(|path| path.is_file());
    found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the fuzzer's program was not built"))
}

fn replay(tree: &Tree, target: &str, file: &str) -> io::Result<bool> {
    let file = fs::canonicalize(file)?;
    Ok(Command::new(program(tree)?).arg(file).env(VARIABLE, target).status()?.success())
}

fn fuzz(tree: &Tree, target: &Target, options: &Options, out: &mut impl Write) -> io::Result<Outcome> {
    let folder = |kind: &str| tree.path(&format!("fuzz/{kind}/{}", target.name));
    let (found, kept, artifacts) = (folder("found"), folder("corpus"), folder("artifacts"));
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&artifacts)?;
    let slower = SLOWER.iter().find(|(name, _)| *name == target.name).map_or(1, |(_, by)| *by);
    let limit = match (options.minutes, options.executions) {
        (Some(minutes), _) => format!("-max_total_time={}", minutes * 60),
        (None, executions) => format!("-runs={}", executions.unwrap_or(EXECUTIONS).div_ceil(slower)),
    };
    let mut child = Command::new(program(tree)?)
        .args([&found, &kept])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args([&*limit, "-max_len=8192", "-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1"])
        .env(VARIABLE, &target.name)
        .current_dir(tree.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut outcome = Outcome::default();
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        listen(stderr, target, &mut outcome, &mut said, out)?;
    }
    outcome.is_good = child.wait()?.success() && outcome.crash.is_none();
    if !outcome.is_good {
        writeln!(out, "{}", said.join("\n"))?;
        let file = outcome.crash.clone().unwrap_or_default();
        writeln!(out, "replay it: cargo xtask fuzz --replay {} {}", target.name, shown(tree, &file))?;
    }
    Ok(outcome)
}

fn shown(tree: &Tree, file: &Path) -> String {
    file.strip_prefix(tree.root()).unwrap_or(file).display().to_string()
}

/// Lines that are shown of a target that fails.
const SHOWN_LINES: usize = 40;

fn listen(
    stderr: impl io::Read,
    target: &Target,
    outcome: &mut Outcome,
    said: &mut Vec<String>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut last = Instant::now();
    for line in BufReader::new(stderr).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        let number = |name: &str| line.strip_prefix(name).and_then(|rest| rest.trim().parse::<u64>().ok());
        if let Some(count) = number("stat::number_of_executed_units:") {
            outcome.executions = count;
        } else if let Some(count) = number("stat::average_exec_per_sec:") {
            outcome.per_second = count;
        } else if let Some(count) = number("stat::new_units_added:") {
            outcome.new_inputs = count;
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            outcome.crash = Some(PathBuf::from(path.trim()));
        }
        if line.starts_with('#') && last.elapsed() >= PULSE {
            last = Instant::now();
            writeln!(out, "{:<15} {line}", target.name)?;
            out.flush()?;
        }
        said.push(line);
        if said.len() > SHOWN_LINES {
            said.remove(0);
        }
    }
    Ok(())
}

fn table(outcomes: &BTreeMap<String, (Target, Outcome)>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{:<15} {:>12} {:>9} {:>10}  found", "target", "executions", "exec/s", "new inputs")?;
    for (name, (_, outcome)) in outcomes {
        let found = match (&outcome.crash, outcome.is_good) {
            (Some(file), _) => file.display().to_string(),
            (None, true) => "nothing".to_owned(),
            (None, false) => "it ended badly".to_owned(),
        };
        let Outcome { executions, per_second, new_inputs, .. } = outcome;
        writeln!(out, "{name:<15} {executions:>12} {per_second:>9} {new_inputs:>10}  {found}")?;
    }
    out.flush()
}

/// What came of each row, for the table of faults.
fn keep(tree: &Tree, outcomes: &BTreeMap<String, (Target, Outcome)>, arguments: &[&str]) -> io::Result<()> {
    let mut rows: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for (name, (target, _)) in outcomes {
        for row in &target.rows {
            rows.entry(row).or_default().push(name);
        }
    }
    let row = |(row, names): (&str, Vec<&String>)| {
        let of = |name: &&String| outcomes.get(*name).map(|(_, outcome)| outcome.clone()).unwrap_or_default();
        let is_good = names.iter().all(|name| of(name).is_good);
        let detail: Vec<String> =
            names.iter().map(|name| format!("{name}: {} executions", of(name).executions)).collect();
        let result = if is_good { "passed" } else { "failed" };
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let test = format!("fuzz {}", names.join(", "));
        (row.to_owned(), json!({"result": result, "detail": detail.join("; "), "test": test}))
    };
    let rows: Map<String, Value> = rows.into_iter().map(row).collect();
    keep_night(tree, "fuzz", arguments, &rows)
}
