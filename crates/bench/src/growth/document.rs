//! The section of the page about performance: what each series came to, with its command, and drawings beside it.

use super::plan::Growth;
use super::plots::{Axis, Curve, curves};
use super::record::{HistoryRow, LoadRow, Record, Records, Rows, SimulatedRow};
use super::tables;
use crate::error::BenchError;
use crate::page::{cell, replaced};
use std::path::Path;

/// Before the section.
pub const BEGIN: &str = "<!-- growth: what stands from here is written by `cargo xtask bench growth` -->";
/// After it.
pub const END: &str = "<!-- growth: end -->";

const INTRO: &str = "\
Each series varies one thing and leaves the rest as it is: four replicas, 256 bytes an operation, 256 clients with four requests
under way each, default settings, unless it says otherwise. All replicas and all clients share one machine, so throughput with
many members is that of a machine cut into as many pieces; what a cluster of real machines would do is what the simulator reckons.
";

const SIMULATED: &str = "\
Replicas as shipped (rings 1 and 2) exchange real messages; how long a machine works for each of them, and how long a frame is on
its way, is reckoned: four cores for each replica, of which one is the replica's own thread's, prices measured on this host
(`crates/sim/src/growth/prices.rs`), a sync of one millisecond. *Near* is 0.25 ms one way between any two, ten gigabits a second.
*Five regions* are Washington, Frankfurt, Sao Paulo, Tokyo and Sydney, in turn, by published round trips between 91 and 328 ms
(`distance.rs`), one gigabit a second; clients are spread over the same regions. Nothing fails, nothing is drawn by lot, and the
figures are the same on every machine. Execution is charged, not run: one thread, so 28,500 operations a second at most.
The leader sends each operation to everybody else itself: over one gigabit a second that is 5,000 operations a second to 63 others
and 2,900 to 99. Where more is asked for, blocks take longer than leaders have, and leaders are replaced: see the last column.
";

const COSTS: &str = "\
What a block costs, of single operations on machines that take no time, in brackets by the formula. Whatever goes beyond it are
heartbeats. Votes are for a block: divide them by the operations in it. The code takes up to 128 members.
";

/// What a series of loads varies, and its curve's axis.
const fn varied(series: Growth) -> (&'static str, &'static str, Axis) {
    const fn axis(name: &'static str, is_logarithmic: bool) -> Axis {
        Axis { name, is_logarithmic }
    }
    match series {
        Growth::Members => ("members", "With members", axis("members", true)),
        Growth::Payload => ("bytes of the value", "With the payload", axis("bytes of a value", true)),
        Growth::Batch => ("batch at most", "With the batch", axis("requests in a batch at most", true)),
        Growth::Clients => ("clients", "With clients", axis("clients, one request under way each", true)),
        _ => ("", "", axis("", false)),
    }
}

/// What is special about a series of loads.
const fn remark(series: Growth) -> &'static str {
    match series {
        Growth::Members => {
            "With more members the load runs longer before it is measured, and is measured for longer: each command says how long.\n\n"
        }
        Growth::Payload => {
            "An operation is 17 bytes more than its value: tags, lengths, and a key of eight bytes. At most four MiB are under way.\n\n"
        }
        Growth::Batch => {
            "Operations of 64 bytes, so that 4,096 of them fit into a batch, and as many requests under way as sixteen batches hold, 8,192 at \
             most: what waits for small batches is latency. A fixed batch does not grow.\n\n"
        }
        _ => "",
    }
}

/// How a series was measured.
fn made(record: &Record) -> String {
    let length = match record.rows {
        Rows::Loads(_) => format!(" {:.0} s for each point, or longer, after a warm-up.", record.seconds),
        _ => String::new(),
    };
    format!(
        "{}.{length} {}Made on {} by `{}`.\n\n",
        record.host,
        if record.quick { "A quick run: its figures are rough. " } else { "" },
        record.date,
        record.command
    )
}

fn skipped(record: &Record) -> String {
    if record.skipped.is_empty() {
        return String::new();
    }
    let mut text = "\nNot measured, or not to the end:\n\n".to_owned();
    for skipped in &record.skipped {
        text += &format!("- `{}`: {}\n", skipped.point, cell(&skipped.reason));
    }
    text
}

