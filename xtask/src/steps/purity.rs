//! The pure crates stay pure: no clock, no randomness, no threads, no hidden order, no floats, and one maker of `Verified`.

use crate::report::Report;
use crate::rust_source::{lines, word_offsets};
use crate::tree::Tree;
use toml::Table;

/// Ring 1: `no_std`, no floats.
const NO_STD: &[&str] = &["types", "protocol"];
/// Everything that the simulator runs as shipped.
const NO_CLOCK: &[&str] = &["types", "protocol", "replica", "execution", "session", "adversary"];

/// What each pure crate's `clippy.toml` must ban.
const BANNED_TYPES: &[&str] = &[
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::fs::File",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
];
const BANNED_METHODS: &[&str] =
    &["std::thread::spawn", "std::thread::sleep", "std::fs::read", "std::fs::write"];

/// The hidden constructor of `Verified`, and the only sources that may name it.
const CONSTRUCTOR: &str = "vouched_for";
const MAY_VOUCH: &[&str] = &["crates/types/src/verified.rs", "crates/crypto/src/", "crates/sim/src/"];

/// How a replica starts whose key signs elsewhere too, and the only sources that may name it: liars of the simulator.
const TWIN: &str = "Twin";
const MAY_START_TWINS: &[&str] = &["crates/protocol/src/", "crates/sim/src/"];

pub(crate) fn run(tree: &Tree) -> Report {
    let mut report = Report::default();
    for name in NO_STD {
        let library = format!("crates/{name}/src/lib.rs");
        let is_declared = tree.read(&library).is_some_and(|text| is_no_std(&text));
        let complaint =
            format!("{library} does not begin with `#![no_std]`; ring 1 knows no operating system");
        report.check(if is_declared { Vec::new() } else { vec![complaint] });
        for path in tree.rust_files(&["crates"], "src") {
            if path.starts_with(&format!("crates/{name}/")) {
                let text = tree.read(&path).unwrap_or_default();
                report.check(impurities(&text).into_iter().map(|what| format!("{path}:{what}")).collect());
            }
        }
    }
    let root = tree.read("clippy.toml").unwrap_or_default();
    for name in NO_CLOCK {
        let path = format!("crates/{name}/clippy.toml");
        let complaints = match tree.read(&path) {
            Some(text) => missing_bans(&text, &root),
            None => vec!["is missing; copy that of crates/replica".to_owned()],
        };
        report.check(complaints.into_iter().map(|what| format!("{path} {what}")).collect());
    }
    report.check(other_makers(tree));
    report
}

/// Whether a library says `#![no_std]`, without a condition.
#[must_use]
pub fn is_no_std(text: &str) -> bool {
    lines(text).iter().any(|line| line.code.trim() == "#![no_std]")
}

/// Uses of `std` and of floating point in a source, each as `LINE: what`.
#[must_use]
pub fn impurities(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in lines(text).iter().enumerate() {
        let number = index + 1;
        if word_offsets(&line.code, "std").next().is_some() {
            found.push(format!("{number}: names std; ring 1 uses core and alloc"));
        }
        let is_float = ["f32", "f64"].iter().any(|word| word_offsets(&line.code, word).next().is_some());
        if is_float || has_float_literal(&line.code) {
            found.push(format!("{number}: floating point; use whole numbers with their unit in the name"));
        }
    }
    found
}

/// `1.5` is a float; `pair.0.1` and `0..9` are not.
fn has_float_literal(code: &str) -> bool {
    let characters: Vec<char> = code.chars().collect();
    characters.iter().enumerate().any(|(at, &character)| {
        let next_is_digit = characters.get(at + 1).is_some_and(char::is_ascii_digit);
        if character != '.' || !next_is_digit || at == 0 || !characters[at - 1].is_ascii_digit() {
            return false;
        }
        let number_start =
            characters[..at].iter().rposition(|digit| !digit.is_ascii_digit() && *digit != '_');
        let before = number_start.map(|position| characters[position]);
        before.is_none_or(|before| before != '.' && !before.is_alphanumeric())
    })
}

/// What a pure crate's `clippy.toml` lacks. Clippy reads one file only, so it must repeat the root's keys.
#[must_use]
pub fn missing_bans(text: &str, root: &str) -> Vec<String> {
    let (Ok(own), Ok(root)) = (text.parse::<Table>(), root.parse::<Table>()) else {
        return vec!["or the root's cannot be read as TOML".to_owned()];
    };
    let mut found: Vec<String> = root
        .iter()
        .filter(|(key, value)| own.get(*key) != Some(*value))
        .map(|(key, value)| format!("must repeat the root's `{key} = {value}`: clippy reads one file only"))
        .collect();
    for (list, wanted) in [("disallowed-types", BANNED_TYPES), ("disallowed-methods", BANNED_METHODS)] {
        for path in wanted.iter().filter(|path| !bans(&own, list, path)) {
            found.push(format!("must ban {path} in {list}, with the reason"));
        }
    }
    found
}

fn bans(table: &Table, list: &str, path: &str) -> bool {
    let entries = table.get(list).and_then(|value| value.as_array());
    entries.into_iter().flatten().any(|entry| {
        entry.get("path").and_then(|value| value.as_str()) == Some(path)
            && entry.get("reason").and_then(|value| value.as_str()).is_some_and(|reason| !reason.is_empty())
    })
}

fn other_makers(tree: &Tree) -> Vec<String> {
    let makes = "makes a Verified; only crypto and sim may, after checking signatures";
    let starts = "starts a replica that shares its key; only liars of the simulator do";
    let mut found = Vec::new();
    for (word, allowed, what) in [(CONSTRUCTOR, MAY_VOUCH, makes), (TWIN, MAY_START_TWINS, starts)] {
        for path in tree.rust_files(&["crates", "apps"], "src") {
            if allowed.iter().any(|allowed| path.starts_with(allowed)) {
                continue;
            }
            for (index, line) in lines(&tree.read(&path).unwrap_or_default()).iter().enumerate() {
                if word_offsets(&line.code, word).next().is_some() {
                    found.push(format!("{path}:{} {what}", index + 1));
                }
            }
        }
    }
    found
}
