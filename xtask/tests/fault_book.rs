//! The book of faults, how tests name its rows, and what is found wrong between the two.

use xtask::{
    Faults, Outcome, Player, Results, Shown, State, Verdict, fault_coverage, players_in, read_faults,
};

const BOOK: &str = "# Faults\n\n| row | fault | expected | measure | state |\n| --- | --- | --- | --- | --- |\n\
                    | N01 | loss | safe | 70 % |  |\n| N02 | replay | once | 0 | in part: at one replica |\n\
                    | P01 | kill | safe | 0 lost | open: no time |\n| P02 | power | safe | 0 lost | later: no power |\n\
                    | W01 | none | none | - | by design: nothing |\n";

fn book() -> Faults {
    let book = read_faults(BOOK);
    assert_eq!(book.complaints, Vec::<String>::new());
    book
}

#[test]
fn rows_are_read_with_their_states() {
    let states: Vec<(String, State)> = book().rows.into_iter().map(|row| (row.number, row.state)).collect();
    let expected = [
        ("N01", State::Tested),
        ("N02", State::InPart("at one replica".to_owned())),
        ("P01", State::Open("no time".to_owned())),
        ("P02", State::Later("no power".to_owned())),
        ("W01", State::ByDesign("nothing".to_owned())),
    ];
    assert_eq!(states, expected.map(|(number, state)| (number.to_owned(), state)));
}

#[test]
fn gaps_repeats_empty_cells_and_states_without_a_reason_are_found() {
    let text = "| N01 | a | b | c |  |\n| N03 | a | b | c |  |\n| N03 | a | b | c | later |\n\
                | P01 | a |  | c | open: x |\n| P02 | a | b | c | never: x |\n| P03 | a | b |\n";
    let complaints = read_faults(text).complaints;
    let lines: Vec<&str> = complaints.iter().filter_map(|what| what.split(':').next()).collect();
    assert_eq!(lines, ["line 3", "line 4", "line 5", "line 6", "line 2", "line 3"], "{complaints:?}");
}

#[test]
fn a_list_above_a_test_or_an_entry_names_its_rows() {
    let rust = "// Scenario 3.\n// Faults: N01, P03\n#[test]\nfn it_lives() {}\n\n    /// Words.\n    /// Faults: N02\n\
                    #[tokio::test(flavor = \"x\")]\n    async fn it_stays() {}\n\n// Faults: L01\n    caught: Bug within 10;\n\
                // Faults: R01\nEntry { name: \"mute-f\", kind: 1 },\n// Faults: R02\n(0x66_6c, 60_000, blip),\n";
    let page = "// Faults: W01\ntest('text is text', async () => {});\n// Faults: W02\nconst payloads = 3;\n";
    let players = players_in([("crates/a/tests/t.rs", rust), ("web/tests/browser/x.spec.ts", page)]);
    assert_eq!(players.complaints, Vec::<String>::new());
    let found: Vec<(&str, &str, usize)> = players
        .by_row
        .iter()
        .flat_map(|(row, all)| all.iter().map(move |it| (row.as_str(), it.name.as_str(), it.line)))
        .collect();
    assert_eq!(
        found,
        [
            ("L01", "caught", 11),
            ("N01", "it_lives", 2),
            ("N02", "it_stays", 7),
            ("P03", "it_lives", 2),
            ("R01", "mute-f", 13),
            ("R02", "blip", 15),
            ("W01", "text is text", 1),
            ("W02", "payloads", 3),
        ]
    );
}

#[test]
fn a_list_may_stand_between_an_attribute_and_its_test() {
    let text = "/// Words.\n#[test]\n// Faults: N01\nfn it_lives() {}\n";
    let players = players_in([("crates/a/tests/t.rs", text)]);
    assert_eq!((players.by_row.len(), players.complaints.len()), (1, 0), "{players:?}");
}

#[test]
fn only_a_comment_of_its_own_that_begins_so_is_a_list() {
    let text = "// See Faults: N01\nlet a = \"// Faults: N02\";\nlet b = 1; // Faults: N03\n";
    assert!(players_in([("crates/a/src/t.rs", text)]).by_row.is_empty());
}

#[test]
fn a_list_above_nothing_above_a_helper_or_with_other_words_is_found() {
    let text = "// Faults: N01\n\nfn f() {}\n// Faults: N01\nfn helper() {}\n// Faults: N01 and N02\n#[test]\nfn a_test() {}\n\
                // Faults: N01";
    let players = players_in([("crates/a/tests/t.rs", text)]);
    assert!(players.by_row.is_empty(), "{players:?}");
    let places: Vec<&str> =
        players.complaints.iter().map(|what| &what[.."crates/a/tests/t.rs:1".len()]).collect();
    assert_eq!(
        places,
        [1, 4, 6, 9].map(|line| format!("crates/a/tests/t.rs:{line}")),
        "{:?}",
        players.complaints
    );
    // A run of a night is no test, and lives in the sources.
    assert_eq!(players_in([("crates/a/src/t.rs", "// Faults: N01\nfn play() {}\n")]).by_row.len(), 1);
}

