//! CometBFT with its own key-value application: the engine under most chains of its kind.

use super::{About, Foreign, Kind, Programs, System};
use crate::cluster::Member;
use crate::error::PeerError;
use crate::install::Tools;
use crate::load::Shape;
use crate::ports::Ports;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Timeouts and buffers for a fast network, which is what this host is to itself; no option that weakens a promise.
const TUNED: &[(&str, &str)] = &[
    ("CMT_CONSENSUS_TIMEOUT_COMMIT", "0s"),
    ("CMT_CONSENSUS_SKIP_TIMEOUT_COMMIT", "true"),
    ("CMT_CONSENSUS_TIMEOUT_PROPOSE", "500ms"),
    ("CMT_CONSENSUS_TIMEOUT_PROPOSE_DELTA", "100ms"),
    ("CMT_CONSENSUS_TIMEOUT_PREVOTE", "100ms"),
    ("CMT_CONSENSUS_TIMEOUT_PREVOTE_DELTA", "100ms"),
    ("CMT_CONSENSUS_TIMEOUT_PRECOMMIT", "100ms"),
    ("CMT_CONSENSUS_TIMEOUT_PRECOMMIT_DELTA", "100ms"),
    ("CMT_CONSENSUS_PEER_GOSSIP_SLEEP_DURATION", "10ms"),
    ("CMT_P2P_FLUSH_THROTTLE_TIMEOUT", "10ms"),
    ("CMT_P2P_SEND_RATE", "104857600"),
    ("CMT_P2P_RECV_RATE", "104857600"),
    ("CMT_MEMPOOL_SIZE", "50000"),
    ("CMT_MEMPOOL_CACHE_SIZE", "100000"),
    ("CMT_TX_INDEX_INDEXER", "null"),
];

fn about(name: &'static str, variant: &'static str, client: &'static str) -> About {
    About {
        name,
        system: "CometBFT",
        variant,
        members: 4,
        tolerates: "1 lying",
        switched_off: &["client signatures", "TLS to clients", "checked answers"],
        durable: "consensus log synced, as it ships; its own encrypted links between validators, plain RPC for clients",
        client,
    }
}

pub(super) fn rows() -> Vec<System> {
    let foreign = |prepare, clients| {
        let saturating = Shape { kind: "cometbft", clients, connections: 16 };
        Kind::Foreign(Foreign { get, prepare, saturating, unkillable: None })
    };
    let default = about(
        "cometbft",
        "default timeouts",
        "JSON-RPC to all validators, ten transactions in a post, 4,096 in flight (its pool takes 5,000)",
    );
    let tuned = about(
        "cometbft-tuned",
        "tuned: no wait after a commit, short timeouts, large pool, no index",
        "JSON-RPC to all validators, ten transactions in a post, 8,192 in flight",
    );
    vec![
        System { about: default, kind: foreign(prepare_default, 4096) },
        System { about: tuned, kind: foreign(prepare_tuned, 8192) },
    ]
}

fn get(tools: &Tools) -> Result<(PathBuf, String), PeerError> {
    tools.cometbft().map(|program| (program.path, program.version))
}

fn prepare_default(
    programs: &Programs,
    folder: &Path,
    ports: &mut Ports,
    members: usize,
) -> Result<Vec<Member>, PeerError> {
    prepare(programs, folder, ports, members, &[])
}

fn prepare_tuned(
    programs: &Programs,
    folder: &Path,
    ports: &mut Ports,
    members: usize,
) -> Result<Vec<Member>, PeerError> {
    prepare(programs, folder, ports, members, TUNED)
}

/// Its own command makes the homes; each validator has a loopback address of its own, as if it were a machine.
fn prepare(
    programs: &Programs,
    folder: &Path,
    ports: &mut Ports,
    members: usize,
    more: &[(&str, &str)],
) -> Result<Vec<Member>, PeerError> {
    let (links, clients) = (ports.take(1)?[0], ports.take(members)?);
    let made = Command::new(&programs.member)
        .args(["testnet", "--v", &members.to_string(), "--starting-ip-address", "127.0.0.1"])
        .args(["--p2p-port", &links.to_string(), "--o"])
        .arg(folder.join("net"))
        .stdin(Stdio::null())
        .output();
    match made {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(PeerError::Program { program: "cometbft testnet".into(), why });
        }
        Err(error) => {
            return Err(PeerError::Program { program: "cometbft testnet".into(), why: error.to_string() });
        }
    }
    let member = |number: usize| {
        let own = [
            ("CMT_P2P_LADDR", format!("tcp://127.0.0.{}:{links}", number + 1)),
            ("CMT_RPC_LADDR", format!("tcp://127.0.0.1:{}", clients[number])),
        ];
        let fixed = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Member {
            program: programs.member.clone(),
            arguments: ["node", "--log_level", "error", "--proxy_app", "persistent_kvstore", "--home"]
                .map(str::to_owned)
                .into_iter()
                .chain([folder.join(format!("net/node{number}")).display().to_string()])
                .collect(),
            environment: own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(fixed).collect(),
            address: format!("127.0.0.1:{}", clients[number]),
        }
    };
    Ok((0..members).map(member).collect())
}
