//! The scenarios of `docs/protocol.md` and which tests play them.

use crate::rust_source;
use std::collections::BTreeMap;

/// Where the table of scenarios begins.
const HEADING: &str = "## 9. Scenarios";

/// The scenarios of the book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenarios {
    /// Every scenario's number, with the line that describes it.
    pub known: BTreeMap<u32, usize>,
    /// Those that no test can play before a later feature exists, with the line that says why.
    pub later: BTreeMap<u32, usize>,
    /// What is wrong with the book itself.
    pub complaints: Vec<String>,
}

/// Reads the scenarios: rows `| 17 | ... |` of the table under the heading, and list items `- Scenario 33 later: why`. A
/// list item `- Scenario 29 in part: why` says what a test leaves out; such a scenario has a test all the same.
#[must_use]
pub fn read_scenarios(text: &str) -> Scenarios {
    let mut book = Scenarios::default();
    let section = text.lines().enumerate().skip_while(|(_, line)| *line != HEADING).skip(1);
    for (index, line) in section.take_while(|(_, line)| !line.starts_with("## ")) {
        let place = index + 1;
        if let Some(number) = row_number(line) {
            if book.known.insert(number, place).is_some() {
                book.complaints.push(format!("line {place}: scenario {number} stands there twice"));
            }
        } else if let Some((number, what)) = item(line) {
            let (kind, why) = what.split_once(':').unwrap_or((what, ""));
            if why.trim().is_empty() || !matches!(kind, "later" | "in part") {
                book.complaints.push(format!(
                    "line {place}: write `- Scenario {number} later: why` or `- Scenario {number} in part: why`"
                ));
            } else if !book.known.contains_key(&number) {
                book.complaints.push(format!("line {place}: there is no scenario {number}"));
            } else if kind == "later" {
                book.later.insert(number, place);
            }
        }
    }
    let gaps = (1..).zip(book.known.keys()).find(|(expected, number)| expected != *number);
    if let Some((expected, _)) = gaps {
        book.complaints.push(format!("scenario {expected} is missing from the table"));
    }
    book
}

fn row_number(line: &str) -> Option<u32> {
    line.strip_prefix('|')?.split('|').next()?.trim().parse().ok()
}

fn item(line: &str) -> Option<(u32, &str)> {
    let (number, what) = line.strip_prefix("- Scenario ")?.split_once(' ')?;
    Some((number.parse().ok()?, what))
}

/// The scenarios that the comments of tests name, each with the first place that does so: `Scenario 17.`, `scenario 49)`,
/// `Scenarios 6 and 8. C9`. `sources` are pairs of path and text.
#[must_use]
pub fn scenarios_in<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for (path, text) in sources {
        for (index, line) in rust_source::lines(text).iter().enumerate() {
            for number in numbers_in(&line.comment) {
                found.entry(number).or_insert_with(|| format!("{path}:{}", index + 1));
            }
        }
    }
    found
}

/// The numbers between each word `scenario` and the end of its clause.
fn numbers_in(comment: &str) -> Vec<u32> {
    let lower = comment.to_lowercase();
    let after = lower.split("scenario").skip(1);
    after
        .flat_map(|rest| {
            let rest = rest.strip_prefix('s').unwrap_or(rest);
            // "Scenario 17." names one; "scenarios of section 9" names none.
            let names = rest.trim_start().starts_with(|first: char| first.is_ascii_digit());
            let rest = if names { rest } else { "" };
            let clause = rest.split(['.', ':', ';', ')', '(']).next().unwrap_or_default();
            clause.split([' ', ',']).filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

/// What is missing between the scenarios and the tests.
#[must_use]
pub fn scenario_coverage(book: &Scenarios, tests: &BTreeMap<u32, String>) -> Vec<String> {
    let strangers = tests.iter().filter(|(number, _)| !book.known.contains_key(number));
    let mut complaints: Vec<String> = strangers
        .map(|(number, place)| format!("{place} plays scenario {number}, which the book does not have"))
        .collect();
    let early = book.later.keys().filter_map(|number| Some((number, tests.get(number)?)));
    complaints.extend(
        early.map(|(number, place)| format!("{place} plays scenario {number}, which is marked as later")),
    );
    let missing = book.known.keys().filter(|n| !tests.contains_key(n) && !book.later.contains_key(n));
    complaints.extend(missing.map(|number| format!("no comment in a test names scenario {number}")));
    complaints
}
