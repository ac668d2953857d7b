//! The scenarios of the book, and how tests name them.

use xtask::{read_scenarios, scenario_coverage, scenarios_in};

const BOOK: &str = "# Book\n\n| 9 | not here |\n\n## 9. Scenarios\n\n| no. | scenario |\n| --- | --- |\n| 1 | one |\n\
                    | 2 | two |\n| 3 | three |\n\n- Scenario 3 later: no such thing yet.\n\n## 10. Rest\n\n| 4 | no |\n";

#[test]
fn the_table_of_the_section_is_read() {
    let book = read_scenarios(BOOK);
    assert_eq!(book.known.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(book.later.keys().copied().collect::<Vec<_>>(), [3]);
    assert_eq!(book.complaints, Vec::<String>::new());
}

#[test]
fn gaps_repeats_and_excuses_without_a_reason_are_found() {
    let table = "## 9. Scenarios\n| 1 | a |\n| 3 | b |\n| 3 | c |\n- Scenario 3 later\n- Scenario 7 later: why\n- Scenario 1 never: x\n";
    let book = read_scenarios(table);
    assert_eq!(book.complaints.len(), 5, "{:?}", book.complaints);
    assert!(book.later.is_empty());
}

#[test]
fn tests_name_them_in_comments_of_several_forms() {
    let source = "/// Scenarios 6 and 8. C9, N14\n// (scenario 49)\n// Scenario 37, in part, and 10: of 99 others\n\
                  let scenario = 5; // Scenario 26: a vote of 2\n//! Scenarios of section 9\n";
    let found = scenarios_in([("t.rs", source)]);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [6, 8, 10, 26, 37, 49]);
}

#[test]
fn what_no_test_plays_or_what_does_not_exist_is_found() {
    let book = read_scenarios(BOOK);
    let tests = scenarios_in([("t.rs", "// Scenario 1.\n// Scenario 12.\n")]);
    assert_eq!(
        scenario_coverage(&book, &tests),
        ["t.rs:2 plays scenario 12, which the book does not have", "no comment in a test names scenario 2"]
    );
    let tests = scenarios_in([("t.rs", "// Scenarios 1, 2 and 3.\n")]);
    assert_eq!(scenario_coverage(&book, &tests), ["t.rs:1 plays scenario 3, which is marked as later"]);
}
