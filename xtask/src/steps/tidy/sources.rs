//! What may stand in a source file. Complaints read `LINE: what`.

use crate::rust_source::{Line, functions, lines, word_offsets};

/// Above this a file should be asked whether it is two.
const LONG_FILE_LINES: usize = 400;
/// Above this a file is refused.
const MOST_FILE_LINES: usize = 600;
/// Above this a function is refused.
const MOST_FUNCTION_LINES: usize = 70;
/// A library's root has a doc, modules in reading order and re-exports.
const MOST_LIBRARY_LINES: usize = 150;

/// Notes to oneself. They are in an issue, or done.
const LEFTOVER_WORDS: &[&str] = &["TODO", "FIXME", "XXX"];
const LEFTOVER_MACROS: &[&str] = &["todo!", "unimplemented!", "dbg!"];
const PANICS: &[&str] = &[".unwrap()", ".expect("];
const ITEMS: &[&str] = &["fn", "impl", "struct", "enum", "trait", "macro_rules"];

/// The folders that begin a path of somebody's machine. Written apart, so that this file passes its own check.
const MACHINE_FOLDERS: &[&[&str]] = &[&["wo", "rk"], &["ho", "me"], &["ro", "ot"], &["Us", "ers"]];

/// Everything that is wrong with a Rust source; what is only unwise is added to `warnings`.
#[must_use]
pub fn rust(path: &str, text: &str, warnings: &mut Vec<String>) -> Vec<String> {
    let split = lines(text);
    let is_test = path.contains("/tests/") || path.contains("/benches/");
    let mut found = leftovers(&split);
    if is_test {
        found.extend(test_names(path, &split));
        warnings.extend(length(path, text, usize::MAX).1);
    } else {
        let (too_long, long) = length(path, text, MOST_FILE_LINES);
        found.extend(too_long);
        warnings.extend(long);
        found.extend(long_functions(&split));
        // An example is one file that users read; its test may stand in it.
        if !path.contains("/examples/") {
            found.extend(inline_tests(&split));
        }
        if path.contains("/src/") {
            found.extend(panics(&split));
        }
        if path.ends_with("src/lib.rs") {
            found.extend(library(&split));
        }
    }
    found
}

/// Everything that is wrong with a source of the page.
#[must_use]
pub fn page(path: &str, text: &str, warnings: &mut Vec<String>) -> Vec<String> {
    let (mut found, long) = length(path, text, MOST_FILE_LINES);
    warnings.extend(long);
    for (index, line) in text.lines().enumerate() {
        for word in LEFTOVER_WORDS.iter().filter(|word| word_offsets(line, word).next().is_some()) {
            found.push(format!("{}: {word}; do it or file it", index + 1));
        }
    }
    found
}

/// A crate of ours takes the workspace's lints, which forbid unsafe code and count warnings.
#[must_use]
pub fn manifest(text: &str) -> Vec<String> {
    let takes_lints = text
        .parse::<toml::Table>()
        .ok()
        .and_then(|table| table.get("lints")?.get("workspace")?.as_bool())
        .unwrap_or(false);
    if takes_lints { Vec::new() } else { vec!["1: add `[lints]` with `workspace = true`".to_owned()] }
}

/// Lines that name a folder of somebody's machine.
#[must_use]
pub fn machine_paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for folder in MACHINE_FOLDERS {
        let folder = format!("/{}/", folder.concat());
        for (index, line) in text.lines().enumerate() {
            // Only the beginning of a path counts: `docs/home/` is a fine folder of ours.
            let is_leading = |offset: usize| {
                let before = line[..offset].chars().next_back();
                !before.is_some_and(|before| before.is_alphanumeric() || "_-.~/})".contains(before))
            };
            if line.match_indices(&folder).any(|(offset, _)| is_leading(offset)) {
                found.push(format!("{}: names {folder}, which only one machine has", index + 1));
            }
        }
    }
    found
}

/// Refusals and warnings for a file's length.
fn length(path: &str, text: &str, most: usize) -> (Vec<String>, Vec<String>) {
    let count = text.lines().count();
    if count > most {
        (vec![format!("{count}: more than {most} lines; split it by what its parts are about")], Vec::new())
    } else if count > LONG_FILE_LINES {
        (Vec::new(), vec![format!("{path} has {count} lines; is it two files?")])
    } else {
        (Vec::new(), Vec::new())
    }
}

fn leftovers(split: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in split.iter().enumerate() {
        for word in LEFTOVER_WORDS {
            let is_there =
                [&line.code, &line.comment].iter().any(|part| word_offsets(part, word).next().is_some());
            if is_there {
                found.push(format!("{}: {word}; do it or file it", index + 1));
            }
        }
        for name in LEFTOVER_MACROS.iter().filter(|name| calls_macro(&line.code, name)) {
            found.push(format!("{}: {name} is no code", index + 1));
        }
    }
    found
}

/// `name` ends in `!`, which ends a word by itself.
fn calls_macro(code: &str, name: &str) -> bool {
    let word = name.trim_end_matches('!');
    word_offsets(code, word).any(|offset| code[offset + word.len()..].starts_with('!'))
}

fn long_functions(split: &[Line]) -> Vec<String> {
    functions(split)
        .into_iter()
        .filter(|function| function.length > MOST_FUNCTION_LINES)
        .map(|function| {
            format!(
                "{}: fn {} has {} lines, {MOST_FUNCTION_LINES} at most; name its parts",
                function.line, function.name, function.length
            )
        })
        .collect()
}

fn panics(split: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in split.iter().enumerate() {
        for call in PANICS.iter().filter(|call| line.code.contains(**call)) {
            found.push(format!(
                "{}: `{call}`; return an error, or assert with a sentence that says why",
                index + 1
            ));
        }
    }
    found
}

fn inline_tests(split: &[Line]) -> Vec<String> {
    let shows = |line: &Line| line.code.contains("#[cfg(test)]") || line.code.trim() == "#[test]";
    let first = split.iter().position(shows);
    first.map(|index| format!("{}: tests live in the crate's tests folder", index + 1)).into_iter().collect()
}

fn library(split: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    if split.len() > MOST_LIBRARY_LINES {
        found.push(format!("{}: lib.rs has a doc, modules and re-exports only", split.len()));
    }
    for (index, line) in split.iter().enumerate() {
        for item in ITEMS.iter().filter(|item| word_offsets(&line.code, item).next().is_some()) {
            found.push(format!(
                "{}: `{item}` in lib.rs; it has a doc, modules and re-exports only",
                index + 1
            ));
        }
    }
    found
}

/// A test is a fact in the present tense: `a_torn_tail_is_dropped`, in a file that says what it is about.
fn test_names(path: &str, split: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    let file = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    if file.starts_with("test") || file.ends_with("_test") || !is_snake_case(file) {
        found.push(format!("1: call the file after what it is about, in snake_case, not `{file}`"));
    }
    for (index, line) in split.iter().enumerate() {
        let code = line.code.trim();
        if code != "#[test]" && code != "#[tokio::test]" {
            continue;
        }
        // Attributes such as should_panic may stand between.
        let name = split[index + 1..].iter().take(5).find_map(|line| {
            let (_, rest) = line.code.split_once("fn ")?;
            Some(rest.split('(').next().unwrap_or(rest).trim().to_owned())
        });
        let Some(name) = name else { continue };
        if name.starts_with("test_") || !name.contains('_') || !is_snake_case(&name) {
            found.push(format!("{}: `{name}` is no fact; name the test after what holds", index + 1));
        }
    }
    found
}

fn is_snake_case(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_')
}
