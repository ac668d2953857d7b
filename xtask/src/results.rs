//! What became of each test when it last ran: written by the gate, read by `cargo xtask faults`.

use crate::fault_book::Player;
use crate::process;
use crate::tree::Tree;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the gate keeps what became of each test, below the target folder.
const FILE: &str = "xtask-results.json";
/// Where nightly commands leave what became of the rows that they play, below the target folder.
const NIGHTLY: &str = "nightly";
/// What stands in a browser test's title for a value that is known only when it runs.
const VALUE_OPENS: &str = "${";

/// What became of a test, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It failed.
    Failed,
    /// It was not run, or found that this host cannot do what it needs.
    Skipped,
    /// It passed.
    Passed,
}

impl Verdict {
    /// Its word in files and tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Passed => "passed",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Failed, Self::Skipped, Self::Passed].into_iter().find(|verdict| verdict.word() == word)
    }
}

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The file that was run, such as `tests/disks.rs`, as far as the runner tells.
    pub target: String,
    /// The test's name as the runner prints it.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of tests that ran together, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dated {
    /// The day, as `2026-11-29`.
    pub date: String,
    /// The commit that was checked out.
    pub commit: String,
    /// The tests.
    pub tests: Vec<Outcome>,
}

/// What a nightly command found about one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Night {
    /// The day, as the command wrote it.
    pub date: String,
    /// What was run.
    pub test: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The figure or the reason, in the command's words.
    pub detail: String,
}

/// Everything that is known of earlier runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// By the part of the gate that ran them.
    pub parts: BTreeMap<String, Dated>,
    /// By row.
    pub nights: BTreeMap<String, Vec<Night>>,
}

impl Results {
    /// Reads what the gate and the nightly commands have left below the target folder.
    #[must_use]
    pub fn load(tree: &Tree) -> Self {
        let mut results = Self::default();
        let text = fs::read_to_string(tree.target().join(FILE)).unwrap_or_default();
        results.read_parts(&text);
        let mut paths: Vec<PathBuf> = fs::read_dir(tree.target().join(NIGHTLY))
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
            results.read_night(&fs::read_to_string(path).unwrap_or_default());
        }
        results
    }

    /// Takes in the gate's own file.
    pub fn read_parts(&mut self, text: &str) {
        let Ok(Value::Object(parts)) = serde_json::from_str(text) else { return };
        for (part, value) in parts {
            let tests = value["tests"].as_array().into_iter().flatten();
            let tests = tests.filter_map(|test| {
                Some(Outcome {
                    target: test["target"].as_str()?.to_owned(),
                    name: test["name"].as_str()?.to_owned(),
                    verdict: Verdict::of(test["verdict"].as_str()?)?,
                })
            });
            let dated = Dated {
                date: text_of(&value["date"]),
                commit: text_of(&value["commit"]),
                tests: tests.collect(),
            };
            self.parts.insert(part, dated);
        }
    }

    /// Takes in a nightly command's file: `{"rows": {"P01": {"result": "passed", "detail": "...", "test": "..."}}, "date":
    /// "...", "command": "..."}`.
    pub fn read_night(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else { return };
        let rows = value["rows"].as_object().into_iter().flatten();
        for (row, found) in rows {
            let Some(verdict) = found["result"].as_str().and_then(Verdict::of) else { continue };
            let test = found["test"].as_str().or(value["command"].as_str()).unwrap_or_default();
            self.nights.entry(row.clone()).or_default().push(Night {
                date: text_of(&value["date"]),
                test: test.to_owned(),
                verdict,
                detail: text_of(&found["detail"]),
            });
        }
    }

    /// What became of a test when it last ran: the worst of all that bear its name, and the day and commit.
    #[must_use]
    pub fn of(&self, player: &Player) -> Option<(Verdict, &Dated)> {
        let found = self.parts.values().flat_map(|dated| {
            dated.tests.iter().filter(|test| is_same(player, test)).map(move |test| (test.verdict, dated))
        });
        found.min_by_key(|(verdict, _)| *verdict)
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether a runner's words mean the test that a comment stands above.
fn is_same(player: &Player, test: &Outcome) -> bool {
    if !player.path.ends_with(".rs") {
        let fits = match player.name.split_once(VALUE_OPENS) {
            Some((before, rest)) => {
                let after = rest.rsplit_once('}').map_or("", |(_, after)| after);
                test.name.starts_with(before) && test.name.ends_with(after)
            }
            None => test.name == player.name,
        };
        return fits && (test.target.is_empty() || player.path.ends_with(&test.target));
    }
    let (module, name) = test.name.rsplit_once("::").unwrap_or(("", &test.name));
    let file = player.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let is_there = player.path.ends_with(&test.target) || module.rsplit("::").next() == Some(file);
    name == player.name && is_there
}

/// Keeps what became of the tests of one part of the gate. What other parts have left there stays.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn keep(tree: &Tree, part: &str, tests: &[Outcome]) -> std::io::Result<()> {
    let path = tree.target().join(FILE);
    let before = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let mut all = before.filter(Value::is_object).unwrap_or_else(|| json!({}));
    let tests: Vec<Value> = tests
        .iter()
        .map(|test| json!({"target": test.target, "name": test.name, "verdict": test.verdict.word()}))
        .collect();
    all[part] = json!({"date": today(), "commit": commit(tree), "tests": tests});
    fs::write(path, format!("{all:#}\n"))
}

