//! Runs one catcher on one mistake.

use super::programs::{Program, Programs};
use super::table::{Catcher, HUNT_TEST, Row};
use crate::tree::Tree;
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A catcher that takes longer has not caught anything.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked whether it has ended.
const GLANCE: Duration = Duration::from_millis(10);
/// Names the mistake to a program.
const BUG_VARIABLE: &str = "OUTVOTE_PLANTED_BUG";
/// Says how many seeds a hunt may take.
const SEEDS_VARIABLE: &str = "OUTVOTE_HUNT_SEEDS";
/// Where a program's output goes, below the target folder.
const LOG: &str = "xtask-bug.log";
/// How many lines of it are shown.
const SHOWN_LINES: usize = 15;

/// How a mistake came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caught {
    /// By a campaign.
    Campaign {
        /// What saw it.
        checker: String,
        /// After so many seeds.
        seeds: u64,
    },
    /// By one run of a test.
    Test,
}

impl Caught {
    pub(super) const fn seeds(&self) -> Option<u64> {
        match self {
            Self::Campaign { seeds, .. } => Some(*seeds),
            Self::Test => None,
        }
    }
}

/// Whether the row's catcher catches its mistake; else what happened instead.
pub(super) fn catch(tree: &Tree, programs: &Programs, row: &Row) -> Result<Caught, String> {
    let program = programs.get(row.catcher).ok_or("there is no such test program")?;
    let seeds = match row.catcher {
        Catcher::Campaign(seeds) => seeds.to_string(),
        Catcher::Test(..) | Catcher::Stage(_) => String::new(),
    };
    let (test, bug) = match row.catcher {
        Catcher::Campaign(_) => (HUNT_TEST, Some(row.bug)),
        Catcher::Test(_, _, test) => (test, Some(row.bug)),
        // A stage plants the mistake itself, after it has seen that all is well without.
        Catcher::Stage(test) => (test, None),
    };
    let log = tree.target().join(LOG);
    let said = play(program, test, &[(BUG_VARIABLE, bug), (SEEDS_VARIABLE, Some(&seeds))], &log)
        .map_err(|error| format!("{}: {error}", program.path.display()))?;
    verdict(row.catcher, test, &said).ok_or_else(|| {
        let lines: Vec<&str> = said.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        format!("it lives through {}\n{end}", row.catcher.in_words())
    })
}

fn verdict(catcher: Catcher, test: &str, said: &str) -> Option<Caught> {
    let ended = |how: &str| said.contains(&format!("test result: {how}."));
    match catcher {
        Catcher::Campaign(_) => {
            let line = said.lines().find_map(|line| line.split_once("caught by ")).filter(|_| ended("ok"))?;
            let (checker, rest) = line.1.split_once(" after ")?;
            let seeds = rest.split(' ').next()?.parse().ok()?;
            Some(Caught::Campaign { checker: checker.to_owned(), seeds })
        }
        // The one test that was asked for, and no other way to end.
        Catcher::Test(..) => {
            let failed = said.contains(&format!("test {test} ... FAILED")) && ended("FAILED");
            failed.then_some(Caught::Test)
        }
        Catcher::Stage(_) => (ended("ok") && said.contains("1 passed")).then_some(Caught::Test),
    }
}

/// Runs one test of a program, and gives what it said.
fn play(
    program: &Program,
    test: &str,
    variables: &[(&str, Option<&str>)],
    log: &std::path::Path,
) -> io::Result<String> {
    let file = File::create(log)?;
    let mut command = Command::new(&program.path);
    // A test that passes must show what it printed as well, and one that fails its block.
    command.args([test, "--exact", "--show-output"]).current_dir(&program.folder);
    for (name, value) in variables {
        match value {
            Some(value) if !value.is_empty() => command.env(name, value),
            _ => command.env_remove(name),
        };
    }
    command.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
    let mut child = command.stdout(file.try_clone()?).stderr(file).spawn()?;
    let since = Instant::now();
    while child.try_wait()?.is_none() {
        if since.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(format!("it did not end within {PATIENCE:?}"));
        }
        std::thread::sleep(GLANCE);
    }
    std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
