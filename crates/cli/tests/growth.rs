//! `outvote growth`, as short as it can be: that it measures and keeps what it measured, not how much it is.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Stage, free_ports};
use serde_json::Value;

#[test]
fn a_replica_that_lost_its_disk_catches_up_and_a_history_grows() {
    let stage = Stage::new();
    let port = free_ports().to_string();
    let begin = "<!-- growth: what stands from here is written by `cargo xtask bench growth` -->";
    std::fs::create_dir_all(stage.path("docs")).unwrap();
    std::fs::write(stage.path("docs/performance.md"), format!("{begin}\n<!-- growth: end -->\n")).unwrap();
    // A rate and a length that any machine can do.
    let done = stage.run(&[
        "growth",
        "--quick",
        "--only",
        "catch-up,history",
        "--missed",
        "3",
        "--rate",
        "50",
        "--operations",
        "2000",
        "--port",
        &port,
        "--write",
        "docs",
        "--record",
        "kept",
        "--output",
        "json",
    ]);
    assert_eq!(done.code, 0, "{done:?}");
    let measured: Value = serde_json::from_str(&done.out).unwrap();
    for record in measured.as_array().unwrap() {
        assert_eq!(record["skipped"], serde_json::json!([]), "{done:?}");
    }
    let kept = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(stage.path(&format!("kept/{name}-quick.json"))).unwrap())
            .unwrap()
    };
    let wiped = &kept("catch-up")["rows"]["catch_up"][0];
    assert!(wiped["blocks"].as_u64() > wiped["missed_blocks"].as_u64(), "{wiped}");
    let history = &kept("history")["rows"]["history"][0];
    assert!(history["operations"].as_u64() >= Some(2_000), "{history}");
    assert!(history["restarts_s"][0].as_f64() > Some(0.0), "{history}");
    let page = std::fs::read_to_string(stage.path("docs/performance.md")).unwrap();
    assert!(page.contains("### A replica that lost its disk"), "{page}");
    assert!(stage.path("docs/performance/growth-history.svg").is_file());
}

#[test]
fn an_unknown_series_is_wrong_usage() {
    let stage = Stage::new();
    let unknown = stage.run(&["growth", "--only", "nothing"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("catch-up"), "{unknown:?}");
}
