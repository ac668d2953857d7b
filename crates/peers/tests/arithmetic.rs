//! Medians, ratios, and what loads print.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

use outvote_peers::figures::{Measure, Milliseconds, Round, median, medians, ratio};
use outvote_peers::report::{Row, ratios};
use outvote_peers::systems::all;
use serde_json::json;

fn measure(ops_per_s: f64, p50: f64, p99: f64) -> Measure {
    Measure { ops_per_s, latency_ms: Milliseconds { p50, p99 } }
}

fn round(scale: f64, failovers_ms: Vec<f64>) -> Round {
    Round {
        saturated: measure(1000.0 * scale, 4.0, 9.0),
        one_in_flight: measure(100.0, scale, 2.0 * scale),
        steady: measure(700.0 * scale, 2.0, 5.0 * scale),
        failovers_ms,
        remark: None,
    }
}

fn row(name: &str, rounds: Vec<Round>) -> Row {
    let system = all().into_iter().find(|system| system.about.name == name).unwrap();
    Row::new(&system, "1".to_owned(), rounds)
}

#[test]
fn the_median_is_the_middle_one_or_the_mean_of_the_middle_two() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[7.0]), Some(7.0));
    assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    assert_eq!(median(&[f64::NAN, 5.0]), Some(5.0));
}

#[test]
fn a_ratio_needs_both_figures_and_something_to_divide_by() {
    assert_eq!(ratio(Some(3.0), Some(2.0)), Some(1.5));
    assert_eq!(ratio(None, Some(2.0)), None);
    assert_eq!(ratio(Some(3.0), Some(0.0)), None);
}

#[test]
fn kills_of_all_rounds_count_alike() {
    let rounds = [round(1.0, vec![100.0, 300.0]), round(3.0, vec![200.0])];
    let medians = medians(&rounds);
    assert_eq!(medians.failover_ms, Some(200.0));
    assert_eq!(medians.ops_per_s, Some(2000.0));
    assert_eq!(medians.one_in_flight_ms.p50, 2.0);
}

#[test]
fn ratios_divide_ours_by_etcd_with_three_members() {
    let rows = [
        row("outvote", vec![round(2.0, vec![100.0])]),
        row("outvote-envelope", vec![round(10.0, Vec::new())]),
        row("etcd-3", vec![round(1.0, vec![400.0])]),
        row("etcd-4", vec![round(100.0, vec![1.0])]),
    ];
    let ratios = ratios(&rows);
    assert_eq!(ratios.signed_each, Some(2.0));
    assert_eq!(ratios.envelope_50, Some(10.0));
    assert_eq!(ratios.p50_one_in_flight, Some(2.0));
    assert_eq!(ratios.p99_at_70_percent, Some(2.0));
    assert_eq!(ratios.failover, Some(0.25));
}

#[test]
fn without_etcd_there_is_no_ratio() {
    let rows = [row("outvote", vec![round(2.0, vec![100.0])])];
    assert_eq!(ratios(&rows), outvote_peers::report::Ratios::default());
}

#[test]
fn what_a_load_prints_is_read_and_what_lacks_a_field_is_not() {
    let good = json!({"ops_per_s": 12.5, "latency_ms": {"p50": 1.0, "p90": 2.0, "p99": 3.0, "max": 4.0}});
    assert_eq!(Measure::read(&good).unwrap(), measure(12.5, 1.0, 3.0));
    assert!(Measure::read(&json!({"ops_per_s": 12.5})).is_err());
}
