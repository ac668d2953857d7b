//! The rules of `docs/protocol.md` and where code and tests cite them.

use crate::fault_book::tag;
use crate::rust_source;
use std::collections::{BTreeMap, BTreeSet};

/// The letters that begin a rule's number, with what they are about.
const LETTERS: &str = "QMNVTDCERPXWB";

/// The most digits that a rule's number has; `P256` and the like are no rules.
const MOST_DIGITS: usize = 2;

/// The rules of the book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Every rule's number, with the line that states it.
    pub rules: BTreeMap<String, usize>,
    /// What is wrong with the book itself.
    pub complaints: Vec<String>,
}

/// Which rules are cited, each with the first place that does so.
pub type Citations = BTreeMap<String, String>;

/// Reads the book. A rule is a list item `- **V3** text`; any other number in the text must be one of these.
#[must_use]
pub fn read_book(text: &str) -> Book {
    let mut book = Book::default();
    for (index, line) in text.lines().enumerate() {
        let Some(rest) = line.strip_prefix("- **") else { continue };
        let Some((number, statement)) = rest.split_once("** ") else { continue };
        if !is_number(number) {
            book.complaints.push(format!("line {}: `{number}` is no rule number", index + 1));
        } else if statement.trim().is_empty() {
            book.complaints.push(format!("line {}: rule {number} says nothing", index + 1));
        } else if let Some(first) = book.rules.insert(number.to_owned(), index + 1) {
            book.complaints.push(format!("line {}: rule {number} stands already on line {first}", index + 1));
        }
    }
    for (index, line) in text.lines().enumerate() {
        for number in numbers_in(line) {
            if !book.rules.contains_key(&number) {
                book.complaints.push(format!("line {}: {number} is mentioned but is no rule", index + 1));
            }
        }
    }
    book
}

/// The rules that the comments of Rust sources cite. `sources` are pairs of path and text. A line that names faults cites
/// none: `P12` is a rule, and a fault of another name is called so, too.
#[must_use]
pub fn cited_in<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Citations {
    let mut citations = Citations::new();
    for (path, text) in sources {
        for (index, line) in rust_source::lines(text).iter().enumerate() {
            if tag(&line.comment).is_some() {
                continue;
            }
            for number in numbers_in(&line.comment) {
                citations.entry(number).or_insert_with(|| format!("{path}:{}", index + 1));
            }
        }
    }
    citations
}

/// What is missing between the book, the code and the tests.
#[must_use]
pub fn coverage(book: &Book, code: &Citations, tests: &Citations) -> Vec<String> {
    let mut complaints = unknown(book, code);
    complaints.extend(unknown(book, tests));
    complaints.extend(uncited(book, code, "no comment in the code of a correct replica or client cites"));
    complaints.extend(uncited(book, tests, "no comment in a test cites"));
    complaints
}

/// Citations of rules that the book does not have.
#[must_use]
pub fn unknown(book: &Book, citations: &Citations) -> Vec<String> {
    let strangers = citations.iter().filter(|(number, _)| !book.rules.contains_key(*number));
    strangers
        .map(|(number, place)| format!("{place} cites {number}, which docs/protocol.md does not have"))
        .collect()
}

fn uncited(book: &Book, citations: &Citations, what: &str) -> Vec<String> {
    let missing: Vec<&str> =
        book.rules.keys().filter(|number| !citations.contains_key(*number)).map(String::as_str).collect();
    let mut ordered: Vec<&str> = missing.clone();
    ordered.sort_by_key(|number| order_of(number));
    ordered.into_iter().map(|number| format!("{what} {number}")).collect()
}

/// Reading order: by letter as in the book, then by number.
fn order_of(number: &str) -> (Option<usize>, u32) {
    let letter = number.chars().next();
    let place = letter.and_then(|letter| LETTERS.find(letter));
    (place, number.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0))
}

fn is_number(word: &str) -> bool {
    let mut characters = word.chars();
    let letter_fits = characters.next().is_some_and(|letter| LETTERS.contains(letter));
    let digits = characters.as_str();
    letter_fits
        && (1..=MOST_DIGITS).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0')
}

/// The rule numbers that stand in a text as words of their own.
fn numbers_in(text: &str) -> BTreeSet<String> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| is_number(word))
        .map(str::to_owned)
        .collect()
}