/// Keeps what came of each row in a nightly run of `cargo xtask NAME ARGUMENTS`, in place of the one before.
pub(crate) fn keep_night(
    tree: &Tree,
    name: &str,
    arguments: &[&str],
    rows: &Map<String, Value>,
) -> std::io::Result<()> {
    let command = format!("cargo xtask {name} {}", arguments.join(" "));
    let text = json!({"rows": rows, "date": today(), "commit": commit(tree), "command": command.trim()});
    let folder = tree.target().join("nightly");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.json")), text.to_string())
}

pub(crate) fn commit(tree: &Tree) -> String {
    let described = process::run(tree.root(), "git", &["describe", "--always", "--dirty", "--exclude=*"]);
    described
        .ok()
        .filter(|finished| finished.success)
        .map_or_else(String::new, |it| it.stdout.trim().to_owned())
}

/// The day in UTC.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    date_of(seconds / 86_400)
}

/// The date of a day since 1970: Howard Hinnant's `civil_from_days`, for days that are not negative.
fn date_of(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// What became of each test of `cargo test`. It names the files that it runs on one stream and their tests on the other,
/// both in the same order.
#[must_use]
pub fn libtest_results(stdout: &str, stderr: &str) -> Vec<Outcome> {
    let targets: Vec<&str> = stderr.lines().filter_map(|line| target_of(line.trim_start())).collect();
    let blocks = stdout.lines().filter(|line| is_block(line)).count();
    let is_paired = blocks == targets.len();
    let mut next = targets.into_iter();
    let mut target = String::new();
    let mut found = Vec::new();
    for line in stdout.lines() {
        if is_block(line) {
            target = next.next().filter(|_| is_paired).unwrap_or_default().to_owned();
        } else if let Some((name, words)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            let verdict = match words.split(',').next() {
                Some("ok") => Verdict::Passed,
                Some("FAILED") => Verdict::Failed,
                Some("ignored") => Verdict::Skipped,
                _ => continue,
            };
            let name = name.strip_suffix(" - should panic").unwrap_or(name).to_owned();
            found.push(Outcome { target: target.clone(), name, verdict });
        }
    }
    found
}

fn is_block(line: &str) -> bool {
    line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"))
}

/// `Running tests/disks.rs (target/...)`, `Running unittests src/lib.rs (...)`, `Doc-tests outvote`.
fn target_of(line: &str) -> Option<&str> {
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(name);
    }
    let rest = line.strip_prefix("Running ")?;
    let rest = rest.strip_prefix("unittests ").unwrap_or(rest);
    rest.split(" (").next()
}

/// What became of each test of Node's own runner, from its `spec` output.
#[must_use]
pub fn spec_results(stdout: &str) -> Vec<Outcome> {
    let read = |line: &str| {
        let line = line.trim_start();
        let (verdict, rest) = [("✔ ", Verdict::Passed), ("✖ ", Verdict::Failed), ("﹣ ", Verdict::Skipped)]
            .into_iter()
            .find_map(|(sign, verdict)| Some((verdict, line.strip_prefix(sign)?)))?;
        let (name, _) = rest.rsplit_once(" (")?;
        Some(Outcome { target: String::new(), name: name.to_owned(), verdict })
    };
    stdout.lines().filter_map(read).collect()
}

/// What became of each test of the browser, from Playwright's JSON report.
#[must_use]
pub fn page_results(report: &str) -> Vec<Outcome> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(report) {
        suites(&value, &mut found);
    }
    found
}

/// The specs of all suites, with those of the suites in them.
fn suites(value: &Value, found: &mut Vec<Outcome>) {
    let mut waiting: Vec<&Value> = value["suites"].as_array().into_iter().flatten().collect();
    while let Some(suite) = waiting.pop() {
        waiting.extend(suite["suites"].as_array().into_iter().flatten());
        for spec in suite["specs"].as_array().into_iter().flatten() {
            let statuses = spec["tests"].as_array().into_iter().flatten();
            let is_skipped = statuses.clone().count() > 0
                && statuses.into_iter().all(|test| test["status"].as_str() == Some("skipped"));
            let verdict = match (is_skipped, spec["ok"].as_bool()) {
                (true, _) => Verdict::Skipped,
                (false, Some(true)) => Verdict::Passed,
                (false, _) => Verdict::Failed,
            };
            found.push(Outcome { target: text_of(&spec["file"]), name: text_of(&spec["title"]), verdict });
        }
    }
}
