//! Ours, by `outvote bench`: real processes, TLS, fsync, every answer checked.

use super::{About, Kind, System};
use crate::error::PeerError;
use crate::figures::{Measure, Round};
use crate::load::parsed;
use crate::plan::{PAYLOAD_BYTES, Plan, STEADY_SHARE};
use crate::ports::Ports;
use crate::processes::{answer_of, tied};
use std::path::Path;
use std::time::Duration;

/// Replicas.
const MEMBERS: u16 = 4;
/// Client keys, when it does all it can.
const CLIENTS: usize = 256;
/// How long `outvote bench` may take beyond its plan.
const PATIENCE: Duration = Duration::from_secs(180);

/// Who signs what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Each operation by a key of its own.
    Each,
    /// Fifty operations of a client by one signature.
    Envelope50,
}

impl Signed {
    /// Requests of each client in flight when it does all it can: what gave the most.
    const fn in_flight(self) -> usize {
        match self {
            Self::Each => 4,
            Self::Envelope50 => 1,
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Each => &[],
            Self::Envelope50 => &["--signatures", "envelope", "--envelope-ops", "50"],
        }
    }
}

pub(super) fn rows() -> Vec<System> {
    let about = |name, variant, client| About {
        name,
        system: "Outvote",
        variant,
        members: usize::from(MEMBERS),
        tolerates: "1 lying",
        switched_off: &[],
        durable: "every vote and block synced before anything depends on it",
        client,
    };
    let each = about(
        "outvote",
        "each operation signed",
        "`outvote bench`: TLS, 256 keys, 4 requests of each in flight",
    );
    let envelope = about(
        "outvote-envelope",
        "one signature over 50 operations",
        "`outvote bench`: TLS, 256 keys, 1 envelope of each in flight",
    );
    vec![
        System { about: each, kind: Kind::Ours(Signed::Each) },
        System { about: envelope, kind: Kind::Ours(Signed::Envelope50) },
    ]
}

/// Measures one round.
///
/// # Errors
/// What `outvote bench` says.
pub(crate) fn round(
    program: &Path,
    signed: Signed,
    plan: &Plan,
    ports: &mut Ports,
    folder: &Path,
) -> Result<Round, PeerError> {
    let in_flight = signed.in_flight().to_string();
    let clients = CLIENTS.to_string();
    let loaded: Vec<&str> =
        [&["--clients", &*clients, "--in-flight", &*in_flight], signed.arguments()].concat();
    let saturated = Measure::read(&bench(program, &loaded, plan, ports, folder)?)?;
    let alone: Vec<&str> = [&["--clients", "1"], signed.arguments()].concat();
    let one_in_flight = Measure::read(&bench(program, &alone, plan, ports, folder)?)?;
    let rate = format!("{:.0}", (saturated.ops_per_s * STEADY_SHARE).max(1.0));
    let even: Vec<&str> = [&["--clients", &*clients, "--rate", &*rate], signed.arguments()].concat();
    let steady = Measure::read(&bench(program, &even, plan, ports, folder)?)?;
    // A leader's death has nothing to do with who signs how much.
    let failovers_ms = if signed == Signed::Each {
        let kills = plan.kills.to_string();
        let killed = bench(program, &["--kill-leader", &*kills], plan, ports, folder)?;
        killed["each_ms"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect()
    } else {
        Vec::new()
    };
    Ok(Round { saturated, one_in_flight, steady, failovers_ms, remark: None })
}

fn bench(
    program: &Path,
    arguments: &[&str],
    plan: &Plan,
    ports: &mut Ports,
    folder: &Path,
) -> Result<serde_json::Value, PeerError> {
    let mut command = tied(program);
    command.args(["--output", "json", "bench", "--payload", &PAYLOAD_BYTES.to_string()]);
    command.args(["--seconds", &plan.measured.as_secs().to_string()]);
    command.args(["--warm-up", &plan.warm_up.as_secs().to_string()]);
    command.args(["--port", &ports.row(MEMBERS)?.to_string()]);
    command.args(arguments);
    // Its clusters lie on the same disk as everybody's.
    command.env("TMPDIR", folder);
    parsed(&answer_of(command, folder, plan.warm_up + plan.measured + PATIENCE)?)
}
