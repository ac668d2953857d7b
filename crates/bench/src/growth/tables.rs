//! One table for each series, in the words of people.

use super::record::{CatchUpRow, HistoryRow, LoadRow, SimulatedRow};
use crate::page::{grouped, milliseconds};

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn table(head: &[&str], lines: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = line(&head.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    text += &line(&head.iter().map(|_| "---".to_owned()).collect::<Vec<_>>());
    text.extend(lines.map(|cells| line(&cells)));
    text
}

/// A number with one decimal where it is small.
fn short(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { grouped(value) }
}

/// What a block costs, beside the formula: of single operations on machines that cost nothing.
pub(super) fn costs(rows: &[SimulatedRow]) -> String {
    let head = [
        "n",
        "quorum",
        "to commit",
        "to the client",
        "messages a block (2n(n-1))",
        "checks a block (n(2(q-1)+1))",
        "signatures made a block (3n+1)",
        "client checks an operation and replica",
        "KiB a block of one",
    ];
    let both = |(found, formula): (f64, u64)| format!("{} ({})", short(found), grouped(formula as f64));
    let hops = |hops: Option<f64>| hops.map_or_else(|| "-".to_owned(), |hops| format!("{hops:.2} delays"));
    let rows = rows.iter().filter(|row| row.network == "weightless");
    let cells = |row: &SimulatedRow| {
        vec![
            row.replicas.to_string(),
            row.quorum.to_string(),
            hops(row.commit_hops),
            hops(row.answer_hops),
            both(row.messages),
            both(row.checked),
            both(row.made),
            format!("{:.2}", row.client_checks_per_operation),
            short(row.bytes / 1024.0),
        ]
    };
    table(&head, rows.map(cells))
}

/// Throughput and latency of simulated clusters on one network.
pub(super) fn simulated(rows: &[SimulatedRow], network: &str) -> String {
    let head = [
        "n",
        "alone: commit",
        "alone: answer",
        "4,096 clients: operations a second",
        "operations a block",
        "answer p50 / p99",
        "messages an operation",
        "bytes an operation",
        "vote checks an operation and replica",
        "processor us an operation and replica",
        "leader busy (all cores / its thread)",
        "leaders replaced",
    ];
    let of = |is_alone: bool| {
        rows.iter().filter(move |row| row.network == network && (row.clients == 1) == is_alone)
    };
    let cells = |row: &SimulatedRow| {
        let alone = of(true).find(|other| other.replicas == row.replicas);
        let ms = |pick: fn(&SimulatedRow) -> f64| {
            alone.map_or_else(|| "-".to_owned(), |row| milliseconds(pick(row)))
        };
        let per = |value: f64| short(value / row.operations_per_block.max(f64::MIN_POSITIVE));
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        vec![
            row.replicas.to_string(),
            ms(|row| row.commit_ms),
            ms(|row| row.answer_p50_ms),
            grouped(row.ops_per_s),
            grouped(row.operations_per_block),
            format!("{} / {}", milliseconds(row.answer_p50_ms), milliseconds(row.answer_p99_ms)),
            per(row.messages.0 + row.other_messages),
            per(row.bytes),
            format!("{:.2}", row.checked.0 / row.operations_per_block.max(1.0) / row.replicas as f64),
            short(row.cpu_us_per_operation),
            format!("{} / {}", percent(row.leader_busy.0), percent(row.leader_busy.1)),
            row.view_changes.to_string(),
        ]
    };
    table(&head, of(false).map(cells))
}

/// A series of loads; `point` says what it varies.
pub(super) fn loads(point: &str, rows: &[LoadRow]) -> String {
    let is_alone = rows.iter().any(|row| row.alone_p50_ms.is_some());
    let mut head = vec![point, "operations a second", "p50 / p99"];
    if is_alone {
        head.push("p50 of a single client");
    }
    head.extend([
        "requests a block",
        "processor us an operation",
        "memory of the largest replica",
        "command",
    ]);
    let cells = |row: &LoadRow| {
        let value = match (point.starts_with("batch"), row.batch_max) {
            (true, None) => "default (50, growing to 800)".to_owned(),
            _ => grouped(row.point as f64),
        };
        let mut cells = vec![
            value,
            grouped(row.ops_per_s),
            format!("{} / {}", milliseconds(row.p50_ms), milliseconds(row.p99_ms)),
        ];
        if is_alone {
            cells.push(row.alone_p50_ms.map_or_else(|| "-".to_owned(), milliseconds));
        }
        cells.extend([
            grouped(row.batch_mean as f64),
            grouped(row.cpu_us_per_op),
            format!("{:.0} MiB", row.rss_mib_max),
            format!("`{}`", row.command),
        ]);
        cells
    };
    table(&head, rows.iter().map(cells))
}

/// The ends of a long history: tenths of it.
pub(super) fn history(row: &HistoryRow) -> String {
    let head = ["operations", "blocks", "after", "memory of the largest replica", "its log", "its database"];
    let every = (row.samples.len() / 10).max(1);
    let last = row.samples.len().saturating_sub(1);
    let shown = row.samples.iter().enumerate().filter(|(place, _)| place % every == 0 || *place == last);
    let cells = |(_, sample): (usize, &super::record::HistorySample)| {
        vec![
            grouped(sample.operations as f64),
            grouped(sample.blocks as f64),
            format!("{:.0} s", sample.seconds),
            format!("{:.0} MiB", sample.rss_mib),
            format!("{:.0} MiB", sample.log_mib),
            format!("{:.0} MiB", sample.database_mib),
        ]
    };
    table(&head, shown.map(cells))
}

/// Catch-ups.
pub(super) fn catch_up(rows: &[CatchUpRow]) -> String {
    let head = [
        "load",
        "ran for",
        "blocks missed",
        "caught up within",
        "blocks a second, load",
        "blocks a second, catching up",
        "times the load (goal: 5)",
    ];
    let cells = |row: &CatchUpRow| {
        vec![
            format!("{} operations a second", grouped(row.rate)),
            format!("{:.0} s", row.missed_s),
            grouped(row.missed_blocks as f64),
            format!("{:.1} s", row.caught_up_s),
            short(row.load_blocks_per_s),
            short(row.blocks_per_s),
            format!("{:.1}", row.times_the_load),
        ]
    };
    table(&head, rows.iter().map(cells))
}
