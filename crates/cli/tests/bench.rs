//! `outvote bench`, as short as it can be: that it runs and says everything, not how fast it is.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Stage, free_ports};
use serde_json::Value;

/// The fields that programs rely on, and what kind of value each has.
const NUMBERS: [&str; 11] = [
    "n",
    "payload_bytes",
    "batch_max",
    "envelope_ops",
    "clients",
    "seconds",
    "committed_ops",
    "ops_per_s",
    "rss_mib_max",
    "limit_ops_per_s",
    "fraction_of_limit",
];
const WORDS: [&str; 3] = ["mode", "signatures", "limit_model"];
const PARTS: [(&str, &[&str]); 2] =
    [("latency_ms", &["p50", "p90", "p99", "max"]), ("cpu_seconds", &["replicas", "clients"])];

fn is_positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|value| value > 0.0)
}

#[test]
fn a_short_run_measures_real_processes_and_reports_every_field() {
    let stage = Stage::new();
    let port = free_ports().to_string();
    let run = ["bench", "--clients", "4", "--seconds", "1", "--warm-up", "1", "--port", &port];
    let report = stage.json(&run);
    for field in NUMBERS {
        assert!(is_positive(&report[field]), "{field}: {report}");
    }
    for field in WORDS {
        assert!(report[field].as_str().is_some_and(|word| !word.is_empty()), "{field}: {report}");
    }
    for (whole, parts) in PARTS {
        for part in parts {
            assert!(report[whole][part].is_f64(), "{whole}.{part}: {report}");
        }
    }
    // Where the processor time went: the parts are the whole.
    let costs = report["costs"].as_array().unwrap();
    let us = |cost: &Value| cost["user_us"].as_f64().unwrap() + cost["system_us"].as_f64().unwrap();
    let (sum, whole) = (costs.iter().map(us).sum::<f64>(), report["cpu_us_per_op"].as_f64().unwrap());
    assert!(costs.len() > 4 && (sum - whole).abs() < whole / 5.0, "{sum} of {whole}: {costs:?}");
    assert_eq!((&report["fsync"], &report["tls"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!((report["n"].as_u64(), report["clients"].as_u64()), (Some(4), Some(4)));
    assert_eq!((&report["mode"], &report["signatures"]), (&"byzantine".into(), &"each".into()));
    // Latency is measured: the fastest answer takes longer than nothing, and none is better than the best.
    let latency = |part: &str| report["latency_ms"][part].as_f64().unwrap();
    assert!(latency("p50") > 0.0 && latency("p50") <= latency("p99") && latency("p99") <= latency("max"));
}

#[test]
fn what_cannot_be_measured_is_wrong_usage() {
    let stage = Stage::new();
    for arguments in
        [["bench", "--clients", "0"], ["bench", "--payload", "999999999"], ["bench", "--mode", "federated"]]
    {
        let done = stage.run(&arguments);
        assert!(done.code == 2 && !done.err.is_empty() && done.out.is_empty(), "{arguments:?}: {done:?}");
    }
}
