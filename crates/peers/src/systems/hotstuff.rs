//! A key-value store on `hotstuff_rs`: a Rust library that bears liars among its members, with a pool, sockets and clients of ours.

use super::{About, Foreign, Kind, Programs, System};
use crate::cluster::Member;
use crate::error::PeerError;
use crate::install::Tools;
use crate::load::Shape;
use crate::ports::Ports;
use std::path::{Path, PathBuf};

/// Tried, and then understood in its source.
const NO_KILL: &str = "its leader was not killed: with one of four members dead it commits nothing, for a commit takes three \
                       certificates of consecutive views, and what the others vote before the dead member's turn is lost with it";

pub(super) fn rows() -> Vec<System> {
    let about = About {
        name: "hotstuff_rs",
        system: "hotstuff_rs",
        variant: "with a store of ours around it",
        members: 4,
        tolerates: "1 lying",
        switched_off: &["client signatures", "TLS", "authenticated links", "fsync", "checked answers"],
        durable: "nothing: it ships no store on disk",
        client: "frames over TCP to all members, 2,048 clients on 8 connections",
    };
    let foreign = Foreign {
        get,
        prepare,
        saturating: Shape { kind: "everybody", clients: 2048, connections: 8 },
        unkillable: Some(NO_KILL),
    };
    vec![System { about, kind: Kind::Foreign(foreign) }]
}

fn get(tools: &Tools) -> Result<(PathBuf, String), PeerError> {
    Ok((tools.own()?.join("outvote-peer-hotstuff"), tools.version_of("hotstuff_rs")))
}

fn prepare(
    programs: &Programs,
    _: &Path,
    ports: &mut Ports,
    members: usize,
) -> Result<Vec<Member>, PeerError> {
    let address = |port: u16| format!("127.0.0.1:{port}");
    let clients: Vec<String> = ports.take(members)?.into_iter().map(address).collect();
    let links: Vec<String> = ports.take(members)?.into_iter().map(address).collect();
    let member = |number: usize| Member {
        program: programs.member.clone(),
        arguments: [
            ("--id", number.to_string()),
            ("--members", clients.join(",")),
            ("--links", links.join(",")),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect(),
        environment: Vec::new(),
        address: clients[number].clone(),
    };
    Ok((0..members).map(member).collect())
}
