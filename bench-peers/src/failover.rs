//! SIGKILL of who leads, and the time until a client sees the next commit.

use crate::cometbft::{height, transactions};
use crate::http_client::HttpClient;
use crate::target::{Kind, Payload, Target, leader, transaction};
use crate::{etcd, members};
use base64::Engine as _;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Clients of the light load.
const CLIENTS: usize = 8;
/// Light load before the kill.
const BEFORE_KILL: Duration = Duration::from_millis(1500);
/// How long an attempt may take at a member that does not answer.
const ATTEMPT: Duration = Duration::from_millis(100);
/// Between two attempts at a member.
const PAUSE: Duration = Duration::from_millis(2);
/// After which a cluster counts as dead.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Failover {
    /// Who was killed.
    pub leader: usize,
    /// From SIGKILL to the next commit that a client saw.
    pub failover_ms: f64,
}

/// Kills who leads under a light load.
///
/// # Errors
/// When nobody leads, or nothing commits for a minute.
pub async fn failover(
    kind: Kind,
    addresses: &[String],
    pids: &[i32],
    payload: &Payload,
) -> Result<Failover, String> {
    let target = Arc::new(Target::connect(kind, addresses, CLIENTS, CLIENTS).await?);
    let mut tasks = JoinSet::new();
    for client in 0..CLIENTS {
        let (target, payload) = (target.clone(), payload.clone());
        tasks.spawn(async move {
            // It ends when the member that it speaks to is gone.
            for number in 0.. {
                if target.put(client, payload.operation(client, number)).await.is_err() {
                    return;
                }
            }
        });
    }
    tokio::time::sleep(BEFORE_KILL).await;
    let leader = leader(kind, addresses).await?;
    let pid = pids.get(leader).copied().and_then(Pid::from_raw).ok_or("the leader has no process")?;
    let others: Vec<&String> = addresses
        .iter()
        .enumerate()
        .filter(|(number, _)| *number != leader)
        .map(|(_, address)| address)
        .collect();
    let before =
        if kind == Kind::Cometbft { Some(height(&mut HttpClient::new(others[0])).await?) } else { None };
    let killed = Instant::now();
    kill_process(pid, Signal::KILL).map_err(|error| error.to_string())?;
    let mut probes = JoinSet::new();
    for (number, address) in others.into_iter().enumerate() {
        let (address, operation) = (address.clone(), payload.operation(CLIENTS + number, 0));
        probes.spawn(async move { probe(kind, &address, operation, before).await });
    }
    let first = tokio::time::timeout(PATIENCE, probes.join_next()).await;
    let failover_ms = killed.elapsed().as_secs_f64() * 1000.0;
    match first {
        Ok(Some(Ok(Ok(())))) => Ok(Failover { leader, failover_ms }),
        Ok(Some(Ok(Err(why)))) => Err(why),
        _ => Err("nothing commits for a minute after the kill".to_owned()),
    }
}

/// Tries at one member until it succeeds.
async fn probe(
    kind: Kind,
    address: &str,
    operation: (Vec<u8>, Vec<u8>),
    before: Option<u64>,
) -> Result<(), String> {
    if let Some(before) = before {
        return probe_chain(address, &transaction(&operation.0, &operation.1), before).await;
    }
    let etcd = etcd::Member::new(address)?;
    let member = members::Member::new(address);
    loop {
        let (key, value) = operation.clone();
        let done = match kind {
            Kind::Etcd => tokio::time::timeout(ATTEMPT, etcd.put(key, value)).await,
            _ => tokio::time::timeout(ATTEMPT, member.put([key, value].concat())).await,
        };
        if matches!(done, Ok(Ok(()))) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hands the transaction in once, for a pool keeps it, and reads blocks until it is in one.
async fn probe_chain(address: &str, transaction: &[u8], before: u64) -> Result<(), String> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(transaction);
    let mut client = HttpClient::new(address);
    let call = |method: &str, parameters: Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
    client.post(&call("broadcast_tx_sync", json!({"tx": encoded}))).await?;
    let mut next = before + 1;
    loop {
        let block =
            client.post(&call("block", json!({"height": next.to_string()}))).await.unwrap_or_default();
        match transactions(&block) {
            Some(listed) if listed.contains(&encoded.as_str()) => return Ok(()),
            Some(_) => next += 1,
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}
