//! etcd: the crash-only store that people use.

use super::{About, Foreign, Kind, Programs, System};
use crate::cluster::Member;
use crate::error::PeerError;
use crate::install::Tools;
use crate::load::Shape;
use crate::ports::Ports;
use std::path::{Path, PathBuf};

const SWITCHED_OFF: &[&str] = &["client signatures", "TLS", "checked answers", "liars"];

fn row(name: &'static str, members: usize) -> System {
    let foreign = Foreign {
        get,
        prepare,
        // What gave the most among 256, 512 and 1,024 clients.
        saturating: Shape { kind: "etcd", clients: 256, connections: 8 },
        unkillable: None,
    };
    System {
        about: About {
            name,
            system: "etcd",
            variant: "",
            members,
            tolerates: "1 crashed",
            switched_off: SWITCHED_OFF,
            durable: "log synced by a majority before the answer, as it ships",
            client: "gRPC to the leader, 256 clients on 8 connections",
        },
        kind: Kind::Foreign(foreign),
    }
}

pub(super) fn rows() -> Vec<System> {
    vec![row("etcd-3", 3), row("etcd-4", 4)]
}

fn get(tools: &Tools) -> Result<(PathBuf, String), PeerError> {
    tools.etcd().map(|program| (program.path, program.version))
}

fn prepare(
    programs: &Programs,
    folder: &Path,
    ports: &mut Ports,
    members: usize,
) -> Result<Vec<Member>, PeerError> {
    let (clients, peers) = (ports.take(members)?, ports.take(members)?);
    let url = |port: &u16| format!("http://127.0.0.1:{port}");
    let all: Vec<String> =
        peers.iter().enumerate().map(|(number, port)| format!("m{number}={}", url(port))).collect();
    let member = |number: usize| {
        let (client, peer) = (url(&clients[number]), url(&peers[number]));
        let data = folder.join(format!("m{number}"));
        let arguments = [
            ("--name", format!("m{number}")),
            ("--data-dir", data.display().to_string()),
            ("--listen-client-urls", client.clone()),
            ("--advertise-client-urls", client),
            ("--listen-peer-urls", peer.clone()),
            ("--initial-advertise-peer-urls", peer),
            ("--initial-cluster", all.join(",")),
            ("--initial-cluster-state", "new".to_owned()),
            // A run must not end by its quota: eight GiB, the most that etcd advises.
            ("--quota-backend-bytes", (8u64 << 30).to_string()),
            ("--logger", "zap".to_owned()),
            ("--log-level", "error".to_owned()),
        ];
        Member {
            program: programs.member.clone(),
            arguments: arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect(),
            environment: Vec::new(),
            address: format!("127.0.0.1:{}", clients[number]),
        }
    };
    Ok((0..members).map(member).collect())
}
