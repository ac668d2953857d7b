//! The book's format, and both directions between the book and its citations.

use xtask::{cited_in, coverage, read_book};

const BOOK: &str = "# Rules\n\nSee V1.\n\n- **V1** A leader leads.\n- **V2** A replica follows.\n";

#[test]
fn a_rule_is_a_list_item_that_begins_with_its_number() {
    let book = read_book(BOOK);
    assert_eq!(book.rules.keys().collect::<Vec<_>>(), ["V1", "V2"]);
    assert_eq!(book.complaints, Vec::<String>::new());
}

#[test]
fn a_number_given_twice_is_found() {
    let book = read_book("- **V1** One.\n- **V1** Another.\n");
    assert_eq!(book.complaints, ["line 2: rule V1 stands already on line 1"]);
}

#[test]
fn a_mention_of_no_rule_is_found() {
    let book = read_book("- **V1** As V3 says.\n");
    assert_eq!(book.complaints, ["line 1: V3 is mentioned but is no rule"]);
}

#[test]
fn sizes_curves_and_the_base_window_are_no_rules() {
    let book = read_book("- **V1** P256, X25519, T0, B_1, E=256 and `S` stand for other things.\n");
    assert_eq!(book.complaints, Vec::<String>::new());
}

#[test]
fn only_comments_cite() {
    let source = "/// Keeps V1.\nfn f() { let v2 = \"V2\"; } // M1: bytes\n/* N3 */ let V9 = 1;\n";
    let citations = cited_in([("a.rs", source)]);
    let found: Vec<(&str, &str)> = citations.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(found, [("M1", "a.rs:2"), ("N3", "a.rs:3"), ("V1", "a.rs:1")]);
}

#[test]
fn a_line_that_names_faults_cites_no_rule() {
    let source = "// Faults: P12, N03\n/// Faults: V9\n// V1: these are not Faults: M2\n";
    let citations = cited_in([("a.rs", source)]);
    assert_eq!(citations.keys().collect::<Vec<_>>(), ["M2", "V1"]);
}

#[test]
fn a_rule_without_code_or_without_a_test_is_found_and_so_is_a_citation_without_a_rule() {
    let code = cited_in([("c.rs", "// V1: leads\n// V7: what?\n")]);
    let tests = cited_in([("t.rs", "// V2\n")]);
    assert_eq!(
        coverage(&read_book(BOOK), &code, &tests),
        [
            "c.rs:2 cites V7, which docs/protocol.md does not have",
            "no comment in the code of a correct replica or client cites V2",
            "no comment in a test cites V1",
        ]
    );
}

#[test]
fn full_coverage_has_nothing_to_say() {
    let all = cited_in([("c.rs", "// V1, V2\n")]);
    assert_eq!(coverage(&read_book(BOOK), &all, &all), Vec::<String>::new());
}

#[test]
fn the_real_book_can_be_read() {
    let text = xtask::Tree::own().read("docs/protocol.md").expect("docs/protocol.md");
    let book = read_book(&text);
    assert_eq!(book.complaints, Vec::<String>::new());
    assert!(book.rules.len() >= 90, "{} rules", book.rules.len());
}
