//! The load on somebody else's cluster, by the program of `bench-peers`.

use crate::cluster::Cluster;
use crate::error::PeerError;
use crate::figures::Measure;
use crate::plan::{PAYLOAD_BYTES, Plan};
use crate::processes::{answer_of, tied};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long the load may take beyond its plan.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a system is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What the load program calls the way it speaks to it.
    pub kind: &'static str,
    /// Clients with one operation in flight each, when it does all it can.
    pub clients: usize,
    /// Connections that they share.
    pub connections: usize,
}

fn command(program: &Path, cluster: &Cluster, shape: Shape) -> Command {
    let mut command = tied(program);
    command.args([shape.kind, "--addresses", &cluster.addresses()]);
    command.args(["--payload", &PAYLOAD_BYTES.to_string()]);
    command.args(["--connections", &shape.connections.to_string()]);
    command
}

/// Loads a cluster: a closed loop of so many clients, or an open one at a rate.
///
/// # Errors
/// What the load program says.
pub(crate) fn load(
    program: &Path,
    cluster: &mut Cluster,
    shape: Shape,
    rate: Option<f64>,
    plan: &Plan,
    folder: &Path,
) -> Result<Measure, PeerError> {
    let mut command = command(program, cluster, shape);
    command.args(["--clients", &shape.clients.to_string()]);
    command.args(["--warm-up-ms", &plan.warm_up.as_millis().to_string()]);
    command.args(["--measured-ms", &plan.measured.as_millis().to_string()]);
    if let Some(rate) = rate {
        command.args(["--rate", &format!("{rate:.1}")]);
    }
    let answer = answer_of(command, folder, plan.warm_up + plan.measured + PATIENCE);
    cluster.check()?;
    Measure::read(&parsed(&answer?)?)
}

/// Kills who leads, starts it again, and answers the milliseconds until the next commit.
///
/// # Errors
/// What the load program says.
pub(crate) fn kill_leader(
    program: &Path,
    cluster: &mut Cluster,
    shape: Shape,
    folder: &Path,
) -> Result<f64, PeerError> {
    let mut command = command(program, cluster, shape);
    command.args(["--kill", &cluster.pids()]);
    let answer = parsed(&answer_of(command, folder, PATIENCE)?)?;
    let unknown = || PeerError::Program { program: "load".into(), why: format!("says {answer}") };
    let leader = answer["leader"].as_u64().and_then(|leader| usize::try_from(leader).ok());
    cluster.start_again(leader.ok_or_else(unknown)?)?;
    answer["failover_ms"].as_f64().ok_or_else(unknown)
}

/// The last line of what a program said, as JSON.
///
/// # Errors
/// When it is none.
pub(crate) fn parsed(answer: &str) -> Result<Value, PeerError> {
    let line = answer.lines().rev().find(|line| line.starts_with('{')).unwrap_or_default();
    serde_json::from_str(line)
        .map_err(|error| PeerError::Program { program: "load".into(), why: format!("{error} in {line:?}") })
}
