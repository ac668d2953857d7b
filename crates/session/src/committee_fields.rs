//! Reads the fields of one TOML table, with errors that name the line and the cure.

use crate::committee_file::CommitteeFileError;
use outvote_types::Digest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table whose keys were all found to be known.
pub(crate) struct Fields<'a> {
    source: &'a str,
    table: &'a DeTable<'a>,
    line: usize,
}

impl<'a> Fields<'a> {
    /// Takes the table if it has no key but the `known` ones.
    pub(crate) fn new(
        source: &'a str,
        table: &'a DeTable<'a>,
        line: usize,
        known: &[&str],
    ) -> Result<Self, CommitteeFileError> {
        let unknown = table.keys().find(|key| !known.contains(&key.get_ref().as_ref()));
        if let Some(key) = unknown {
            let (line, key) = (line_at(source, key.span().start), key.get_ref().to_string());
            let cure = suggestion(&key, known);
            return Err(CommitteeFileError::UnknownKey { line, key, cure });
        }
        Ok(Self { source, table, line })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    fn required(&self, key: &'static str) -> Result<&'a Spanned<DeValue<'a>>, CommitteeFileError> {
        self.get(key).ok_or(CommitteeFileError::Missing { line: self.line, key })
    }

    /// An error about the value of `key`.
    pub(crate) fn bad(&self, key: &'static str, problem: &str) -> CommitteeFileError {
        let line = self.get(key).map_or(self.line, |value| line_at(self.source, value.span().start));
        CommitteeFileError::BadValue { line, key: key.into(), problem: problem.into() }
    }

    pub(crate) fn text(&self, key: &'static str) -> Result<(usize, String), CommitteeFileError> {
        let value = self.required(key)?;
        let line = line_at(self.source, value.span().start);
        match value.get_ref() {
            DeValue::String(text) => Ok((line, text.to_string())),
            _ => Err(self.bad(key, "must be a text in quotes")),
        }
    }

    pub(crate) fn flag(&self, key: &'static str) -> Result<bool, CommitteeFileError> {
        match self.required(key)?.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(self.bad(key, "must be true or false")),
        }
    }

    pub(crate) fn number(&self, key: &'static str) -> Result<u64, CommitteeFileError> {
        match self.required(key)?.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| self.bad(key, "must be a whole number from 0 up")),
            _ => Err(self.bad(key, "must be a whole number from 0 up")),
        }
    }

    pub(crate) fn digest(&self, key: &'static str) -> Result<(usize, Digest), CommitteeFileError> {
        let (line, text) = self.text(key)?;
        let problem = "must be 64 hexadecimal digits; was the line cut or changed while copying?";
        Digest::from_hex(&text).map(|digest| (line, digest)).ok_or_else(|| self.bad(key, problem))
    }
}

/// The number of the line that holds this byte, from 1.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// The cure for an unknown key: the most similar known one, or all of them.
fn suggestion(key: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|candidate| (distance(key, candidate), candidate)).min();
    match nearest {
        Some((changes, candidate)) if changes <= candidate.len() / 2 => {
            format!("did you mean `{candidate}`?")
        }
        _ => format!("known keys here are {}", known.join(", ")),
    }
}

/// How many characters must be put in, taken out or changed to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate().take(64) {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
