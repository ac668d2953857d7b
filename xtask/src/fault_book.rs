//! The faults of `docs/faults.md` and which tests play them.
//!
//! A row of the book is `| N01 | fault | expected | measure | state |`. A test names its rows in a comment line of its own
//! right above it, `// Faults: N01, P03`.

use crate::rust_source;
use std::collections::BTreeMap;

/// The letters that begin a row's number, in the book's order.
const LETTERS: &str = "NPSCRLKMXOWT";
/// What begins a comment line that names rows.
const MARK: &str = "Faults:";
/// The cells of a row: number, fault, expected, measure, state.
const CELLS: usize = 5;
/// Words before the name of an item.
const KEYWORDS: &[&str] =
    &["pub", "crate", "const", "static", "struct", "enum", "mod", "async", "let", "export"];

/// Whether a row has tests, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The state is empty: tests show the whole row.
    Tested,
    /// `in part: what is left out`. Tests show the rest.
    InPart(String),
    /// `later: why`. It cannot be tested before a later feature exists.
    Later(String),
    /// `open: why`. It could be tested and is not.
    Open(String),
    /// `by design: why`. There is nothing to execute.
    ByDesign(String),
}

/// One row of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number, such as `N01`.
    pub number: String,
    /// The line it stands on.
    pub line: usize,
    /// What goes wrong.
    pub fault: String,
    /// What must come of it.
    pub expected: String,
    /// How it is measured.
    pub measure: String,
    /// Whether tests show it.
    pub state: State,
}

/// The rows of the book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Every row, in the book's order.
    pub rows: Vec<Fault>,
    /// What is wrong with the book itself.
    pub complaints: Vec<String>,
}

/// A test, or an entry of a nightly run, that plays a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// The file, from the root of the tree.
    pub path: String,
    /// The line of the comment that names the row.
    pub line: usize,
    /// The name of the test.
    pub name: String,
}

/// Who plays which row, and the comments that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Players {
    /// By row.
    pub by_row: BTreeMap<String, Vec<Player>>,
    /// What is wrong with the comments.
    pub complaints: Vec<String>,
}

/// Reads the book.
#[must_use]
pub fn read_faults(text: &str) -> Faults {
    let mut book = Faults::default();
    for (index, line) in text.lines().enumerate() {
        let Some(inner) = line.strip_prefix('|').and_then(|rest| rest.strip_suffix('|')) else { continue };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        let number = cells.first().copied().unwrap_or_default();
        if !is_number(number) {
            continue;
        }
        let place = index + 1;
        let [_, fault, expected, measure, state] = cells.as_slice() else {
            let found = cells.len();
            book.complaints.push(format!("line {place}: row {number} has {found} cells, {CELLS} are needed"));
            continue;
        };
        let state = read_state(state).unwrap_or_else(|| {
            book.complaints.push(format!(
                "line {place}: the state of {number} is empty, or `in part: ...`, `later: ...`, `open: ...` or \
                 `by design: ...` with a reason"
            ));
            State::Tested
        });
        if fault.is_empty() || expected.is_empty() || measure.is_empty() {
            book.complaints.push(format!("line {place}: row {number} has an empty cell"));
        }
        book.rows.push(Fault {
            number: number.to_owned(),
            line: place,
            fault: (*fault).to_owned(),
            expected: (*expected).to_owned(),
            measure: (*measure).to_owned(),
            state,
        });
    }
    let order = order_complaints(&book.rows);
    book.complaints.extend(order);
    book
}

/// Rows of a letter follow each other without a gap, from 01.
fn order_complaints(rows: &[Fault]) -> Vec<String> {
    let mut next: BTreeMap<&str, u32> = BTreeMap::new();
    let mut found = Vec::new();
    for row in rows {
        let (letter, digits) = row.number.split_at(1);
        let expected = next.entry(letter).or_insert(1);
        if digits.parse() != Ok(*expected) {
            found.push(format!(
                "line {}: {} stands where {letter}{expected:02} belongs",
                row.line, row.number
            ));
        }
        *expected = digits.parse::<u32>().unwrap_or(*expected).saturating_add(1);
    }
    found
}

fn read_state(text: &str) -> Option<State> {
    if text.is_empty() {
        return Some(State::Tested);
    }
    let (kind, why) = text.split_once(':')?;
    let why = why.trim();
    if why.is_empty() {
        return None;
    }
    match kind {
        "in part" => Some(State::InPart(why.to_owned())),
        "later" => Some(State::Later(why.to_owned())),
        "open" => Some(State::Open(why.to_owned())),
        "by design" => Some(State::ByDesign(why.to_owned())),
        _ => None,
    }
}

fn is_number(word: &str) -> bool {
    let mut characters = word.chars();
    characters.next().is_some_and(|letter| LETTERS.contains(letter))
        && characters.as_str().len() == 2
        && characters.all(|digit| digit.is_ascii_digit())
}

/// The list of rows in a comment, if it is one that names rows. `comment` is what follows `//`.
#[must_use]
pub fn tag(comment: &str) -> Option<&str> {
    comment.trim_start_matches(['/', '!']).trim_start().strip_prefix(MARK)
}

