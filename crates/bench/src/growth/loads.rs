//! Series that load a fresh cluster for each point.

use super::campaign::Field;
use super::plan::Growth;
use super::record::{LoadRow, Rows, Skipped};
use crate::error::BenchError;
use crate::options::{Options, PAYLOAD_MIN};
use crate::replicas::{Configuration, Replicas};
use crate::report::ThroughputReport;
use crate::runs::throughput;

/// Client keys of a load that takes all there is, and requests of each under way.
const CROWD: (usize, usize) = (256, 4);
/// Requests of each under way where batches are as large as can be.
const BATCH_IN_FLIGHT: usize = 32;
/// Bytes of an operation there: 4,096 of them must fit into a batch.
const BATCH_PAYLOAD: usize = 64;
/// Clients that share one set of links.
const CLIENTS_PER_CONNECTION: usize = 128;
/// Sets of links at most.
const CONNECTIONS_MAX: usize = 8;

/// A point of a series.
struct Point {
    value: usize,
    n: usize,
    options: Options,
    /// Whether a single client is measured as well.
    alone: bool,
}

fn options(field: &Field<'_>, (clients, in_flight): (usize, usize)) -> Options {
    Options {
        clients,
        in_flight,
        connections: clients.div_ceil(CLIENTS_PER_CONNECTION).min(CONNECTIONS_MAX),
        measured: field.plan.measured,
        warm_up: field.plan.warm_up,
        ..Options::default()
    }
}

fn points(field: &Field<'_>, series: Growth) -> Vec<Point> {
    let crowd = || options(field, CROWD);
    let point = |value, options| Point { value, n: 4, options, alone: false };
    match series {
        Growth::Members => {
            let members = field.plan.members().into_iter();
            members.map(|n| Point { n, alone: true, ..point(n, crowd()) }).collect()
        }
        Growth::Payload => {
            let bytes = |value| Options { payload_bytes: value + PAYLOAD_MIN, ..crowd() };
            field.plan.payloads().into_iter().map(|value| point(value, bytes(value))).collect()
        }
        Growth::Batch => {
            let batch = |value: usize| Options {
                batch_max: (value > 0).then_some(value),
                payload_bytes: BATCH_PAYLOAD,
                ..options(field, (CROWD.0, BATCH_IN_FLIGHT))
            };
            field.plan.batches().into_iter().map(|value| point(value, batch(value))).collect()
        }
        Growth::Clients => {
            let clients = |value| options(field, (value, 1));
            field.plan.clients().into_iter().map(|value| point(value, clients(value))).collect()
        }
        Growth::Simulated | Growth::History | Growth::CatchUp => Vec::new(),
    }
}

/// The command that measures a point by itself.
fn command(n: usize, options: &Options) -> String {
    let mut words = format!(
        "outvote bench --replicas {n} --payload {} --clients {} --in-flight {}",
        options.payload_bytes, options.clients, options.in_flight
    );
    if let Some(batch_max) = options.batch_max {
        words += &format!(" --batch-max {batch_max}");
    }
    words + &format!(" --seconds {}", options.measured.as_secs())
}

/// Measures one load on a fresh cluster.
async fn load(field: &mut Field<'_>, n: usize, options: &Options) -> Result<ThroughputReport, BenchError> {
    let ground = field.fresh(n)?;
    let configuration = options
        .batch_max
        .map(|batch_max| Configuration { batch_max: Some(batch_max), ..Configuration::default() });
    let folder = ground.homes.first().map_or_else(std::env::temp_dir, Clone::clone);
    let mut replicas = Replicas::start(field.program, ground.homes, configuration)?;
    let report = throughput(&ground.file, &mut replicas, options, &folder, &|_| {}).await?;
    replicas.stop();
    Ok(report)
}

async fn measure(field: &mut Field<'_>, point: &Point) -> Result<LoadRow, BenchError> {
    let report = load(field, point.n, &point.options).await?;
    let mut row = LoadRow::new(point.value, &report, command(point.n, &point.options));
    if point.alone {
        let single = options(field, (1, 1));
        row.alone_p50_ms = Some(load(field, point.n, &single).await?.latency_ms.p50);
    }
    Ok(row)
}

/// Measures all points of a series; one that this machine cannot do is named.
pub(super) async fn run(field: &mut Field<'_>, series: Growth) -> (Rows, Vec<Skipped>) {
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    for point in points(field, series) {
        let name = format!("{} {}", series.name(), point.value);
        match measure(field, &point).await {
            Ok(row) => {
                let (ops_per_s, p50_ms) = (row.ops_per_s, row.p50_ms);
                (field.progress)(&format!("{name}: {ops_per_s:.0} ops/s, p50 {p50_ms:.2} ms"));
                rows.push(row);
            }
            Err(error) => {
                (field.progress)(&format!("{name}: {error}"));
                skipped.push(Skipped { point: point.value.to_string(), reason: error.to_string() });
            }
        }
    }
    (Rows::Loads(rows), skipped)
}
