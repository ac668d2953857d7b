//! One member: `outvote-peer-hotstuff --id 0 --members 127.0.0.1:7000,... --links 127.0.0.1:8000,...`.

use clap::Parser;
use hotstuff_rs::replica::{Configuration, Replica, ReplicaSpec};
use hotstuff_rs::types::crypto_primitives::SigningKey;
use hotstuff_rs::types::data_types::{BufferSize, ChainID, EpochLength, Power};
use hotstuff_rs::types::update_sets::{AppStateUpdates, ValidatorSetUpdates};
use hotstuff_rs::types::validator_set::{ValidatorSet, ValidatorSetState};
use outvote_peer_hotstuff::{Application, Links, Pool, Store};
use outvote_peer_wire::{DONE, NOT_DONE, PUT, WHO_LEADS, serve};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// The library counts a view's time in whole seconds.
const VIEW_TIME: Duration = Duration::from_secs(1);
/// Views in an epoch. A view's deadline lies as many view times after its epoch's start as it has views before it, however fast
/// they went: a long epoch delays the change of a dead proposer.
const EPOCH: u32 = 10;

/// Runs one member of a replicated key-value store.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which of the members this is.
    #[arg(long)]
    id: usize,
    /// The addresses of all for clients, with commas between them.
    #[arg(long, value_delimiter = ',')]
    members: Vec<String>,
    /// The addresses of all for each other.
    #[arg(long, value_delimiter = ',')]
    links: Vec<String>,
}

/// A key that all can derive: this measures speed, and keeps no secrets.
fn key(number: usize) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(number + 1).unwrap_or(u8::MAX); 32])
}

fn configuration(id: usize) -> Configuration {
    Configuration::builder()
        .me(key(id))
        .chain_id(ChainID::new(0))
        .block_sync_request_limit(10)
        .block_sync_server_advertise_time(Duration::from_secs(10))
        .block_sync_response_timeout(Duration::from_secs(3))
        .block_sync_blacklist_expiry_time(Duration::from_secs(10))
        .block_sync_trigger_min_view_difference(1000)
        .block_sync_trigger_timeout(Duration::from_secs(60))
        .progress_msg_buffer_capacity(BufferSize::new(64 << 20))
        .epoch_length(EpochLength::new(EPOCH))
        .max_view_time(VIEW_TIME)
        .log_events(false)
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let keys: Vec<_> = (0..arguments.members.len()).map(|number| key(number).verifying_key()).collect();
    let mut updates = ValidatorSetUpdates::new();
    for key in &keys {
        updates.insert(*key, Power::new(1));
    }
    let mut validators = ValidatorSet::new();
    validators.apply_updates(&updates);
    let (store, pool) = (Store::default(), Pool::default());
    let links = Links::open(arguments.id, &arguments.links, keys.clone(), &pool)?;
    let listener = TcpListener::bind(&arguments.members[arguments.id]).await?;
    let state = ValidatorSetState::new(validators.clone(), validators, None, true);
    Replica::initialize(store.clone(), AppStateUpdates::new(), state);
    let (told, proposer) = (pool.clone(), Arc::new(AtomicUsize::new(0)));
    let seen = proposer.clone();
    let replica = ReplicaSpec::builder()
        .app(Application::new(pool.clone()))
        .network(links.clone())
        .kv_store(store)
        .configuration(configuration(arguments.id))
        .on_commit_block(move |event: &hotstuff_rs::events::CommitBlockEvent| {
            told.committed(event.block.bytes());
        })
        .on_receive_proposal(move |event: &hotstuff_rs::events::ReceiveProposalEvent| {
            if let Some(number) = keys.iter().position(|key| *key == event.origin) {
                seen.store(number, Ordering::Relaxed);
            }
        })
        .build()
        .start();
    let answer = move |frame: outvote_peer_wire::Frame| {
        let (pool, links, proposer) = (pool.clone(), links.clone(), proposer.clone());
        async move {
            match frame.kind {
                PUT => {
                    let (sender, receiver) = tokio::sync::oneshot::channel();
                    links.gossip(&frame.body);
                    pool.add(frame.body, Some(sender));
                    match receiver.await {
                        Ok(()) => (DONE, Vec::new()),
                        Err(_) => (NOT_DONE, b"another asked for the same".to_vec()),
                    }
                }
                WHO_LEADS => (DONE, vec![u8::try_from(proposer.load(Ordering::Relaxed)).unwrap_or_default()]),
                _ => (NOT_DONE, b"no such question".to_vec()),
            }
        }
    };
    let served = serve(listener, answer).await;
    drop(replica);
    Ok(served?)
}
