//! Lengths, leftovers, links, names and decisions.

use std::fs;
use xtask::Tree;
use xtask::tidy::{documents, sources};

fn complaints(path: &str, text: &str) -> Vec<String> {
    sources::rust(path, text, &mut Vec::new())
}

/// Words that this file must not contain whole, since it is checked too.
fn joined(parts: &[&str]) -> String {
    parts.concat()
}

#[test]
fn a_clean_source_passes() {
    let text = "//! Doc.\n\n/// Adds.\npub fn add(a: u8, b: u8) -> u8 {\n    a + b\n}\n";
    assert_eq!(complaints("crates/x/src/add.rs", text), Vec::<String>::new());
}

#[test]
fn a_file_over_the_limit_is_refused_and_a_long_one_is_warned_about() {
    assert_eq!(complaints("crates/x/src/a.rs", &"use a;\n".repeat(601)).len(), 1);
    let mut warnings = Vec::new();
    assert_eq!(
        sources::rust("crates/x/src/a.rs", &"use a;\n".repeat(600), &mut warnings),
        Vec::<String>::new()
    );
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_function_over_the_limit_is_refused() {
    let body = |lines: usize| format!("fn f() {{\n{}}}\n", "    a();\n".repeat(lines));
    assert_eq!(complaints("crates/x/src/a.rs", &body(68)), Vec::<String>::new());
    assert_eq!(complaints("crates/x/src/a.rs", &body(69)).len(), 1);
}

#[test]
fn leftovers_are_found_in_comments_and_in_code_but_not_in_text() {
    let word = joined(&["TO", "DO"]);
    assert_eq!(complaints("crates/x/src/a.rs", &format!("// {word} later\n")).len(), 1);
    assert_eq!(
        complaints("crates/x/src/a.rs", &format!("fn a() {{ {}!() }}\n", word.to_lowercase())).len(),
        1
    );
    assert_eq!(
        complaints("crates/x/src/a.rs", &format!("const A: &str = \"{word}\";\n")),
        Vec::<String>::new()
    );
}

#[test]
fn panics_are_refused_in_sources_and_allowed_in_tests() {
    let text = "fn a() { b().unwrap(); c().expect(\"why\"); d().unwrap_or(1); }\n";
    assert_eq!(complaints("crates/x/src/a.rs", text).len(), 2);
    assert_eq!(complaints("crates/x/tests/facts.rs", text), Vec::<String>::new());
}

#[test]
fn a_library_root_holds_no_items() {
    let good = "//! Doc: a fn.\n\nmod a;\n\npub use a::{B, C};\n";
    assert_eq!(complaints("crates/x/src/lib.rs", good), Vec::<String>::new());
    assert_eq!(complaints("crates/x/src/lib.rs", "mod a;\npub struct B;\n").len(), 1);
}

#[test]
fn tests_beside_the_code_are_refused() {
    assert_eq!(complaints("crates/x/src/a.rs", "#[cfg(test)]\nmod tests {}\n").len(), 1);
}

#[test]
fn a_test_has_the_name_of_a_fact() {
    let named = |name: &str| format!("#[test]\n#[should_panic]\nfn {name}() {{}}\n");
    assert_eq!(complaints("crates/x/tests/log.rs", &named("a_torn_tail_is_dropped")), Vec::<String>::new());
    assert_eq!(complaints("crates/x/tests/log.rs", &named("test_torn_tail")).len(), 1);
    assert_eq!(complaints("crates/x/tests/log.rs", &named("works")).len(), 1);
    assert_eq!(complaints("crates/x/tests/log_test.rs", "").len(), 1);
}

#[test]
fn paths_of_one_machine_are_found_only_where_they_begin() {
    let folder = joined(&["/ho", "me/"]);
    for text in
        [format!("see {folder}ada/x"), format!("\"{folder}x\""), format!("{folder}x"), format!("({folder}x)")]
    {
        assert_eq!(sources::machine_paths(&text).len(), 1, "{text}");
    }
    for text in [format!("docs{folder}x"), format!("..{folder}x"), format!("${{base}}{folder}x")] {
        assert_eq!(sources::machine_paths(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_crate_takes_the_lints_of_the_workspace() {
    assert_eq!(sources::manifest("[lints]\nworkspace = true\n"), Vec::<String>::new());
    assert_eq!(sources::manifest("[lints.rust]\nunsafe_code = \"forbid\"\n").len(), 1);
}

#[test]
fn links_in_code_and_to_other_hosts_are_not_followed() {
    let text = "[a](b.md) `[x](y)` [c](https://d.e) ![p](f.png \"title\")\n```\n[g](h)\n```\n[i](#j)\n";
    let expected = [(1, "b.md"), (1, "f.png"), (5, "#j")].map(|(line, target)| (line, target.to_owned()));
    assert_eq!(documents::links(text), expected);
}

#[test]
fn headings_have_the_anchors_that_code_hosts_give_them() {
    assert_eq!(documents::anchors("# A b\n## 2. What, *why*?\n```\n# no\n```\n"), ["a-b", "2-what-why"]);
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("docs")).expect("docs");
    fs::write(folder.path().join("docs/a.md"), "# One\n").expect("a.md");
    let tree = Tree::at(folder.path());
    let broken = |text: &str| documents::broken_links(&tree, "docs/b.md", text).len();
    assert_eq!(broken("[a](a.md) [a](../docs/a.md#one) [d](../docs)"), 0);
    assert_eq!(broken("[a](c.md)"), 1);
    assert_eq!(broken("[a](a.md#two)"), 1);
}

#[test]
fn a_decision_has_a_number_of_its_own_and_a_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    let tree = Tree::at(folder.path());
    assert_eq!(documents::decisions(&tree, "").len(), 1, "no decision at all");
    write("0001-first.md", "# First\n\nStatus: accepted\n");
    assert_eq!(documents::decisions(&tree, ""), Vec::<String>::new());
    write("0001-again.md", "Status: accepted\n");
    write("0002-mute.md", "# Mute\n");
    write("unnumbered.md", "Status: accepted\n");
    assert_eq!(documents::decisions(&tree, "").len(), 3);
}
