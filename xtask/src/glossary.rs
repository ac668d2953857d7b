//! The words of `docs/glossary.md` and where the code has them.

use crate::rust_source;
use std::collections::BTreeSet;

/// What the last column names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identifier {
    /// A type, trait, constant or function.
    Item(String),
    /// A variant of an enum.
    Variant(String, String),
    /// A crate or application of ours.
    Crate(String),
    /// A file of the tree.
    File(String),
}

/// The glossary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glossary {
    /// What its words are called in the code, each with its line.
    pub identifiers: Vec<(usize, Identifier)>,
    /// What is wrong with the glossary itself.
    pub complaints: Vec<String>,
}

/// Reads the glossary: tables of three columns, of which the last names identifiers, or is `-` for a word of people alone.
#[must_use]
pub fn read_glossary(text: &str) -> Glossary {
    let mut glossary = Glossary::default();
    let mut words = BTreeSet::new();
    for (line, row) in text.lines().enumerate().map(|(index, row)| (index + 1, row)) {
        let Some(row) = row.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else { continue };
        let columns: Vec<&str> = row.split(" | ").collect();
        let [word, _, named] = columns[..] else {
            glossary
                .complaints
                .push(format!("line {line}: a word has a meaning and an identifier, three columns in all"));
            continue;
        };
        if word == "word" || word == "---" {
            continue;
        }
        for one in word.split(", ").filter(|one| !words.insert((*one).to_owned())) {
            glossary.complaints.push(format!("line {line}: `{one}` is explained twice"));
        }
        let found = identifiers(named);
        if found.is_empty() && named != "-" {
            glossary
                .complaints
                .push(format!("line {line}: `{named}` names nothing; write `-` if there is nothing to name"));
        }
        glossary.identifiers.extend(found.into_iter().map(|identifier| (line, identifier)));
    }
    glossary
}

/// What stands in backticks.
fn identifiers(named: &str) -> Vec<Identifier> {
    let parts: Vec<&str> = named.split('`').collect();
    let quoted = parts.iter().enumerate().filter(|(index, _)| index % 2 == 1);
    let identifier = |(index, name): (usize, &&str)| {
        let is_crate = parts.get(index + 1).is_some_and(|rest| rest.starts_with(" crate"));
        match name.split_once("::") {
            _ if is_crate => Identifier::Crate((*name).to_owned()),
            _ if name.contains('/') => Identifier::File((*name).to_owned()),
            Some((of, variant)) => Identifier::Variant(of.to_owned(), variant.to_owned()),
            None => Identifier::Item((*name).to_owned()),
        }
    };
    quoted.map(identifier).collect()
}

/// Stands for whichever macro is called outside of all items: such as `number! { View(u64) }`, which makes a type.
const MACRO: &str = "!";

/// What the code calls its things.
#[derive(Clone, Debug, Default)]
pub struct Code {
    items: BTreeSet<String>,
    variants: BTreeSet<(String, String)>,
}

impl Code {
    /// Reads the definitions in Rust sources.
    #[must_use]
    pub fn read<'a>(sources: impl IntoIterator<Item = &'a str>) -> Self {
        let mut code = Self::default();
        for text in sources {
            code.add(text);
        }
        code
    }

    fn add(&mut self, text: &str) {
        // The enum, or the macro that makes items, which is open, and how deep the line lies in it: what it is about stands at
        // depth one.
        let (mut open, mut depth) = (None::<String>, 0usize);
        for line in rust_source::lines(text) {
            let parts = line.code.split(|c: char| !c.is_alphanumeric() && c != '_');
            let words: Vec<&str> = parts.filter(|word| !word.is_empty()).collect();
            if let (Some(of), 1, Some(first)) = (&open, depth, words.first()) {
                self.variants.insert((of.clone(), (*first).to_owned()));
                if of == MACRO {
                    self.items.insert((*first).to_owned());
                }
            }
            for pair in words.windows(2) {
                if matches!(pair[0], "struct" | "enum" | "trait" | "type" | "const" | "fn") {
                    self.items.insert(pair[1].to_owned());
                }
                if pair[0] == "enum" && open.is_none() {
                    (open, depth) = (Some(pair[1].to_owned()), 0);
                }
            }
            if open.is_none() && line.code.trim_end().ends_with("! {") && !line.code.starts_with(' ') {
                (open, depth) = (Some(MACRO.to_owned()), 0);
            }
            if open.is_some() {
                let deeper = line.code.matches(['{', '(']).count();
                depth = (depth + deeper).saturating_sub(line.code.matches(['}', ')']).count());
                if depth == 0 && line.code.contains('}') {
                    open = None;
                }
            }
        }
    }

    /// What the glossary names and nobody has. `has` tells whether a path is in the tree.
    #[must_use]
    pub fn lacks(&self, glossary: &Glossary, has: impl Fn(&str) -> bool) -> Vec<String> {
        let missing = |identifier: &Identifier| match identifier {
            Identifier::Item(name) if self.items.contains(name) => None,
            Identifier::Item(name) => Some(format!("nothing is called `{name}`")),
            Identifier::Variant(of, name) if self.variants.contains(&(of.clone(), name.clone())) => None,
            Identifier::Variant(of, name) => Some(format!("`{of}` has no `{name}`")),
            Identifier::Crate(name)
                if ["crates", "apps"].iter().any(|top| has(&format!("{top}/{name}/Cargo.toml"))) =>
            {
                None
            }
            Identifier::Crate(name) => Some(format!("there is no crate `{name}`")),
            Identifier::File(path) if has(path) => None,
            Identifier::File(path) => Some(format!("there is no file {path}")),
        };
        let found = glossary.identifiers.iter();
        found
            .filter_map(|(line, identifier)| Some(format!("line {line}: {}", missing(identifier)?)))
            .collect()
    }
}
