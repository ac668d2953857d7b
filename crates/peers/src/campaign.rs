//! All systems in turn, round by round, so that what the machine does meanwhile meets them all.

use crate::cluster::Cluster;
use crate::error::PeerError;
use crate::figures::{Measure, Round};
use crate::install::Tools;
use crate::load::{Shape, kill_leader, load};
use crate::plan::{Plan, STEADY_SHARE};
use crate::ports::Ports;
use crate::report::{Row, Skipped};
use crate::systems::{self, Foreign, Kind, Programs, System};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between a kill and the next: time to start and to catch up.
const AFTER_KILL: Duration = Duration::from_secs(3);

/// What a run stands on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The `outvote` program.
    pub outvote: PathBuf,
    /// Where others' programs come from.
    pub tools: Tools,
    /// An empty folder for clusters, on a disk.
    pub folder: PathBuf,
}

/// A system that can be run here.
struct Ready {
    system: System,
    /// The members' program and the load's; ours brings its own.
    programs: Option<(Programs, PathBuf)>,
    version: String,
    rounds: Vec<Round>,
    trouble: Option<String>,
}

/// Measures; `say` takes a line about how far it is.
///
/// # Errors
/// When nothing is called as asked, or the folder cannot be used. A system that fails is reported as skipped.
pub fn run(ground: &Ground, plan: &Plan, say: &dyn Fn(&str)) -> Result<(Vec<Row>, Vec<Skipped>), PeerError> {
    let mut skipped = Vec::new();
    let mut ready = Vec::new();
    for system in systems::chosen(&plan.only)? {
        say(&format!("getting {}", system.about.name));
        match get(ground, &system) {
            Ok((programs, version)) => {
                ready.push(Ready { system, programs, version, rounds: Vec::new(), trouble: None });
            }
            Err(why) => {
                say(&format!("skipped {}: {why}", system.about.name));
                skipped.push(Skipped::new(&system, why.to_string()));
            }
        }
    }
    let mut ports = Ports::default();
    for number in 1..=plan.rounds {
        for one in ready.iter_mut().filter(|one| one.trouble.is_none()) {
            let name = one.system.about.name;
            let told = |words: &str| say(&format!("round {number} of {}, {name}: {words}", plan.rounds));
            match round(ground, one, plan, &mut ports, &told) {
                Ok(round) => one.rounds.push(round),
                Err(why) => {
                    told(&format!("failed: {why}"));
                    one.trouble = Some(why.to_string());
                }
            }
        }
    }
    let mut rows = Vec::new();
    for one in ready {
        if let Some(why) = one.trouble {
            skipped.push(Skipped::new(&one.system, why));
        }
        if !one.rounds.is_empty() {
            rows.push(Row::new(&one.system, one.version, one.rounds));
        }
    }
    Ok((rows, skipped))
}

fn get(ground: &Ground, system: &System) -> Result<(Option<(Programs, PathBuf)>, String), PeerError> {
    match system.kind {
        Kind::Ours(_) => Ok((None, env!("CARGO_PKG_VERSION").to_owned())),
        Kind::Foreign(foreign) => {
            let (member, version) = (foreign.get)(&ground.tools)?;
            let load = ground.tools.own()?.join("outvote-peer-load");
            Ok((Some((Programs { member }, load)), version))
        }
    }
}

fn fresh(folder: &Path) -> Result<(), PeerError> {
    let failed = |source| PeerError::File { path: folder.to_path_buf(), source };
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(failed)?;
    }
    std::fs::create_dir_all(folder).map_err(failed)
}

fn round(
    ground: &Ground,
    one: &Ready,
    plan: &Plan,
    ports: &mut Ports,
    say: &dyn Fn(&str),
) -> Result<Round, PeerError> {
    let folder = ground.folder.join(one.system.about.name);
    fresh(&folder)?;
    let done = match (one.system.kind, &one.programs) {
        (Kind::Foreign(foreign), Some((programs, load))) => {
            let members = one.system.about.members;
            Stage { foreign, programs, load, members, plan, folder: &folder, say }.round(ports)
        }
        (Kind::Ours(signed), _) => systems::round_of_ours(&ground.outvote, signed, plan, ports, &folder),
        (Kind::Foreign(_), None) => unreachable!("whatever is not ours was got with its programs"),
    };
    let round = done?;
    say(&format!(
        "{:.0} a second; one in flight {:.2} ms; p99 at 70 % {:.1} ms; leader killed {:.0?} ms",
        round.saturated.ops_per_s,
        round.one_in_flight.latency_ms.p50,
        round.steady.latency_ms.p99,
        round.failovers_ms
    ));
    // What a failure leaves behind is looked at; what went well is not.
    fresh(&folder)?;
    Ok(round)
}

/// Somebody else's system in one round: a fresh cluster for each measurement, as ours gets.
struct Stage<'a> {
    foreign: Foreign,
    programs: &'a Programs,
    load: &'a Path,
    members: usize,
    plan: &'a Plan,
    folder: &'a Path,
    say: &'a dyn Fn(&str),
}

impl Stage<'_> {
    fn start(&self, ports: &mut Ports) -> Result<Cluster, PeerError> {
        fresh(self.folder)?;
        let members = (self.foreign.prepare)(self.programs, self.folder, ports, self.members)?;
        Cluster::start(members, self.folder)
    }

    /// Measures; a cluster that does not serve at all gets a second start, for not every system survives every first one.
    fn measure(&self, ports: &mut Ports, clients: usize, rate: Option<f64>) -> Result<Measure, PeerError> {
        let shape = Shape { clients, ..self.foreign.saturating };
        let mut cluster = self.start(ports)?;
        let first = load(self.load, &mut cluster, shape, rate, self.plan, self.folder);
        let Err(why) = first else { return first };
        (self.say)(&format!("started again, since it did not serve: {why}"));
        drop(cluster);
        let mut cluster = self.start(ports)?;
        load(self.load, &mut cluster, shape, rate, self.plan, self.folder)
    }

    fn round(&self, ports: &mut Ports) -> Result<Round, PeerError> {
        let clients = self.foreign.saturating.clients;
        let saturated = self.measure(ports, clients, None)?;
        let one_in_flight = self.measure(ports, 1, None)?;
        let steady = self.measure(ports, clients, Some(saturated.ops_per_s * STEADY_SHARE))?;
        let mut failovers_ms = Vec::with_capacity(self.plan.kills);
        if let Some(why) = self.foreign.unkillable {
            return Ok(Round {
                saturated,
                one_in_flight,
                steady,
                failovers_ms,
                remark: Some(why.to_owned()),
            });
        }
        let mut cluster = self.start(ports)?;
        for _ in 0..self.plan.kills {
            match kill_leader(self.load, &mut cluster, self.foreign.saturating, self.folder) {
                Ok(ms) => failovers_ms.push(ms),
                // What it does while nobody is dead stands all the same.
                Err(why) => {
                    let remark = Some(format!("after the kill of its leader: {why}"));
                    return Ok(Round { saturated, one_in_flight, steady, failovers_ms, remark });
                }
            }
            std::thread::sleep(AFTER_KILL);
        }
        Ok(Round { saturated, one_in_flight, steady, failovers_ms, remark: None })
    }
}
