//! Lines for people, and a file for programs.

use crate::round::{Outcome, Verdict};
use crate::trouble::Trouble;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

impl Outcome {
    /// One line, and for a failure its reasons and the command that plays it again.
    #[must_use]
    pub fn in_words(&self) -> String {
        let rows = self.rows.join(" ");
        let head = |verdict: &str| {
            format!(
                "{rows:<12} {:<28} n={} {verdict:<8} {:>5.1} s ",
                self.name,
                self.n,
                self.took.as_secs_f64()
            )
        };
        match &self.verdict {
            Verdict::Passed => format!("{}{}", head("passed"), self.detail),
            Verdict::Skipped(why) => format!("{}{why}", head("skipped")),
            Verdict::Failed(problems) => {
                let problems = problems.join("\n    ");
                format!("{}{}\n    {problems}\n    again: {}", head("FAILED"), self.detail, self.again())
            }
        }
    }

    /// The command that plays it again.
    #[must_use]
    pub fn again(&self) -> String {
        format!("cargo xtask torture --replicas {} --only {} --seed {}", self.n, self.name, self.seed)
    }

    fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed(_) => "failed",
            Verdict::Skipped(_) => "skipped",
        }
    }

    fn said(&self) -> String {
        let what = match &self.verdict {
            Verdict::Passed => self.detail.clone(),
            Verdict::Skipped(why) => why.clone(),
            Verdict::Failed(problems) => problems.join("; "),
        };
        format!("{} n={} seed={}: {what}", self.name, self.n, self.seed)
    }
}

/// What the rows of these rounds came to: a row fails with any of its rounds, and passes with one that does.
#[must_use]
pub fn rows_of(outcomes: &[Outcome], date: &str, commit: &str) -> Map<String, Value> {
    let mut rows = Map::new();
    for (row, outcome) in outcomes.iter().flat_map(|one| one.rows.iter().map(move |row| (*row, one))) {
        let rank = |word: &str| ["skipped", "passed", "failed"].iter().position(|known| *known == word);
        let before = rows.get(row);
        let word = before.and_then(|before: &Value| before["result"].as_str()).unwrap_or("skipped");
        let result = if rank(outcome.word()) > rank(word) { outcome.word() } else { word };
        let earlier = |key: &str, by: &str| {
            let text = before.and_then(|before| before[key].as_str()).map(|text| format!("{text}{by}"));
            text.unwrap_or_default()
        };
        let detail = earlier("detail", "; ") + &outcome.said();
        let named = before.and_then(|before| before["test"].as_str()).unwrap_or_default();
        let own = format!("torture {}", outcome.name);
        let test = if named.split(", ").any(|one| one == own) {
            named.to_owned()
        } else {
            earlier("test", ", ") + &own
        };
        let new = json!({"result": result, "detail": detail, "test": test, "date": date, "commit": commit});
        rows.insert(row.to_owned(), new);
    }
    rows
}

/// Writes the rows of these rounds into a file of results; rows that were not played stay as they were.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    path: &Path,
    outcomes: &[Outcome],
    date: &str,
    commit: &str,
    command: &str,
) -> Result<(), Trouble> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let before: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut rows = before["rows"].as_object().cloned().unwrap_or_default();
    rows.extend(rows_of(outcomes, date, commit));
    let whole = json!({"rows": rows, "date": date, "commit": commit, "command": command});
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, format!("{whole:#}\n"))?)
}
