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
/// Requests of each under way at most where batches are as large as can be.
const BATCH_IN_FLIGHT: usize = 32;
/// Batches under way that there are requests for: a pipeline of eight, and as many that wait.
const BATCHES_UNDER_WAY: usize = 16;
/// Bytes of an operation there: 4,096 of them must fit into a batch.
const BATCH_PAYLOAD: usize = 64;
/// Bytes of operations under way at most, so that latency is not that of a queue of large ones.
const UNDER_WAY_BYTES: usize = 4 << 20;
/// Members at which loads begin to take longer to settle on one machine.
const SETTLE_MEMBERS: usize = 4;

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
        connections: Options::connections_for(clients),
        measured: field.plan.measured,
        warm_up: field.plan.warm_up,
        ..Options::default()
    }
}

/// A load on many members of one machine: it takes as much longer to settle as there are more of them.
fn settled(options: Options, n: usize) -> Options {
    let times = u32::try_from(n.div_ceil(SETTLE_MEMBERS)).unwrap_or(1);
    Options { warm_up: options.warm_up * times, measured: options.measured * times.div_ceil(2), ..options }
}

/// Requests of each client under way where a batch holds so many at most; 0 for as many as there are.
fn in_flight_of(batch: usize) -> usize {
    match batch {
        0 => BATCH_IN_FLIGHT,
        batch => (batch * BATCHES_UNDER_WAY).div_ceil(CROWD.0).clamp(1, BATCH_IN_FLIGHT),
    }
}

fn points(field: &Field<'_>, series: Growth) -> Vec<Point> {
    let crowd = || options(field, CROWD);
    let point = |value, options| Point { value, n: 4, options, alone: false };
    match series {
        Growth::Members => {
            let members = field.plan.members().into_iter();
            members.map(|n| Point { n, alone: true, ..point(n, settled(crowd(), n)) }).collect()
        }
        Growth::Payload => {
            let bytes = |value: usize| {
                let payload_bytes = value + PAYLOAD_MIN;
                let under_way = (UNDER_WAY_BYTES / payload_bytes).clamp(1, CROWD.0 * CROWD.1);
                let clients = under_way.min(CROWD.0);
                Options { payload_bytes, ..options(field, (clients, under_way / clients)) }
            };
            field.plan.payloads().into_iter().map(|value| point(value, bytes(value))).collect()
        }
        Growth::Batch => {
            let batch = |value: usize| Options {
                batch_max: (value > 0).then_some(value),
                payload_bytes: BATCH_PAYLOAD,
                ..options(field, (CROWD.0, in_flight_of(value)))
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
        let single = settled(options(field, (1, 1)), point.n);
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
