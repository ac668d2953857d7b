//! One member: `outvote-peer-openraft --id 0 --members 127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002 --folder DIR`.

use clap::Parser;
use openraft::{BasicNode, Config, Raft, SnapshotPolicy};
use outvote_peer_openraft::{Groups, LogStore, Network, State, TypeConfig, answer_member};
use outvote_peer_wire::{DONE, NOT_DONE, PUT, WHO_LEADS, serve};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Runs one member of a replicated key-value store.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which of the members this is.
    #[arg(long)]
    id: u64,
    /// The addresses of all, with commas between them.
    #[arg(long, value_delimiter = ',')]
    members: Vec<String>,
    /// Where the log is kept.
    #[arg(long)]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    // Everything as it ships, but for snapshots: runs are short, and the log is kept.
    let config = Config { snapshot_policy: SnapshotPolicy::Never, ..Config::default() }.validate()?;
    let log = LogStore::open(&arguments.folder)?;
    let raft: Raft<TypeConfig> =
        Raft::new(arguments.id, Arc::new(config), Network, log, State::default()).await?;
    let own = arguments.members.get(usize::try_from(arguments.id)?).ok_or("no address for this id")?;
    let listener = TcpListener::bind(own).await?;
    if arguments.id == 0 && !raft.is_initialized().await? {
        let members: BTreeMap<u64, BasicNode> =
            (0..).zip(&arguments.members).map(|(id, address)| (id, BasicNode::new(address))).collect();
        raft.initialize(members).await?;
    }
    let groups = Groups::start(raft.clone());
    let answer = move |frame: outvote_peer_wire::Frame| {
        let (raft, groups) = (raft.clone(), groups.clone());
        async move {
            match frame.kind {
                PUT => match groups.put(frame.body).await {
                    Ok(()) => (DONE, Vec::new()),
                    Err(why) => (NOT_DONE, why.into_bytes()),
                },
                WHO_LEADS => match raft.current_leader().await.and_then(|leader| u8::try_from(leader).ok()) {
                    Some(leader) => (DONE, vec![leader]),
                    None => (NOT_DONE, b"nobody leads".to_vec()),
                },
                _ => answer_member(&raft, &frame).await,
            }
        }
    };
    Ok(serve(listener, answer).await?)
}
