//! The section of the page, and the table of systems.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

use outvote_bench::page::replaced;
use outvote_peers::document::{BEGIN, END, section, write};
use outvote_peers::figures::{Measure, Milliseconds, Round};
use outvote_peers::report::{PeersReport, Row, Skipped};
use outvote_peers::systems::{all, chosen};
use outvote_peers::{Plan, Ports, locked_version};
use std::path::Path;

fn report() -> PeersReport {
    let measure = Measure { ops_per_s: 12_345.6, latency_ms: Milliseconds { p50: 0.93, p99: 17.2 } };
    let round = Round {
        saturated: measure,
        one_in_flight: measure,
        steady: measure,
        failovers_ms: vec![1700.0],
        remark: None,
    };
    let all = all();
    let skipped = all.iter().find(|system| system.about.name == "cometbft").unwrap();
    let rows = all.iter().filter(|system| system.about.system != "CometBFT");
    let rows = rows.map(|system| Row::new(system, "1.2.3".to_owned(), vec![round.clone()])).collect();
    let skipped = vec![Skipped::new(skipped, "no Go | here".to_owned())];
    PeersReport::new(
        &Plan::quick(),
        (rows, skipped),
        "2 cores".to_owned(),
        "cargo xtask bench peers --quick".to_owned(),
        "2026-01-01".to_owned(),
    )
}

#[test]
fn each_row_says_what_it_switches_off() {
    let text = section(&report());
    let line = |system: &str| text.lines().find(|line| line.starts_with(&format!("| {system}"))).unwrap();
    assert!(line("Outvote, each").contains("| nothing |"), "{text}");
    assert!(line("etcd").contains("client signatures, TLS, checked answers, liars"), "{text}");
    assert!(line("hotstuff_rs").contains("fsync"), "{text}");
    assert!(line("etcd").contains("| 12,346 |") && line("etcd").contains("1700 ms"), "{text}");
}

#[test]
fn what_did_not_run_is_named_with_its_reason() {
    let text = section(&report());
    assert!(text.contains("- `cometbft`: no Go \\| here"), "{text}");
    assert!(text.contains("A quick run"), "{text}");
}

#[test]
fn only_what_stands_between_the_markers_is_replaced() {
    let page = format!("# Page\n\nbefore\n\n{BEGIN}\nold\n{END}\n\nafter\n");
    let fresh = replaced(&page, (BEGIN, END), "new\n", Path::new("page.md")).unwrap();
    assert_eq!(fresh, format!("# Page\n\nbefore\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"));
    assert_eq!(replaced(&fresh, (BEGIN, END), "new\n", Path::new("page.md")).unwrap(), fresh);
    assert!(replaced("# Page\n", (BEGIN, END), "new\n", Path::new("page.md")).is_err());
}

#[test]
fn every_drawing_that_the_section_shows_is_written() {
    let docs = tempfile::tempdir().unwrap();
    std::fs::write(docs.path().join("performance.md"), format!("{BEGIN}\n{END}\n")).unwrap();
    write(&report(), docs.path()).unwrap();
    let page = std::fs::read_to_string(docs.path().join("performance.md")).unwrap();
    let shown: Vec<&str> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(shown.len(), 4, "{page}");
    for drawing in shown {
        assert!(std::fs::read_to_string(docs.path().join(drawing)).unwrap().starts_with("<svg"), "{drawing}");
    }
}

#[test]
fn the_report_has_the_fields_that_scripts_read() {
    let report = serde_json::json!(report());
    for field in ["host", "payload_bytes", "rows", "ratios_to_etcd", "skipped"] {
        assert!(!report[field].is_null(), "{field}: {report}");
    }
    for field in ["system", "members", "switched_off", "ops_per_s", "failover_ms"] {
        assert!(!report["rows"][0][field].is_null(), "{field}: {report}");
    }
    assert_eq!(report["payload_bytes"], 256);
    assert_eq!(report["ratios_to_etcd"]["signed_each"], 1.0);
    assert!(report["rows"][0]["latency_ms"]["p99"].is_f64());
}

#[test]
fn names_choose_rows_and_programs_choose_all_of_theirs() {
    let names = |only: &[&str]| {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        chosen(&only).map(|found| found.iter().map(|system| system.about.name).collect::<Vec<_>>())
    };
    assert_eq!(names(&["etcd"]).unwrap(), ["etcd-3", "etcd-4"]);
    assert_eq!(names(&["etcd-4", "outvote-envelope"]).unwrap(), ["outvote-envelope", "etcd-4"]);
    assert_eq!(names(&[]).unwrap().len(), all().len());
    assert!(names(&["zookeeper"]).unwrap_err().to_string().contains("etcd-3"));
}

#[test]
fn ports_are_free_and_differ() {
    let mut ports = Ports::default();
    let mut taken = ports.take(8).unwrap();
    taken.extend(ports.take(8).unwrap());
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 16);
    assert!(taken.iter().all(|port| (20_000..=32_000).contains(port)));
}

#[test]
fn a_row_of_ports_leaves_room_for_links() {
    let first = Ports::default().row(4).unwrap();
    for port in (first..first + 4).chain(first + 100..first + 104) {
        assert!(std::net::TcpListener::bind(("127.0.0.1", port)).is_ok(), "{port}");
    }
}

#[test]
fn versions_are_read_from_a_lock() {
    let lock = "[[package]]\nname = \"openraft-macros\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"openraft\"\nversion = \"0.9.25\"\n";
    assert_eq!(locked_version(lock, "openraft").as_deref(), Some("0.9.25"));
    assert_eq!(locked_version(lock, "absent"), None);
}