fn pictures(series: Growth, record: &Record) -> String {
    let drawn = drawings(series, record).into_iter();
    drawn.map(|(file, title, _)| format!("\n![{title}](performance/{file}.svg)\n")).collect()
}

fn history(row: &HistoryRow) -> String {
    let restarts: Vec<String> = row.restarts_s.iter().map(|seconds| format!("{seconds:.2}")).collect();
    let median_s = crate::runs::median(&row.restarts_s);
    let mut text = format!(
        "{} operations of {} bytes, {} under one signature, in {:.0} s; replicas keep the last {} blocks (`limits.retain_blocks`; by \
         default they keep all).\n\n{}",
        crate::page::grouped(row.operations as f64),
        row.payload_bytes,
        row.envelope_ops,
        row.seconds,
        crate::page::grouped(row.retain_blocks as f64),
        tables::history(row)
    );
    if !restarts.is_empty() {
        text += &format!(
            "\nA replica that was killed (SIGKILL) at the end had executed what the others had {median_s:.2} s after its start \
             ({}; goal: 3 s).\n",
            restarts.join(", ")
        );
    }
    text
}

fn part(series: Growth, record: &Record) -> String {
    let (title, body) = match &record.rows {
        Rows::Simulated(rows) => (
            "Up to a hundred members, simulated",
            format!(
                "{SIMULATED}\n{COSTS}\n{}\nNear each other:\n\n{}\nIn five regions:\n\n{}",
                tables::costs(rows),
                tables::simulated(rows, "near"),
                tables::simulated(rows, "regions")
            ),
        ),
        Rows::Loads(rows) => {
            let (point, title, _) = varied(series);
            (title, format!("{}{}", remark(series), tables::loads(point, rows)))
        }
        Rows::History(rows) => ("With its history", rows.iter().map(history).collect()),
        Rows::CatchUp(rows) => (
            "A replica that lost its disk",
            format!(
                "It was killed, its data folder deleted, and started again while the load went on; it follows and serves, and never votes \
                 with that key again.\n\n{}",
                tables::catch_up(rows)
            ),
        ),
    };
    format!("### {title}\n\n{}{body}{}{}\n", made(record), skipped(record), pictures(series, record))
}

/// The section, without its markers.
#[must_use]
pub fn section(records: &Records) -> String {
    let mut text = format!("{INTRO}\n");
    for (series, record) in records {
        text += &part(*series, record);
    }
    text.trim_end().to_owned() + "\n"
}

/// A drawing: its file, its title, its text.
type Drawing = (String, String, String);

const LINEAR: Axis = Axis { name: "", is_logarithmic: false };

fn curve<T>(name: &str, rows: &[T], place: impl Fn(&T) -> Option<(f64, f64)>) -> Curve {
    Curve { name: name.to_owned(), places: rows.iter().filter_map(place).collect() }
}

fn simulated_drawings(rows: &[SimulatedRow]) -> Vec<Drawing> {
    let members = Axis { name: "members", is_logarithmic: true };
    let of = |network: &'static str, is_alone: bool, pick: fn(&SimulatedRow) -> f64| {
        move |row: &SimulatedRow| {
            let fits = row.network == network && (row.clients == 1) == is_alone;
            fits.then(|| (row.replicas as f64, pick(row)))
        }
    };
    let throughput = [
        curve("near", rows, of("near", false, |row| row.ops_per_s)),
        curve("five regions", rows, of("regions", false, |row| row.ops_per_s)),
    ];
    let latency = [
        curve("near", rows, of("near", true, |row| row.answer_p50_ms)),
        curve("five regions", rows, of("regions", true, |row| row.answer_p50_ms)),
    ];
    let draw = |file: &str, title: &str, y: &'static str, drawn: &[Curve]| {
        let y = Axis { name: y, is_logarithmic: true };
        (file.to_owned(), title.to_owned(), curves(title, members, y, drawn))
    };
    vec![
        draw(
            "growth-simulated-throughput",
            "Simulated, 4,096 clients: operations a second",
            "operations a second",
            &throughput,
        ),
        draw(
            "growth-simulated-latency",
            "Simulated, one client: from the request to the answer, p50",
            "milliseconds",
            &latency,
        ),
    ]
}

