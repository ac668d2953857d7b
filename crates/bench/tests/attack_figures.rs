//! The arithmetic of attack figures, the drawings, and the table of attacks.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use outvote_bench::attack::figures::{
    goodput, hangover_s, kept_share, latency_ms, recovery_s, series, worst_client_share,
};
use outvote_bench::attack::report::{RSS_MAX_MIB, date_of};
use outvote_bench::attack::rows::{self, Attacker, Measure};
use outvote_bench::attack::svg::{Anchor, Svg, escaped};
use outvote_bench::attack::timeline::{Sample, Span};
use outvote_bench::attack::{AttackReport, RowReport, Verdict, crowd, document};
use std::collections::BTreeSet;

const MS: u64 = 1000;
const S: u64 = 1_000_000;

/// One operation a millisecond in the span, each so late.
fn even(from: u64, until: u64, late_us: u64) -> Vec<Sample> {
    let one = |intended_us| Sample {
        intended_us,
        ended_us: intended_us + late_us,
        client: u32::try_from(intended_us / MS % 4).unwrap(),
        operations: 1,
    };
    (from..until).step_by(MS as usize).map(one).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn goodput_counts_what_ends_in_the_span_and_the_share_compares_two() {
    let samples = [even(0, 2 * S, 0), even(2 * S, 3 * S, S)].concat();
    assert!(close(goodput(&samples, Span::new(0, 2 * S)), 1000.0));
    assert!(close(goodput(&samples, Span::new(2 * S, 3 * S)), 0.0), "all of it ended later");
    assert!(close(goodput(&samples, Span::new(3 * S, 4 * S)), 1000.0));
    assert!(close(goodput(&samples, Span::default()), 0.0));
    assert!(close(kept_share(1000.0, 980.0), 0.98));
    assert!(close(kept_share(0.0, 980.0), 0.0), "nothing was there to keep");
}

#[test]
fn latency_is_charged_to_when_it_should_have_started() {
    let samples = [even(0, S, 2 * MS), even(S, 2 * S, 3 * S)].concat();
    assert_eq!(latency_ms(&samples, Span::new(0, S), 0.5), Some(2.0));
    assert_eq!(latency_ms(&samples, Span::new(S, 2 * S), 0.99), Some(3000.0));
    assert_eq!(latency_ms(&samples, Span::new(5 * S, 6 * S), 0.5), None);
    // Half fast, half slow: the slowest hundredth is slow, and half is fast.
    let mixed = [even(0, S, MS), even(0, S - 10 * MS, 9 * MS)].concat();
    assert_eq!(latency_ms(&mixed, Span::new(0, S), 0.25), Some(1.0));
    assert_eq!(latency_ms(&mixed, Span::new(0, S), 0.99), Some(9.0));
}

#[test]
fn recovery_is_the_first_moment_from_which_the_rate_holds() {
    let attack = Span::new(10 * S, 20 * S);
    let untouched = even(9 * S, 21 * S, 0);
    assert_eq!(recovery_s(&untouched, attack, 1000.0), Some(0.0));
    // Nothing for three seconds: a window of a second is nine tenths full once it begins 0.1 s before they end.
    let stalled = [even(9 * S, 10 * S, 0), even(13 * S, 21 * S, 0)].concat();
    assert_eq!(recovery_s(&stalled, attack, 1000.0), Some(2.9));
    // It comes back for a second and is gone again: that is no recovery.
    let twice = [even(11 * S, 12 * S + 500 * MS, 0), even(16 * S, 21 * S, 0)].concat();
    assert_eq!(recovery_s(&twice, attack, 1000.0), Some(5.9));
    assert_eq!(recovery_s(&even(9 * S, 10 * S, 0), attack, 1000.0), None);
    // Below nine tenths for ever.
    let slow: Vec<Sample> =
        untouched.iter().enumerate().filter(|(n, _)| n % 5 != 0).map(|(_, s)| *s).collect();
    assert_eq!(recovery_s(&slow, attack, 1000.0), None);
}

#[test]
fn hangover_ends_when_half_is_as_fast_as_before() {
    let after = Span::new(10 * S, 20 * S);
    assert_eq!(hangover_s(&even(10 * S, 20 * S, 4 * MS), after, 4.0), Some(0.0));
    let late = [even(10 * S, 12 * S, 40 * MS), even(12 * S, 20 * S, 4 * MS)].concat();
    // A window of half a second that begins a quarter of a second before is half fast.
    assert_eq!(hangover_s(&late, after, 4.0), Some(1.8));
    assert_eq!(hangover_s(&even(10 * S, 20 * S, 5 * MS), after, 4.0), None, "more than 1.1 times and a half");
    assert_eq!(
        hangover_s(&even(10 * S, 20 * S, 4 * MS), Span::new(10 * S, 10 * S), 4.0),
        None,
        "not looked at"
    );
}

#[test]
fn the_worst_served_user_is_compared_with_its_own_baseline() {
    let (baseline, attack) = (Span::new(0, 2 * S), Span::new(2 * S, 4 * S));
    let starved =
        even(2 * S, 4 * S, 0).into_iter().filter(|sample| sample.client != 3 || sample.ended_us < 3 * S);
    let samples = [even(0, 2 * S, 0), starved.collect()].concat();
    let share = worst_client_share(&samples, baseline, attack).unwrap();
    assert!(close(share, 0.5), "{share}");
    assert_eq!(worst_client_share(&[], baseline, attack), None);
}

#[test]
fn a_series_has_a_value_for_each_step() {
    let samples = [even(0, S, 0), even(2 * S, 3 * S, 0)].concat();
    let values = series(&samples, Span::new(0, 3 * S), S);
    assert!(
        values.len() == 3 && close(values[0], 1000.0) && close(values[1], 0.0) && close(values[2], 1000.0)
    );
}

#[test]
fn a_row_fails_for_each_goal_that_it_misses_and_says_which() {
    let row = rows::chosen(&["equivocate".to_owned()]).unwrap().remove(0);
    let good = RowReport { kept: 0.99, liars: vec![2], accused: vec![2], ..RowReport::of(&row, 1000.0) };
    let judged = |mut report: RowReport| {
        report.judge(&row.goal);
        (report.verdict, report.remarks.join("; "))
    };
    assert_eq!(judged(good.clone()), (Verdict::Passed, String::new()));
    let (verdict, remarks) = judged(RowReport { kept: 0.9, ..good.clone() });
    assert!(verdict == Verdict::Failed && remarks.contains("90.0 % of 95.0 %"), "{remarks}");
    let (verdict, remarks) = judged(RowReport { accused: Vec::new(), ..good.clone() });
    assert!(verdict == Verdict::Failed && remarks.contains("not proven guilty"), "{remarks}");
    let (verdict, remarks) = judged(RowReport { rss_mib: RSS_MAX_MIB + 1.0, ..good });
    assert!(verdict == Verdict::Failed && remarks.contains("257 MiB"), "{remarks}");

    let row = rows::chosen(&["K07".to_owned()]).unwrap().remove(0);
    let mut report = RowReport { kept: 1.0, view_changes: 1, ..RowReport::of(&row, 1000.0) };
    report.judge(&row.goal);
    assert_eq!(report.verdict, Verdict::Failed, "a leader was deposed");

    let row = rows::chosen(&["X20".to_owned()]).unwrap().remove(0);
    let judged = |hangover_s| {
        let mut report = RowReport { hangover_s, ..RowReport::of(&row, 1000.0) };
        report.judge(&row.goal);
        report.verdict
    };
    assert_eq!(judged(Some(2.0)), Verdict::Passed);
    assert_eq!([judged(Some(31.0)), judged(None)], [Verdict::Failed; 2], "users never stopped noticing it");
}

#[test]
fn every_attack_has_a_name_of_its_own_and_an_attacker_that_exists() {
    let all = rows::all();
    let names: BTreeSet<&str> = all.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), all.len());
    for row in &all {
        assert!(!row.ids.is_empty() && !row.does.is_empty() && !row.defence.is_empty(), "{}", row.name);
        assert!((0.0..=1.0).contains(&row.goal.kept), "{}", row.name);
        if let Attacker::Crowd(name) | Attacker::Inside(name) | Attacker::ColdStart(name) = row.attacker {
            assert!(crowd::CROWDS.contains(&name), "{name}");
        }
    }
    assert!(all.iter().any(|row| row.goal.measure == Measure::WorstClient));
    assert_eq!(
        rows::chosen(&["l04".to_owned()]).unwrap().len(),
        3,
        "a row of the catalogue may be several attacks"
    );
    assert_eq!(rows::chosen(&["nothing".to_owned()]), Err("nothing".to_owned()));
}

