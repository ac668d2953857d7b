//! Results as the table of faults reads them.

use outvote_torture::{Outcome, Verdict, all_nemeses, rows_of};
use std::time::Duration;

fn outcome(name: &'static str, rows: &'static [&'static str], verdict: Verdict) -> Outcome {
    let detail = "fast".to_owned();
    Outcome { name, rows, n: 4, seed: 1, verdict, detail, operations: 1, took: Duration::from_secs(1) }
}

#[test]
fn a_row_fails_with_any_of_its_rounds_and_passes_with_one_that_does() {
    let rows = rows_of(
        &[
            outcome("one", &["P01", "N04"], Verdict::Passed),
            outcome("two", &["P01"], Verdict::Failed(vec!["lost".into()])),
            outcome("three", &["P01"], Verdict::Passed),
            outcome("four", &["N04"], Verdict::Skipped("host has no wings".into())),
            outcome("five", &["S01"], Verdict::Skipped("host has no wings".into())),
        ],
        "2026-01-02",
        "abc",
    );
    assert_eq!(rows["P01"]["result"], "failed");
    assert_eq!(rows["P01"]["test"], "torture one, torture two, torture three");
    assert!(rows["P01"]["detail"].as_str().is_some_and(|detail| detail.contains("lost")));
    assert_eq!(rows["N04"]["result"], "passed");
    assert_eq!(rows["S01"]["result"], "skipped");
    assert_eq!(rows["S01"]["date"], "2026-01-02");
}

#[test]
fn each_nemesis_has_a_name_of_its_own_and_a_row() {
    let all = all_nemeses();
    for (at, nemesis) in all.iter().enumerate() {
        assert!(!nemesis.rows.is_empty(), "{}", nemesis.name);
        assert!(all[..at].iter().all(|earlier| earlier.name != nemesis.name), "{}", nemesis.name);
    }
}