fn load_drawings(series: Growth, rows: &[LoadRow]) -> Vec<Drawing> {
    let (_, title, x) = varied(series);
    // Logarithms know no zero: a value of no bytes stands at the smallest operation, the growing batch at its first size.
    let at = |row: &LoadRow| match (series, row.point) {
        (Growth::Payload, 0) => 1.0,
        (Growth::Batch, 0) => 0.0,
        (_, point) => point as f64,
    };
    let shown = |row: &LoadRow, value: f64| (at(row) > 0.0).then(|| (at(row), value));
    let y = |name| Axis { name, is_logarithmic: true };
    let name = series.name();
    let throughput = [curve("four replicas on this machine", rows, |row| shown(row, row.ops_per_s))];
    let latency =
        [curve("p50", rows, |row| shown(row, row.p50_ms)), curve("p99", rows, |row| shown(row, row.p99_ms))];
    let first = format!("{title}: operations a second");
    let second = format!("{title}: latency");
    vec![
        (
            format!("growth-{name}-throughput"),
            first.clone(),
            curves(&first, x, y("operations a second"), &throughput),
        ),
        (format!("growth-{name}-latency"), second.clone(), curves(&second, x, y("milliseconds"), &latency)),
    ]
}

fn drawings(series: Growth, record: &Record) -> Vec<Drawing> {
    match &record.rows {
        Rows::Simulated(rows) => simulated_drawings(rows),
        Rows::Loads(rows) if !rows.is_empty() => load_drawings(series, rows),
        Rows::History(rows) => rows.iter().map(history_drawing).collect(),
        Rows::CatchUp(rows) => rows.iter().map(catch_up_drawing).collect(),
        Rows::Loads(_) => Vec::new(),
    }
}

fn history_drawing(row: &HistoryRow) -> Drawing {
    let title = "With its history: memory and disk of the largest replica";
    let samples = row.samples.as_slice();
    let place = |value: fn(&super::HistorySample) -> f64| {
        move |sample: &super::HistorySample| Some((sample.operations as f64, value(sample)))
    };
    let drawn = [
        curve("memory", samples, place(|sample| sample.rss_mib)),
        curve("log", samples, place(|sample| sample.log_mib)),
        curve("database", samples, place(|sample| sample.database_mib)),
    ];
    let (x, y) = (Axis { name: "operations", ..LINEAR }, Axis { name: "MiB", ..LINEAR });
    ("growth-history".to_owned(), title.to_owned(), curves(title, x, y, &drawn))
}

fn catch_up_drawing(row: &super::CatchUpRow) -> Drawing {
    let title = "A replica that lost its disk: executed blocks";
    let drawn = [
        curve("the wiped replica", &row.samples, |(seconds, own, _)| Some((*seconds, *own as f64))),
        curve("the others", &row.samples, |(seconds, _, theirs)| Some((*seconds, *theirs as f64))),
    ];
    let (x, y) = (Axis { name: "seconds since its start", ..LINEAR }, Axis { name: "blocks", ..LINEAR });
    ("growth-catch-up".to_owned(), title.to_owned(), curves(title, x, y, &drawn))
}

/// Writes the section into `performance.md`, and its drawings beside it.
///
/// # Errors
/// When a file cannot be read or written, or the page lacks the markers.
pub fn write(records: &Records, docs: &Path) -> Result<(), BenchError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| BenchError::File { path, source }
    };
    let (path, folder) = (docs.join("performance.md"), docs.join("performance"));
    let page = std::fs::read_to_string(&path).map_err(failed(&path))?;
    let page = replaced(&page, (BEGIN, END), &section(records), &path)?;
    std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
    std::fs::write(&path, page).map_err(failed(&path))?;
    for (series, record) in records {
        for (file, _, text) in drawings(*series, record) {
            let path = folder.join(format!("{file}.svg"));
            std::fs::write(&path, text).map_err(failed(&path))?;
        }
    }
    Ok(())
}