fn report() -> AttackReport {
    let all = rows::all();
    let mut rows: Vec<RowReport> = all.iter().map(|row| RowReport::of(row, 1000.0)).collect();
    for row in &mut rows {
        (row.kept, row.verdict) = (0.97, Verdict::Passed);
        (row.series, row.series_attack) = (vec![1000.0, 400.0, 1000.0], (1, 2));
    }
    rows[0].verdict = Verdict::Failed;
    rows[0].remarks.push("keeps 97.0 % of 99.0 % | or so".to_owned());
    AttackReport { n: 4, cores: 2, rows, ..AttackReport::default() }
}

#[test]
fn the_record_names_each_row_once_with_its_worst_result() {
    let mut report = report();
    let mine = report.rows.iter_mut().find(|row| row.name == "slow-10ms").unwrap();
    mine.verdict = Verdict::Failed;
    let record = report.record();
    let of = |id: &str| record["rows"][id]["result"].as_str().unwrap().to_owned();
    assert_eq!((of("R01"), of("R25"), of("L04")), ("failed".into(), "passed".into(), "failed".into()));
    let tests = record["rows"]["L04"]["test"].as_str().unwrap();
    assert_eq!(tests, "attack slow-1ms, attack slow-10ms, attack slow-100ms");
}

#[test]
fn the_page_has_a_line_for_each_attack_and_every_drawing_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let report = report();
    document::write(&report, folder.path()).unwrap();
    let page = std::fs::read_to_string(folder.path().join("attacks.md")).unwrap();
    let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert_eq!(table.len(), report.rows.len());
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(table.iter().all(|line| columns(line) == columns(table[0])), "{page}");
    assert!(page.contains("**97.0 %**") && page.contains("or so"), "a missed goal shows");
    let shown: Vec<&str> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(shown.len() > 5);
    for path in shown {
        let drawing = std::fs::read_to_string(folder.path().join(path)).unwrap();
        assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"), "{path}");
    }
}