/// The rows that comments of Rust sources name. `sources` are pairs of path and text.
#[must_use]
pub fn players_in<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Players {
    let mut players = Players::default();
    for (path, text) in sources {
        let is_rust = path.ends_with(".rs");
        let comments: Vec<Option<String>> = if is_rust {
            let split = rust_source::lines(text);
            split.into_iter().map(|line| line.code.trim().is_empty().then_some(line.comment)).collect()
        } else {
            text.lines().map(|line| line.trim().strip_prefix("//").map(str::to_owned)).collect()
        };
        let lines: Vec<&str> = text.lines().collect();
        for (index, comment) in comments.iter().enumerate() {
            let Some(list) = comment.as_deref().and_then(tag) else { continue };
            players.read_tag(path, index, list, &lines);
        }
    }
    players
}

impl Players {
    /// Reads one list of rows, and what stands below it.
    fn read_tag(&mut self, path: &str, index: usize, list: &str, lines: &[&str]) {
        let place = format!("{path}:{}", index + 1);
        let Some(item) = item_below(lines, index) else {
            self.complaints.push(format!("{place} names faults above no test"));
            return;
        };
        if item.is_function && !item.is_test && path.contains("/tests/") {
            self.complaints.push(format!("{place} names faults above {}, which is no test", item.name));
            return;
        }
        for number in list.split(',').map(str::trim) {
            if is_number(number) {
                let player = Player { path: path.to_owned(), line: index + 1, name: item.name.clone() };
                self.by_row.entry(number.to_owned()).or_default().push(player);
            } else {
                self.complaints.push(format!("{place}: write `{MARK} N01, P03`; `{number}` is no row"));
            }
        }
    }
}

/// What a list of rows stands above.
struct Item {
    name: String,
    is_function: bool,
    is_test: bool,
}

fn is_test_attribute(line: &str) -> bool {
    ["#[test]", "#[tokio::test"].iter().any(|attribute| line.starts_with(attribute))
}

/// The first line below `index` that is neither a comment nor an attribute; none when a blank line comes first.
fn item_below(lines: &[&str], index: usize) -> Option<Item> {
    let is_head = |line: &&&str| line.trim().starts_with("#[") || line.trim().starts_with("//");
    let above = lines.iter().take(index).rev().take_while(is_head);
    let mut is_test = above.into_iter().any(|line| is_test_attribute(line.trim()));
    let mut is_attribute_open = false;
    for line in lines.iter().skip(index + 1).map(|line| line.trim()) {
        if is_attribute_open || line.starts_with("#[") {
            is_test |= is_test_attribute(line);
            is_attribute_open = !line.ends_with(']');
            continue;
        }
        if line.starts_with("//") {
            continue;
        }
        if line.is_empty() {
            return None;
        }
        let function = line.split_once("fn ").map(|(_, rest)| word(rest)).filter(|name| !name.is_empty());
        let is_function = function.is_some();
        let name = function.or_else(|| quoted(line)).or_else(|| first_word(line))?;
        return Some(Item { name, is_function, is_test });
    }
    None
}

/// The first text in quotes of any kind, such as a browser test's title.
fn quoted(line: &str) -> Option<String> {
    let start = line.find(['"', '\'', '`'])?;
    let quote = line[start..].chars().next()?;
    let rest = &line[start + 1..];
    let end = rest.find(quote)?;
    (end > 0).then(|| rest[..end].to_owned())
}

fn first_word(line: &str) -> Option<String> {
    let mut words = line.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    let is_name = |word: &str| word.starts_with(|first: char| first.is_alphabetic() || first == '_');
    words.find(|word| is_name(word) && !KEYWORDS.contains(word)).map(str::to_owned)
}

fn word(text: &str) -> String {
    text.chars().take_while(|&character| character.is_alphanumeric() || character == '_').collect()
}

/// The book without the excuses that are none any more: a row that is `open` and has a test by now is tested.
#[must_use]
pub fn settled(text: &str, players: &Players) -> String {
    let is_settled = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        cells.len() == CELLS + 2 && players.by_row.contains_key(cells[1]) && cells[CELLS].starts_with("open:")
    };
    let line_of = |line: &str| {
        let kept = line.rsplitn(3, '|').nth(2).filter(|_| is_settled(line));
        kept.map_or_else(|| format!("{line}\n"), |kept| format!("{kept}|  |\n"))
    };
    text.lines().map(line_of).collect()
}

/// What is missing between the book and the tests.
#[must_use]
pub fn fault_coverage(book: &Faults, players: &Players) -> Vec<String> {
    let mut complaints = players.complaints.clone();
    for (number, places) in &players.by_row {
        let is_known = book.rows.iter().any(|row| row.number == *number);
        let strangers = places.iter().filter(|_| !is_known);
        complaints.extend(strangers.map(|player| {
            format!("{}:{} names {number}, which docs/faults.md does not have", player.path, player.line)
        }));
    }
    for row in &book.rows {
        let number = &row.number;
        let place = players.by_row.get(number).and_then(|players| players.first());
        match (&row.state, place) {
            (State::Tested | State::InPart(_), None) => {
                complaints.push(format!("no test names, in a comment `// {MARK} ...`, {number}"));
            }
            (State::Later(_), Some(player)) => complaints.push(format!(
                "{}:{} plays {number}, which is marked as later; say `in part: ...` in its row",
                player.path, player.line
            )),
            (State::Open(_) | State::ByDesign(_), Some(player)) => complaints.push(format!(
                "{}:{} plays {number}; empty the state of its row, or say `in part: ...` there",
                player.path, player.line
            )),
            _ => {}
        }
    }
    complaints
}
