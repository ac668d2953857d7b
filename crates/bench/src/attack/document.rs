//! The page about attacks, made from a report: words, a table, and drawings beside it.

use super::plots;
use super::report::{AttackReport, RSS_MAX_MIB, RowReport, Verdict};
use crate::error::BenchError;
use std::path::Path;

/// Attacks whose throughput over time is shown.
const SHOWN: [&str; 9] = [
    "equivocate",
    "slow",
    "slow-100ms",
    "mute-leader",
    "smart",
    "flood",
    "bad-signatures",
    "overload",
    "everything",
];

const INTRO: &str = "\
This page says what honest users lose while somebody attacks: not whether the cluster stays correct (it must, always; see the
tests), but whether it stays *fast*. Most papers and projects publish the speed of a quiet day.

**How it is measured.** For each attack a fresh cluster of real processes is started: TLS, every write synced to disk, every
answer checked. Users ask for an even number of operations a second, half of what the cluster can do at most, and do not wait
when it is slow (an *open loop*). Latency runs from the moment when an operation *should* have started, so a stall is charged
with everything that waited for it. The load never stops: first comes a quiet time (the baseline), then the attack, then quiet
again, so the two that are compared come from the same processes within the same minute.

**How to read the table.**

- *Kept* is the goodput under attack divided by the goodput before it: 100 % means that users noticed nothing. *Steady* is the
  same for the second half of the attack, when a liar has been found out.
- *Saturated* is the kept share when users take all that there is and wait for each answer. Attacker and victims share this
  machine's cores, so it also holds what the attacker's own work costs.
- *p99* is the latency of the slowest hundredth, before and under attack. *Recovery* is the time from the start of the attack
  until users get nine tenths of their rate for two seconds. *Hangover* is the time from the end of the attack until half of
  the operations are as fast as before (1.1 times and half a millisecond are allowed).
- *Memory* is the most that any honest replica held during the attack; all must stay within the limit.

An attacker gets the processor share of one machine out of all that take part, and no more: in the world it would bring its
own. A liar among the replicas has its own key and nothing else. Ids such as L03 are the rows of the catalogue of faults.
";

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "never".to_owned(), |value| format!("{value:.1} s"))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Words as they may stand in a cell of a table.
fn cell(words: &str) -> String {
    words.replace('|', "\\|").replace('\n', " ")
}

fn table_line(row: &RowReport) -> String {
    let goal = match (row.goal > 0.0, row.goal_steady) {
        (false, _) => "none".to_owned(),
        (true, None) => format!("{:.0} %", row.goal * 100.0),
        (true, Some(steady)) => format!("{:.0} %, steady {:.0} %", row.goal * 100.0, steady * 100.0),
    };
    let kept = match row.verdict {
        Verdict::Passed => percent(row.kept),
        _ => format!("**{}**", percent(row.kept)),
    };
    let cells = [
        row.ids.join(" "),
        format!("`{}`", row.name),
        cell(row.does),
        kept,
        goal,
        percent(row.steady),
        row.saturated_kept.map_or_else(|| "not measured".to_owned(), percent),
        format!("{:.1} → {:.1} ms ({:.1}×)", row.baseline_ms.1, row.attack_ms.1, row.p99_ratio()),
        seconds(row.recovery_s),
        seconds(row.hangover_s),
        format!("{:.0} MiB", row.rss_mib),
        cell(row.defence),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The page.
#[must_use]
pub fn page(report: &AttackReport) -> String {
    let mut page = format!("# Attacks, and what they cost\n\n{INTRO}\n");
    page += &format!(
        "**This run.** {} replicas on {} cores, with the users' processes on the same machine. At most {:.0} operations a second; {}. \
         Programs that wanted to run, before and after: {:.1} and {:.1}. {}Made on {} by\n\n```sh\n{}\n```\n\n",
        report.n,
        report.cores,
        report.saturation_ops_per_s,
        report.cap,
        report.load_average.0,
        report.load_average.1,
        if report.quick { "A quick run: its figures are rough. " } else { "" },
        report.date,
        report.command
    );
    page += "![Kept share of each attack, with goals](attacks/kept.svg)\n\n";
    page += "| row | attack | what the attacker does | kept | goal | steady | saturated | p99 | recovery | hangover | memory | defence |\n";
    page += "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    page.extend(report.rows.iter().map(table_line));
    page += &format!(
        "\nThe limit for memory is {RSS_MAX_MIB:.0} MiB. Bold shares belong to rows that missed a goal.\n"
    );
    page += &remarks(report);
    let shown: Vec<&RowReport> =
        report.rows.iter().filter(|row| SHOWN.contains(&row.name) && !row.series.is_empty()).collect();
    if !shown.is_empty() {
        page += "\n## Over time\n\n";
        for row in shown {
            page += &format!("![Throughput under {0}](attacks/{0}.svg)\n\n", row.name);
        }
    }
    page.trim_end().to_owned() + "\n"
}

/// What was missed, and what could not be done here.
fn remarks(report: &AttackReport) -> String {
    let told: Vec<&RowReport> = report.rows.iter().filter(|row| !row.remarks.is_empty()).collect();
    if told.is_empty() {
        return "\nEvery goal was met.\n".to_owned();
    }
    let mut text = "\n## Missed goals and remarks\n\n".to_owned();
    for row in told {
        let remarks: Vec<String> = row.remarks.iter().map(|remark| cell(remark)).collect();
        text += &format!(
            "- {} `{}` {}: {}\n",
            row.ids.join(" "),
            row.name,
            row.verdict.in_words(),
            remarks.join("; ")
        );
    }
    text
}

/// Writes `attacks.md` and its drawings into this folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(report: &AttackReport, docs: &Path) -> Result<(), BenchError> {
    let drawings = docs.join("attacks");
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| BenchError::File { path, source }
    };
    std::fs::create_dir_all(&drawings).map_err(failed(&drawings))?;
    let mut files = vec![(docs.join("attacks.md"), page(report))];
    files.push((drawings.join("kept.svg"), plots::kept(report)));
    for row in report.rows.iter().filter(|row| SHOWN.contains(&row.name) && !row.series.is_empty()) {
        files.push((drawings.join(format!("{}.svg", row.name)), plots::throughput(row)));
    }
    for (path, text) in files {
        std::fs::write(&path, text).map_err(failed(&path))?;
    }
    Ok(())
}
