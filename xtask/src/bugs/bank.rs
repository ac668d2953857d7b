//! What is planted: read from the sources, so that the list stands in one place only.

use crate::tree::Tree;

/// Where mistakes are listed.
const LISTS: &[&str] = &["crates/types/src/planted/bugs.rs", "crates/storage/src/planted.rs"];

/// A planted mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Its name.
    pub name: String,
    /// The rule, or the row of the catalogue, that it breaks.
    pub rule: String,
    /// What it comes to.
    pub what: String,
    /// The sources that ask whether it is on.
    pub places: Vec<String>,
}

impl Planted {
    /// The first place without what all have in common.
    pub(super) fn place(&self) -> String {
        self.places.first().map_or_else(String::new, |path| path.replace("/src/", "/").replace(".rs", ""))
    }
}

/// The mistakes that a list names, in lines `NAME: "rule", "what";`.
#[must_use]
pub fn mistakes_in(text: &str) -> Vec<Planted> {
    let read = |line: &str| {
        let (name, rest) = line.trim().strip_suffix("\";")?.split_once(": \"")?;
        let (rule, what) = rest.split_once("\", \"")?;
        let is_name = name.chars().all(char::is_alphanumeric);
        is_name.then(|| Planted {
            name: name.into(),
            rule: rule.into(),
            what: what.into(),
            places: Vec::new(),
        })
    };
    text.lines().filter_map(read).collect()
}

/// All mistakes, with their places.
pub(super) fn bank(tree: &Tree) -> Vec<Planted> {
    let mut planted: Vec<Planted> =
        LISTS.iter().flat_map(|list| mistakes_in(&tree.read(list).unwrap_or_default())).collect();
    for path in tree.rust_files(&["crates", "apps"], "src") {
        let text = tree.read(&path).unwrap_or_default();
        for bug in &mut planted {
            let asked = format!("Bug::{}", bug.name);
            let asks = |at: usize| !text[at + asked.len()..].starts_with(char::is_alphanumeric);
            if text.match_indices(&asked).any(|(at, _)| asks(at)) {
                bug.places.push(path.clone());
            }
        }
    }
    planted
}