#[test]
fn a_row_that_lost_its_test_is_found_and_so_is_a_state_that_is_not_true() {
    let text = "// Faults: P01, P02, W01, X99\n#[test]\nfn a_test() {}\n";
    let players = players_in([("t.rs", text)]);
    let complaints = fault_coverage(&book(), &players);
    assert_eq!(
        complaints,
        [
            "t.rs:1 names X99, which docs/faults.md does not have",
            "no test names, in a comment `// Faults: ...`, N01",
            "no test names, in a comment `// Faults: ...`, N02",
            "t.rs:1 plays P01; empty the state of its row, or say `in part: ...` there",
            "t.rs:1 plays P02, which is marked as later; say `in part: ...` in its row",
            "t.rs:1 plays W01; empty the state of its row, or say `in part: ...` there",
        ]
    );
    let players = players_in([("t.rs", "// Faults: N01, N02\n#[test]\nfn a_test() {}\n")]);
    assert_eq!(fault_coverage(&book(), &players), Vec::<String>::new());
}

#[test]
fn an_open_row_that_has_a_test_by_now_is_settled_and_no_other_line_changes() {
    let players = players_in([("t.rs", "// Faults: P01, P02, N02\n#[test]\nfn a_test() {}\n")]);
    assert_eq!(xtask::settled(BOOK, &players), BOOK.replace(" open: no time ", "  "));
}

fn printed(players: &xtask::Players, results: &Results, shown: &Shown) -> String {
    let mut out = Vec::new();
    let _ = xtask::print_faults(&book(), players, results, shown, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn the_table_says_where_a_row_is_tested_and_what_came_of_it() {
    let text =
        "// Faults: N01, N02\n#[test]\nfn a_test() {}\n\n// Faults: N01\n#[test]\nfn another_test() {}\n";
    let players = players_in([("crates/a/tests/t.rs", text)]);
    let fresh = printed(&players, &Results::default(), &Shown::All);
    assert!(
        fresh.contains("N01  loss   not run here yet\n     crates/a/tests/t.rs: a_test   not run here yet\n"),
        "{fresh}"
    );
    assert!(fresh.contains("P01  kill   [open: no time]\n"), "{fresh}");
    assert!(
        fresh.ends_with(
            "5 rows: 1 tested, 1 tested in part, 1 open, 1 later, 1 by design; 0 failed when they last ran\n"
        ),
        "{fresh}"
    );

    let mut results = Results::default();
    results.read_parts(
        r#"{"tests": {"date": "2026-11-29", "commit": "abc", "tests": [
            {"target": "tests/t.rs", "name": "a_test", "verdict": "passed"},
            {"target": "tests/t.rs", "name": "another_test", "verdict": "failed"}]}}"#,
    );
    results.read_night(
        r#"{"rows": {"N02": {"result": "skipped", "detail": "no netem", "test": "torture loss"}}, "date": "2026-11-28",
            "command": "cargo xtask torture"}"#,
    );
    let after = printed(&players, &results, &Shown::All);
    assert!(
        after.contains("N01  loss   failed\n     crates/a/tests/t.rs: a_test   passed, 2026-11-29 at abc\n"),
        "{after}"
    );
    assert!(after.contains("N02  replay   passed   [in part: at one replica]\n"), "{after}");
    assert!(after.contains("     nightly torture loss   skipped, 2026-11-28: no netem\n"), "{after}");
    assert!(after.contains("1 failed when they last ran"), "{after}");

    let open = printed(&players, &results, &Shown::Open);
    assert!(!open.contains("N01") && open.contains("N02") && open.contains("P01"), "{open}");
    let one = printed(&players, &results, &Shown::Row("N01".to_owned()));
    assert!(
        one.contains("expected: safe") && one.contains("measure:  70 %") && !one.contains("N02"),
        "{one}"
    );
    assert!(printed(&players, &results, &Shown::Row("Z01".to_owned())).contains("no row Z01"));
}

#[test]
fn a_result_counts_for_the_test_of_its_file_alone() {
    let player = |path: &str, name: &str| Player { path: path.to_owned(), line: 1, name: name.to_owned() };
    let outcome = |target: &str, name: &str, verdict| Outcome {
        target: target.to_owned(),
        name: name.to_owned(),
        verdict,
    };
    let mut results = Results::default();
    results.parts.entry("tests".to_owned()).or_default().tests = vec![
        outcome("tests/disks.rs", "a_disk_fails", Verdict::Passed),
        outcome("tests/cluster/main.rs", "liars::a_liar_lies", Verdict::Failed),
        outcome("", "axe finds nothing in the dark page", Verdict::Skipped),
    ];
    let of = |path: &str, name: &str| results.of(&player(path, name)).map(|(verdict, _)| verdict);
    assert_eq!(of("crates/a/tests/disks.rs", "a_disk_fails"), Some(Verdict::Passed));
    assert_eq!(of("crates/a/tests/other.rs", "a_disk_fails"), None);
    assert_eq!(of("crates/a/tests/cluster/liars.rs", "a_liar_lies"), Some(Verdict::Failed));
    assert_eq!(of("crates/a/tests/cluster/disks.rs", "a_liar_lies"), None);
    assert_eq!(
        of("web/tests/browser/a.spec.ts", "axe finds nothing in the ${scheme} page"),
        Some(Verdict::Skipped)
    );
    assert_eq!(of("web/tests/browser/a.spec.ts", "axe finds everything in the ${scheme} page"), None);
}

#[test]
fn the_real_book_can_be_read() {
    let text = xtask::Tree::own().read("docs/faults.md").expect("docs/faults.md");
    let book = read_faults(&text);
    assert_eq!(book.complaints, Vec::<String>::new());
    assert!(book.rows.len() >= 230, "{} rows", book.rows.len());
}
