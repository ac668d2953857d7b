//! The section of the page about performance: words, a table, and drawings beside it. The rest of the page is others'.

use crate::error::PeerError;
use crate::figures::Milliseconds;
use crate::plots::bars;
use crate::report::{PeersReport, Row};
use outvote_bench::page::{self, cell, milliseconds};
use std::path::Path;

/// Before the section.
pub const BEGIN: &str = "<!-- peers: what stands from here is written by `cargo xtask bench peers` -->";
/// After it.
pub const END: &str = "<!-- peers: end -->";

const INTRO: &str = "\
What you would pick instead, on the same machine, in the same run: installed from ordinary packages, started as real processes
with fresh folders on the same disk, and loaded with the same operations. Systems take turns, round by round, so that whatever
else the machine does meets them all; every figure is the median over the rounds.

**How to read it.**

- *Writes a second* is what a closed loop gets: as many clients as do that system best, each waiting for its answer.
- *One in flight* is the latency that a single client sees. *p99 at 70 %* is the latency of the slowest hundredth when
  operations start at an even rate, 70 % of what was saturated, timed from when they should have started.
- *Leader killed* is the time from a SIGKILL of who leads (for CometBFT, whose turn it is to propose) until a client that
  keeps trying at all others sees its write committed.
- *Switched off* is what Outvote has on and the other has not: read it before the figures. *Client signatures*: nobody can
  prove afterwards who asked for what. *TLS*: plain sockets between members or to clients. *Checked answers*: the client believes
  one member. *Liars*: one that lies instead of crashing can make the others lose or invent data.
";

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".to_owned(), page::grouped)
}

fn both(latency: Milliseconds) -> String {
    format!("{} / {}", milliseconds(latency.p50), milliseconds(latency.p99))
}

fn table_line(row: &Row) -> String {
    let variant = if row.variant.is_empty() { String::new() } else { format!(", {}", row.variant) };
    let switched_off =
        if row.switched_off.is_empty() { "nothing".to_owned() } else { row.switched_off.join(", ") };
    let cells = [
        format!("{}{variant}", row.system),
        row.members.to_string(),
        row.tolerates.to_owned(),
        number(row.ops_per_s),
        both(row.latency_ms),
        both(row.one_in_flight_ms),
        milliseconds(row.at_70_percent_ms.p99),
        row.failover_ms.map_or_else(|| "not measured".to_owned(), milliseconds),
        switched_off,
        row.durable.to_owned(),
    ];
    format!("| {} |\n", cells.map(|words| cell(&words)).join(" | "))
}

fn ratio_lines(report: &PeersReport) -> String {
    let ratios = report.ratios_to_etcd;
    let lines = [
        ("writes a second, each operation signed by one of 256 keys", ratios.signed_each, "more"),
        ("writes a second, one signature over 50 operations", ratios.envelope_50, "more"),
        ("p50 with one operation in flight", ratios.p50_one_in_flight, "less"),
        ("p99 at 70 % of saturation", ratios.p99_at_70_percent, "less"),
        ("SIGKILL of the leader to the next commit", ratios.failover, "less"),
    ];
    let mut text = String::new();
    for (name, value, better) in lines {
        if let Some(value) = value {
            text += &format!("| {name} | {value:.2} | {better} is better |\n");
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\n| Outvote divided by etcd with three members | | |\n| --- | --- | --- |\n{text}")
}

/// The section, without its markers.
#[must_use]
pub fn section(report: &PeersReport) -> String {
    let mut text = format!("{INTRO}\n");
    text += &format!(
        "**This run.** {}. {} bytes an operation, {} of {:.0} s for each load. {}Made on {} by `{}`.\n\n",
        report.host,
        report.payload_bytes,
        if report.rounds == 1 { "one round".to_owned() } else { format!("{} rounds", report.rounds) },
        report.seconds,
        if report.quick { "A quick run: its figures are rough. " } else { "" },
        report.date,
        report.command
    );
    text += "| system | members | bears | writes a second | p50 / p99 saturated | p50 / p99 one in flight | p99 at 70 % | leader killed | switched off | durable |\n";
    text += "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    text.extend(report.rows.iter().map(table_line));
    text += &ratio_lines(report);
    for (file, title, ..) in plots() {
        text += &format!("\n![{title}](performance/{file}.svg)\n");
    }
    text += "\nVersions, and how each was loaded at its best:\n\n";
    for row in &report.rows {
        text += &format!("- `{}`, {} {}: {}.\n", row.name, row.system, row.version, row.client);
    }
    for row in &report.rows {
        let remark = row.rounds.iter().find_map(|round| round.remark.as_ref());
        if let Some(remark) = remark {
            text += &format!("- `{}`, {}.\n", row.name, cell(remark));
        }
    }
    if !report.skipped.is_empty() {
        text += "\nNot run, or not to the end:\n\n";
        for skipped in &report.skipped {
            text += &format!("- `{}`: {}\n", skipped.name, cell(&skipped.reason));
        }
    }
    text.trim_end().to_owned() + "\n"
}

type Pick = fn(&Row) -> Option<f64>;

/// The drawings: file, title, unit, decimals, figure.
fn plots() -> [(&'static str, &'static str, &'static str, usize, Pick); 4] {
    [
        ("peers-throughput", "Writes a second, saturated (more is better)", "a second", 0, |row| {
            row.ops_per_s
        }),
        ("peers-one-in-flight", "Latency of a single client, p50 (less is better)", "ms", 2, |row| {
            Some(row.one_in_flight_ms.p50)
        }),
        ("peers-steady", "Latency at 70 % of saturation, p99 (less is better)", "ms", 1, |row| {
            Some(row.at_70_percent_ms.p99)
        }),
        ("peers-failover", "SIGKILL of the leader to the next commit (less is better)", "ms", 0, |row| {
            row.failover_ms
        }),
    ]
}

/// Writes the section into `performance.md`, and its drawings beside it.
///
/// # Errors
/// When a file cannot be read or written, or the page lacks the markers.
pub fn write(report: &PeersReport, docs: &Path) -> Result<(), PeerError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| PeerError::File { path, source }
    };
    let (path, drawings) = (docs.join("performance.md"), docs.join("performance"));
    let page = std::fs::read_to_string(&path).map_err(failed(&path))?;
    let page = page::replaced(&page, (BEGIN, END), &section(report), &path)?;
    std::fs::create_dir_all(&drawings).map_err(failed(&drawings))?;
    std::fs::write(&path, page).map_err(failed(&path))?;
    for (file, title, unit, decimals, pick) in plots() {
        let path = drawings.join(format!("{file}.svg"));
        std::fs::write(&path, bars(report, title, unit, decimals, pick)).map_err(failed(&path))?;
    }
    Ok(())
}
