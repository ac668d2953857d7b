//! What is kept of each series, and the section that is made of it.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

use outvote_bench::growth::{
    BEGIN, CatchUpRow, END, Growth, HistoryRow, HistorySample, LoadRow, Plan, Record, Records, Rows,
    SimulatedRow, Skipped, section, write,
};
use outvote_bench::page::{grouped, replaced};
use std::path::Path;

fn load(point: usize) -> LoadRow {
    let command = format!("outvote bench --replicas {point}");
    LoadRow { point, n: point, ops_per_s: 4_321.0, p50_ms: 7.5, p99_ms: 80.0, command, ..LoadRow::default() }
}

fn simulated(replicas: usize, network: &str, clients: usize) -> SimulatedRow {
    let n = replicas as u64;
    SimulatedRow {
        replicas,
        network: network.to_owned(),
        clients,
        operations_per_block: if clients == 1 { 1.0 } else { 500.0 },
        messages: (2.0 * (n * (n - 1)) as f64, 2 * n * (n - 1)),
        commit_hops: Some(3.0),
        answer_hops: Some(5.0),
        ops_per_s: 9_876.0,
        ..SimulatedRow::default()
    }
}

fn rows(series: Growth) -> (Rows, Vec<Skipped>) {
    match series {
        Growth::Simulated => {
            let rows = [4, 100].into_iter().flat_map(|n| {
                let of = |network, clients| simulated(n, network, clients);
                [
                    of("weightless", 1),
                    of("near", 1),
                    of("near", 4_096),
                    of("regions", 1),
                    of("regions", 4_096),
                ]
            });
            (Rows::Simulated(rows.collect()), Vec::new())
        }
        Growth::History => {
            let sample = |operations| HistorySample {
                operations,
                blocks: 7,
                rss_mib: 90.0,
                ..HistorySample::default()
            };
            let samples = (0..=20).map(|step| sample(step * 1_000)).collect();
            let row =
                HistoryRow { operations: 20_000, samples, restarts_s: vec![1.25], ..HistoryRow::default() };
            (Rows::History(vec![row]), Vec::new())
        }
        Growth::CatchUp => {
            let samples = vec![(0.1, 0, 90), (0.2, 91, 91)];
            let row = CatchUpRow { times_the_load: 12.5, samples, ..CatchUpRow::default() };
            (Rows::CatchUp(vec![row]), Vec::new())
        }
        _ => {
            let reason = "no port | is free".to_owned();
            (Rows::Loads(vec![load(4), load(31)]), vec![Skipped { point: "64".into(), reason }])
        }
    }
}

fn record(plan: &Plan, series: Growth) -> Record {
    let (rows, skipped) = rows(series);
    Record::new(plan, series, rows, skipped)
}

fn all(plan: &Plan) -> Records {
    Growth::ALL.into_iter().map(|series| (series, record(plan, series))).collect()
}

#[test]
fn each_series_has_its_table_its_command_and_what_could_not_be_measured() {
    let plan = Plan { command: "cargo xtask bench growth".into(), ..Plan::full() };
    let text = section(&all(&plan));
    for series in Growth::ALL {
        assert!(text.contains(&format!("`cargo xtask bench growth --only {}`", series.name())), "{text}");
    }
    for words in
        ["19,800 (19,800)", "3.00 delays", "`outvote bench --replicas 31`", "| 12.5 |", "1.25 s after"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.contains("- `64`: no port \\| is free"), "{text}");
    // Eleven looks of twenty-one: tenths of the history and its end.
    assert_eq!(text.lines().filter(|line| line.contains("| 90 MiB |")).count(), 11, "{text}");
}

#[test]
fn a_short_run_never_takes_the_place_of_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, short) = (record(&Plan::full(), Growth::Members), record(&Plan::quick(), Growth::Members));
    short.keep(folder.path(), Growth::Members).unwrap();
    assert_eq!(Record::all(folder.path()).unwrap(), Records::from([(Growth::Members, short.clone())]));
    whole.keep(folder.path(), Growth::Members).unwrap();
    short.keep(folder.path(), Growth::Members).unwrap();
    assert_eq!(Record::all(folder.path()).unwrap(), Records::from([(Growth::Members, whole)]));
    std::fs::write(folder.path().join("batch.json"), "{}").unwrap();
    assert!(Record::all(folder.path()).is_err());
}

#[test]
fn the_section_goes_between_its_markers_with_its_drawings_beside_it() {
    let docs = tempfile::tempdir().unwrap();
    let page = docs.path().join("performance.md");
    std::fs::write(&page, format!("before\n{BEGIN}\nold\n{END}\nafter\n")).unwrap();
    write(&all(&Plan::full()), docs.path()).unwrap();
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("before\n") && text.ends_with("after\n") && !text.contains("\nold\n"), "{text}");
    let drawings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("![")?.split_once("](")?.1.strip_suffix(')'))
        .collect();
    assert_eq!(drawings.len(), 12, "{drawings:?}");
    for drawing in drawings {
        let svg = std::fs::read_to_string(docs.path().join(drawing)).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.contains("<polyline") && !svg.contains("NaN"),
            "{drawing}: {svg}"
        );
    }
    std::fs::write(&page, "no markers").unwrap();
    assert!(write(&Records::new(), docs.path()).is_err());
}

#[test]
fn a_page_keeps_what_stands_around_a_section() {
    let page = "a\n<!-- x -->\n\nold\n<!-- y -->\nb\n";
    let fresh = replaced(page, ("<!-- x -->", "<!-- y -->"), "new\n", Path::new("page.md")).unwrap();
    assert_eq!(fresh, "a\n<!-- x -->\n\nnew\n\n<!-- y -->\nb\n");
}

#[test]
fn numbers_are_grouped_by_thousands() {
    assert_eq!(
        [0.0, 12.0, 999.6, 1_234.0, 10_000_000.0].map(grouped).join(" "),
        "0 12 1,000 1,234 10,000,000"
    );
}

#[test]
fn a_series_is_found_by_its_name() {
    for series in Growth::ALL {
        assert_eq!(Growth::named(series.name()), Some(series));
    }
    assert_eq!(Growth::named("nothing"), None);
}
