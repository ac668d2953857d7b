//! The gate's last word.
#![allow(clippy::expect_used, reason = "a helper of tests may panic like a test")]

use std::fs;
use xtask::{Tree, run};

fn gate(tree: &Tree, step: &str) -> (bool, String) {
    let mut out = Vec::new();
    let is_good = run(tree, Some(step), &mut out).expect("written to memory");
    (is_good, String::from_utf8(out).expect("text"))
}

#[test]
fn a_failure_fails_the_gate_and_is_counted_in_the_last_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let (is_good, text) = gate(&Tree::at(folder.path()), "rules");
    assert!(!is_good);
    assert_eq!(text.lines().last(), Some("0 passed, 1 failed, 0 skipped"));
    assert!(text.contains("docs/protocol.md is missing"), "{text}");
}

#[test]
fn rules_cited_by_code_and_tests_pass_the_gate() {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["docs", "crates/a/src", "crates/a/tests"] {
        fs::create_dir_all(folder.path().join(part)).expect("folders");
    }
    let numbers: Vec<String> = (1..=90).map(|number| format!("V{number}")).collect();
    let book: String = numbers.iter().map(|number| format!("- **{number}** A rule.\n")).collect();
    let citing: String = numbers.iter().map(|number| format!("// {number}\n")).collect();
    fs::write(folder.path().join("docs/protocol.md"), book).expect("the book");
    fs::write(folder.path().join("crates/a/src/a.rs"), &citing).expect("code");
    fs::write(folder.path().join("crates/a/tests/a.rs"), &citing).expect("a test");
    let (is_good, text) = gate(&Tree::at(folder.path()), "rules");
    assert!(is_good, "{text}");
    assert_eq!(text.lines().last(), Some("182 passed, 0 failed, 0 skipped"));
}

#[test]
fn uncited_rules_are_counted_one_by_one_and_listed_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["docs", "crates/a/src"] {
        fs::create_dir_all(folder.path().join(part)).expect("folders");
    }
    let book: String = (1..=90).map(|number| format!("- **V{number}** A rule.\n")).collect();
    let citing: String = (1..=88).map(|number| format!("// V{number}\n")).collect();
    fs::write(folder.path().join("docs/protocol.md"), book).expect("the book");
    fs::write(folder.path().join("crates/a/src/a.rs"), &citing).expect("code");
    let (is_good, text) = gate(&Tree::at(folder.path()), "rules");
    assert!(!is_good);
    assert!(text.contains("correct replica or client cites V89, V90\n"), "{text}");
    assert_eq!(text.lines().last(), Some("90 passed, 92 failed, 0 skipped"));
}

#[test]
fn the_simulator_and_the_liars_prove_no_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["docs", "crates/sim/src", "crates/sim/tests"] {
        fs::create_dir_all(folder.path().join(part)).expect("folders");
    }
    let numbers: Vec<String> = (1..=90).map(|number| format!("V{number}")).collect();
    let book: String = numbers.iter().map(|number| format!("- **{number}** A rule.\n")).collect();
    let citing: String = numbers.iter().map(|number| format!("// {number}\n")).collect();
    fs::write(folder.path().join("docs/protocol.md"), book).expect("the book");
    fs::write(folder.path().join("crates/sim/src/a.rs"), format!("{citing}// V91\n")).expect("code");
    fs::write(folder.path().join("crates/sim/tests/a.rs"), &citing).expect("a test");
    let (is_good, text) = gate(&Tree::at(folder.path()), "rules");
    assert!(!is_good);
    assert!(text.contains("a.rs:91 cites V91"), "{text}");
    assert_eq!(text.lines().last(), Some("91 passed, 91 failed, 0 skipped"));
}

#[test]
fn an_unknown_step_fails_and_the_steps_are_named() {
    let (is_good, text) = gate(&Tree::own(), "polish");
    assert!(!is_good);
    assert!(text.contains("licences"), "{text}");
}
