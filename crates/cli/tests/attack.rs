//! `outvote attack`, as short as it can be: that it attacks and measures, not how much is kept.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Stage, free_ports};
use serde_json::Value;

#[test]
fn a_short_run_measures_a_mute_replica_and_a_crowd_and_writes_its_page() {
    let stage = Stage::new();
    let port = free_ports().to_string();
    // A rate that any machine can do, so that what is seen is the attack.
    let done = stage.run(&[
        "attack",
        "--quick",
        "--only",
        "mute,half-valid",
        "--seconds",
        "1",
        "--rate",
        "100",
        "--port",
        &port,
        "--write",
        "docs",
        "--record",
        "night/attack.json",
        "--output",
        "json",
    ]);
    // Goals are not for a busy machine: a missed one ends with 1, and the report is there all the same.
    assert!(done.code == 0 || done.err.contains("missed a goal"), "{done:?}");
    let report: Value = serde_json::from_str(&done.out).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mute", "half-valid"]);
    for row in rows {
        for field in ["kept", "baseline_ops_per_s", "attack_ops_per_s", "rss_mib"] {
            assert!(row[field].as_f64().is_some_and(|value| value > 0.0), "{field}: {row}");
        }
    }
    let liars = rows[0]["liars"].as_array().unwrap();
    assert_eq!(liars.len(), 1, "f of four replicas lie: {report}");
    let deeds = rows[1]["deeds"][0].as_str().unwrap();
    assert!(!deeds.contains(" 0 messages"), "the crowd attacked: {deeds}");
    let record: Value =
        serde_json::from_slice(&std::fs::read(stage.path("night/attack.json")).unwrap()).unwrap();
    assert!(
        record["rows"]["R01"]["result"].is_string() && record["rows"]["K02"]["result"].is_string(),
        "{record}"
    );
    let page = std::fs::read_to_string(stage.path("docs/attacks.md")).unwrap();
    assert!(page.contains("`half-valid`") && stage.path("docs/attacks/kept.svg").is_file(), "{page}");
}

#[test]
fn attacks_are_listed_and_unknown_ones_are_wrong_usage() {
    let stage = Stage::new();
    let listed = stage.run(&["attack", "--list"]);
    assert!(
        listed.code == 0 && listed.out.contains("equivocate") && listed.out.contains("K01"),
        "{listed:?}"
    );
    let unknown = stage.run(&["attack", "--only", "nothing"]);
    assert!(unknown.code == 2 && unknown.err.contains("`nothing`") && unknown.out.is_empty(), "{unknown:?}");
}
