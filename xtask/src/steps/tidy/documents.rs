//! Documents: their links resolve, and each decision has a number and a status.

use crate::tree::Tree;
use std::collections::BTreeMap;

/// Relative links of a document that lead nowhere, each as `LINE: what`.
#[must_use]
pub fn broken_links(tree: &Tree, path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (line, target) in links(text) {
        let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let resolved = if file.is_empty() { path.to_owned() } else { beside(path, file) };
        if !tree.path(&resolved).exists() {
            found.push(format!("{line}: the link to {target} leads nowhere"));
        } else if !anchor.is_empty() && resolved.ends_with(".md") {
            let headings = anchors(&tree.read(&resolved).unwrap_or_default());
            if !headings.iter().any(|heading| heading == anchor) {
                found.push(format!("{line}: {resolved} has no heading #{anchor}"));
            }
        }
    }
    found
}

/// The relative link targets of a document, each with its line. What stands in code is no link.
#[must_use]
pub fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, content) in prose(text) {
        // Every second part, split at backticks, is code.
        for part in content.split('`').step_by(2) {
            for (offset, _) in part.match_indices("](") {
                let rest = &part[offset + 2..];
                let Some(end) = rest.find(')') else { continue };
                let target = rest[..end].split_whitespace().next().unwrap_or_default();
                if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                    found.push((line, target.to_owned()));
                }
            }
        }
    }
    found
}

/// The anchors of a document's headings, as code hosts make them.
#[must_use]
pub fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).into_iter().filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|character| character.is_alphanumeric() || " -_".contains(*character))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

/// The lines of a document outside of fenced code, each with its number.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            found.push((index + 1, line));
        }
    }
    found
}

/// The path of `target` as seen from the folder of `path`, without `.` and `..`.
fn beside(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// What is wrong with the decision records: `NNNN-words.md`, each number once, each with a line `Status: ...`.
#[must_use]
pub fn decisions(tree: &Tree, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut numbers: BTreeMap<String, String> = BTreeMap::new();
    for path in tree.files().into_iter().filter(|path| path.starts_with(folder) && path.ends_with(".md")) {
        let name = &path[folder.len()..];
        let number: String = name.chars().take_while(char::is_ascii_digit).collect();
        if number.len() != 4 || !name[number.len()..].starts_with('-') {
            found.push(format!("{path}: call it NNNN-words.md"));
            continue;
        }
        let text = tree.read(&path).unwrap_or_default();
        if !text
            .lines()
            .any(|line| line.strip_prefix("Status: ").is_some_and(|status| !status.trim().is_empty()))
        {
            found.push(format!("{path}: say `Status: accepted`, `Status: replaced by NNNN` or the like"));
        }
        if let Some(other) = numbers.insert(number, path.clone()) {
            found.push(format!("{path}: has the same number as {other}"));
        }
    }
    if numbers.is_empty() {
        found.push(format!("{folder} holds no decision"));
    }
    found
}