#[test]
fn drawings_say_what_they_are_told_and_nothing_that_runs() {
    assert_eq!(escaped("<script>\"&'\u{7}"), "&lt;script&gt;&quot;&amp;&apos; ");
    let mut svg = Svg::new(100.0, 50.0);
    svg.rectangle((1.0, 2.0), (3.0, 4.0), "red");
    svg.rectangle((1.0, 2.0), (-3.0, 4.0), "red");
    svg.line((0.0, 0.0), (f64::NAN, f64::INFINITY), "black", 1.0);
    svg.path(&[(0.0, 1.0), (2.0, 3.04)], "blue");
    svg.text((5.0, 6.0), 12.0, Anchor::End, "a < b");
    let text = svg.finished("x > y");
    assert_eq!(text.matches("fill=\"red\"").count(), 1, "a rectangle of negative size is none");
    assert!(text.contains("x2=\"0.0\" y2=\"0.0\""), "what is no number is none: {text}");
    assert!(text.contains("points=\"0.0,1.0 2.0,3.0\"") && text.contains(">a &lt; b</text>"), "{text}");
    assert!(
        text.contains("<title>x &gt; y</title>") && text.contains("viewBox=\"0 0 100.0 50.0\""),
        "{text}"
    );
}

#[test]
fn days_are_told_as_dates() {
    let known = [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_786, "2026-11-29")];
    for (days, date) in known {
        assert_eq!(date_of(days), date);
    }
}
