//! A key-value store on openraft: what this ecosystem's Raft does with a log on disk, sockets, and nothing else.

use super::{About, Foreign, Kind, Programs, System};
use crate::cluster::Member;
use crate::error::PeerError;
use crate::install::Tools;
use crate::load::Shape;
use crate::ports::Ports;
use std::path::{Path, PathBuf};

pub(super) fn rows() -> Vec<System> {
    let about = About {
        name: "openraft-3",
        system: "openraft",
        variant: "with a store of ours around it",
        members: 3,
        tolerates: "1 crashed",
        switched_off: &["client signatures", "TLS", "checked answers", "liars"],
        durable: "log synced by a majority before the answer; the state is in memory",
        client: "frames over TCP to the leader, 1,024 clients on 8 connections; what waits becomes one entry",
    };
    let foreign = Foreign {
        get,
        prepare,
        saturating: Shape { kind: "leader", clients: 1024, connections: 8 },
        unkillable: None,
    };
    vec![System { about, kind: Kind::Foreign(foreign) }]
}

fn get(tools: &Tools) -> Result<(PathBuf, String), PeerError> {
    Ok((tools.own()?.join("outvote-peer-openraft"), tools.version_of("openraft")))
}

fn prepare(
    programs: &Programs,
    folder: &Path,
    ports: &mut Ports,
    members: usize,
) -> Result<Vec<Member>, PeerError> {
    let addresses: Vec<String> =
        ports.take(members)?.into_iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let member = |(number, address): (usize, &String)| Member {
        program: programs.member.clone(),
        arguments: [
            ("--id", number.to_string()),
            ("--members", addresses.join(",")),
            ("--folder", folder.join(format!("m{number}")).display().to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect(),
        environment: Vec::new(),
        address: address.clone(),
    };
    Ok(addresses.iter().enumerate().map(member).collect())
}
