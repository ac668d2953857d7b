//! `outvote growth`: how throughput, latency, memory and disk grow with members, payload, batch, clients and history.

use crate::cluster_folder::ClusterFolder;
use crate::connection::wide_runtime;
use crate::failure::Failure;
use crate::output::{Output, note};
use crate::temporary_folder::TemporaryFolder;
use clap::Args;
use outvote_bench::BenchError;
use outvote_bench::attack::Ground;
use outvote_bench::growth::{self, Growth, Measured, Plan, Record, Rows, SimulatedRow, Skipped};
use outvote_sim::growth::{Distance, Figures, Hardware, Scenario};
use outvote_types::Parameters;
use std::path::PathBuf;
use std::time::Duration;

/// Between any two who are near each other, microseconds.
const NEAR: Distance = Distance::Even { one_way_us: 250 };
/// Between any two where only the messages' way counts.
const WEIGHTLESS: Distance = Distance::Even { one_way_us: 1_000 };
/// What a machine sends at most across regions, megabits a second.
const EGRESS_OF_REGIONS: u64 = 1_000;

/// Measures how a cluster grows: members, payload, batch, clients, history, a replica that comes back; real processes, and up to
/// a hundred members in the simulator.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote growth --quick --only simulated,members\n\
    \x20        outvote growth --only history --operations 10000000 --write docs")]
pub(crate) struct GrowthCommand {
    /// Only these series: simulated, members, payload, batch, clients, history, catch-up.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Fewer and shorter points: rough figures in some minutes.
    #[arg(long)]
    quick: bool,
    /// How long each point of a load is measured; 10 unless told, 3 in a quick run.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: Option<u64>,
    /// Operations of the history; ten million unless told, a hundred thousand in a quick run.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    operations: Option<u64>,
    /// How long the load runs before the wiped replica comes back; 300 seconds unless told, 20 in a quick run.
    #[arg(long, value_parser = clap::value_parser!(u64).range(3..=86_400))]
    missed: Option<u64>,
    /// Operations a second while it comes back; an eighth of the most that there is unless told.
    #[arg(long)]
    rate: Option<u32>,
    /// The first replica's page; the others' ports follow, and the links lie 100 above.
    #[arg(long, default_value_t = 26_000)]
    port: u16,
    /// Keeps what was measured in this folder, a file for each series.
    #[arg(long, value_name = "FOLDER", default_value = "target/growth")]
    record: PathBuf,
    /// Writes the section of `performance.md` in this folder, and its drawings, from all that is kept.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

impl GrowthCommand {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let plan = self.plan()?;
        let folder = TemporaryFolder::of("growth");
        let mut number = 0;
        let mut fresh = |replicas: usize| {
            // What the cluster before left is not needed any more.
            let _ = std::fs::remove_dir_all(folder.cluster(number));
            number += 1;
            let cluster = ClusterFolder::new(folder.cluster(number));
            let made = cluster.create(replicas, self.port, false, Parameters::default());
            let file = made.map_err(|failure| BenchError::Cluster(format!("cannot be made: {failure}")))?;
            Ok(Ground { file, committee: cluster.committee_path(), homes: cluster.homes() })
        };
        let program = std::env::current_exe().map_err(Failure::failed)?;
        let runtime = wide_runtime()?;
        let mut simulate = || simulated(&plan);
        let measured =
            runtime.block_on(growth::run(&plan, &program, &mut fresh, &mut simulate, &self.record, &note))?;
        if let Some(docs) = &self.write {
            growth::write(&Record::all(&self.record)?, docs)?;
        }
        output.print(&measured.values().collect::<Vec<_>>(), |_| growth::section(&measured))
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let named = |name: &String| {
            let known: Vec<&str> = Growth::ALL.iter().map(|series| series.name()).collect();
            Growth::named(name).ok_or_else(|| {
                Failure::usage(format!("there is no series `{name}`: there are {}", known.join(", ")))
            })
        };
        let only = self.only.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        let plan = if self.quick { Plan::quick() } else { Plan::full() };
        Ok(Plan {
            series: if only.is_empty() { plan.series } else { only },
            measured: self.seconds.map_or(plan.measured, Duration::from_secs),
            operations: self.operations.unwrap_or(plan.operations),
            missed: self.missed.map_or(plan.missed, Duration::from_secs),
            rate: self.rate,
            command: self.command(),
            ..plan
        })
    }

    /// What measures the same again, but for the series.
    fn command(&self) -> String {
        let mut words = "cargo xtask bench growth".to_owned();
        if self.quick {
            words += " --quick";
        }
        let numbers = [
            ("seconds", self.seconds),
            ("operations", self.operations),
            ("missed", self.missed),
            ("rate", self.rate.map(u64::from)),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                words += &format!(" --{name} {value}");
            }
        }
        words
    }
}

/// All simulated clusters: what a block costs, and on each network one client and 4,096.
fn simulated(plan: &Plan) -> Measured {
    let near = Hardware::default();
    let far = Hardware { egress_mbit_per_s: EGRESS_OF_REGIONS, ..near };
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    for replicas in plan.simulated() {
        let scenarios = [
            ("weightless", Scenario::alone(replicas, WEIGHTLESS, Hardware::WEIGHTLESS)),
            ("near", Scenario::alone(replicas, NEAR, near)),
            ("near", Scenario::crowded(replicas, NEAR, near)),
            ("regions", Scenario::alone(replicas, Distance::Regions, far)),
            ("regions", Scenario::crowded(replicas, Distance::Regions, far)),
        ];
        for (network, scenario) in scenarios {
            match outvote_sim::growth::run(&scenario) {
                Ok(figures) => {
                    let (ops_per_s, answer_ms) = (figures.ops_per_s, figures.answer_p50_ms);
                    note(&format!(
                        "simulated {replicas} {network}, {} clients: {ops_per_s:.0} ops/s, p50 {answer_ms:.2} ms{}",
                        scenario.clients,
                        suspicions(&figures)
                    ));
                    rows.push(row(network, &scenario, &figures));
                }
                Err(error) => skipped
                    .push(Skipped { point: format!("{replicas} {network}"), reason: error.to_string() }),
            }
        }
    }
    (Rows::Simulated(rows), skipped)
}

/// Which leaders were suspected, and why: nobody should be, where nothing fails.
fn suspicions(figures: &Figures) -> String {
    let each = figures.suspicions.iter().map(|(reason, count)| format!(", suspicion {reason} {count} times"));
    each.collect()
}

fn row(network: &str, scenario: &Scenario, figures: &Figures) -> SimulatedRow {
    let (found, formula) = (figures.per_block, figures.formula);
    SimulatedRow {
        replicas: figures.replicas,
        quorum: figures.quorum,
        network: network.to_owned(),
        clients: scenario.clients,
        blocks: figures.blocks,
        seconds: figures.seconds,
        ops_per_s: figures.ops_per_s,
        commit_ms: figures.commit_ms,
        answer_p50_ms: figures.answer_p50_ms,
        answer_p99_ms: figures.answer_p99_ms,
        commit_hops: figures.commit_hops,
        answer_hops: figures.answer_hops,
        operations_per_block: found.operations,
        messages: (found.messages, formula.messages),
        other_messages: found.other_messages,
        bytes: found.bytes,
        made: (found.made, formula.made),
        checked: (found.checked, formula.checked),
        client_checks_per_operation: figures.client_checks_per_operation,
        cpu_us_per_operation: figures.cpu_us_per_operation,
        leader_busy: figures.leader_busy,
        view_changes: figures.view_changes,
        suspicions: figures.suspicions.clone(),
        refused: figures.refused,
    }
}
