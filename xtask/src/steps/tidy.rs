//! Lengths, leftovers, links, names and decisions.

pub mod documents;
pub mod sources;

use crate::report::Report;
use crate::tree::Tree;

/// Decision records live here.
const DECISIONS: &str = "docs/adr/";
/// The most lines that the map of the code may have.
const MOST_ARCHITECTURE_LINES: usize = 250;
/// Built by a tool and committed as built; nobody reads or edits it.
const BUILT: &[&str] = &["Cargo.lock", "web/package-lock.json", "apps/chat/dist/"];

pub(crate) fn run(tree: &Tree) -> Report {
    let mut report = Report::default();
    for path in tree.files().iter().filter(|path| !BUILT.iter().any(|built| path.starts_with(built))) {
        // What is no text, such as a picture, has no lines to check.
        let Some(text) = tree.read(path) else { continue };
        let mut complaints: Vec<String> = sources::machine_paths(&text);
        if path.ends_with(".rs") {
            complaints.extend(sources::rust(path, &text, &mut report.warnings));
        } else if path.ends_with(".ts") || path.ends_with(".svelte") {
            complaints.extend(sources::page(path, &text, &mut report.warnings));
        } else if path.ends_with(".md") {
            complaints.extend(documents::broken_links(tree, path, &text));
        } else if path.ends_with("Cargo.toml") && path.contains('/') {
            complaints.extend(sources::manifest(&text));
        }
        report.check(complaints.into_iter().map(|complaint| format!("{path}:{complaint}")).collect());
    }
    report.check(architecture(tree));
    report.check(documents::decisions(tree, DECISIONS));
    report
}

fn architecture(tree: &Tree) -> Vec<String> {
    match tree.read("ARCHITECTURE.md") {
        None => vec!["ARCHITECTURE.md is missing".to_owned()],
        Some(text) if text.lines().count() > MOST_ARCHITECTURE_LINES => {
            vec![format!(
                "ARCHITECTURE.md has {} lines, {MOST_ARCHITECTURE_LINES} at most",
                text.lines().count()
            )]
        }
        Some(_) => Vec::new(),
    }
}
