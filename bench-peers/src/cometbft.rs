//! CometBFT's JSON-RPC. Transactions go in by `broadcast_tx_sync`, several in one post, to all validators in turn, and are
//! awaited by reading each block; with one in flight `broadcast_tx_commit` does both.

use crate::http_client::HttpClient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Transactions in one post: what the server allows by default.
const BATCH_MAX: usize = 10;
/// Connections that hand in transactions, per validator.
const SUBMITTERS: usize = 4;
/// How often is asked for the next block.
const BLOCK_PAUSE: Duration = Duration::from_millis(2);
/// How long a transaction waits before it is handed in again when the pool was full.
const FULL_PAUSE: Duration = Duration::from_millis(20);
/// Characters of a transaction's base64 that name it: its key, a multiple of four long.
const NAME_CHARACTERS: usize = 32;

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>;

fn locked(waiting: &Waiting) -> MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
    // A map stays valid even if a holder panicked.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(encoded: &str) -> String {
    encoded.get(..NAME_CHARACTERS).unwrap_or(encoded).to_owned()
}

/// Hands in transactions and waits for their blocks.
#[derive(Clone, Debug)]
pub struct Pool {
    submit: mpsc::Sender<String>,
    waiting: Waiting,
}

impl Pool {
    /// Starts the tasks that hand in and that read blocks.
    ///
    /// # Errors
    /// When the first validator does not answer.
    pub async fn start(addresses: &[String]) -> Result<Self, String> {
        let waiting = Waiting::default();
        let (submit, transactions) = mpsc::channel(65_536);
        let transactions = Arc::new(tokio::sync::Mutex::new(transactions));
        for number in 0..addresses.len() * SUBMITTERS {
            let client = HttpClient::new(&addresses[number % addresses.len()]);
            tokio::spawn(hand_in(client, transactions.clone()));
        }
        let Some(first) = addresses.first() else { return Err("no validator".to_owned()) };
        let mut reader = HttpClient::new(first);
        let height = height(&mut reader).await?;
        tokio::spawn(read_blocks(reader, height + 1, waiting.clone()));
        Ok(Self { submit, waiting })
    }

    /// Hands in a transaction; it is in a block when this returns.
    ///
    /// # Errors
    /// When the tasks have ended.
    pub async fn put(&self, transaction: &[u8]) -> Result<(), String> {
        let encoded = STANDARD.encode(transaction);
        let (sender, receiver) = oneshot::channel();
        locked(&self.waiting).insert(name_of(&encoded), sender);
        self.submit.send(encoded).await.map_err(|_| "nobody hands in any more".to_owned())?;
        receiver.await.map_err(|_| "nobody reads blocks any more".to_owned())
    }
}

/// The height of the last block.
///
/// # Errors
/// When the validator does not answer.
pub async fn height(client: &mut HttpClient) -> Result<u64, String> {
    let status = client.post(&call("status", json!({}))).await?;
    let height = &status["result"]["sync_info"]["latest_block_height"];
    height.as_str().and_then(|height| height.parse().ok()).ok_or_else(|| format!("no height: {status}"))
}

/// The index of the validator whose turn it is to propose.
///
/// # Errors
/// When the validator does not answer.
pub async fn proposer(client: &mut HttpClient) -> Result<String, String> {
    let state = client.post(&call("consensus_state", json!({}))).await?;
    let address = &state["result"]["round_state"]["proposer"]["address"];
    address.as_str().map(str::to_owned).ok_or_else(|| format!("no proposer: {state}"))
}

/// The address of the validator's own key.
///
/// # Errors
/// When the validator does not answer.
pub async fn own_address(client: &mut HttpClient) -> Result<String, String> {
    let status = client.post(&call("status", json!({}))).await?;
    let address = &status["result"]["validator_info"]["address"];
    address.as_str().map(str::to_owned).ok_or_else(|| format!("no address: {status}"))
}

/// Hands in one transaction and waits for its block.
///
/// # Errors
/// When it is refused or the validator does not answer.
pub async fn put_and_wait(client: &mut HttpClient, transaction: &[u8]) -> Result<(), String> {
    let answer =
        client.post(&call("broadcast_tx_commit", json!({"tx": STANDARD.encode(transaction)}))).await?;
    if answer["result"]["height"].as_str().is_some_and(|height| height != "0") {
        Ok(())
    } else {
        Err(answer.to_string())
    }
}

/// The transactions of a block, if there is one: an empty block has none, not even an empty list.
#[must_use]
pub fn transactions(answer: &Value) -> Option<Vec<&str>> {
    let data = answer["result"]["block"]["data"].as_object()?;
    let listed = data.get("txs").and_then(Value::as_array);
    Some(listed.into_iter().flatten().filter_map(Value::as_str).collect())
}

fn call(method: &str, parameters: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
}

async fn hand_in(mut client: HttpClient, transactions: Arc<tokio::sync::Mutex<mpsc::Receiver<String>>>) {
    let mut batch: Vec<String> = Vec::with_capacity(BATCH_MAX);
    loop {
        if batch.is_empty() && transactions.lock().await.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let calls = batch.iter().enumerate().map(|(id, transaction)| {
            json!({"jsonrpc": "2.0", "id": id, "method": "broadcast_tx_sync", "params": {"tx": transaction}})
        });
        match client.post(&Value::Array(calls.collect())).await {
            Ok(answers) => {
                batch = refused(&batch, &answers);
            }
            // It is handed in again; a transaction that is in the pool already is refused as such, and in a block all the same.
            Err(_) => tokio::time::sleep(FULL_PAUSE).await,
        }
        if !batch.is_empty() {
            tokio::time::sleep(FULL_PAUSE).await;
        }
    }
}

/// What must be handed in again: what was not taken, unless it was in the pool before.
#[must_use]
pub fn refused(batch: &[String], answers: &Value) -> Vec<String> {
    // One question is answered by one object, also if it was asked as a list.
    let answers = answers.as_array().map_or(std::slice::from_ref(answers), Vec::as_slice);
    let mut again = Vec::new();
    for answer in answers {
        let is_in = answer["result"]["code"] == 0;
        let known = answer["error"]["data"].as_str().is_some_and(|data| data.contains("cache"));
        let id = answer["id"].as_u64().and_then(|id| usize::try_from(id).ok()).unwrap_or(usize::MAX);
        if let (false, false, Some(transaction)) = (is_in, known, batch.get(id)) {
            again.push(transaction.clone());
        }
    }
    again
}

async fn read_blocks(mut client: HttpClient, mut next: u64, waiting: Waiting) {
    loop {
        let answer =
            client.post(&call("block", json!({"height": next.to_string()}))).await.unwrap_or_default();
        let Some(transactions) = transactions(&answer) else {
            tokio::time::sleep(BLOCK_PAUSE).await;
            continue;
        };
        next += 1;
        let mut waiting = locked(&waiting);
        for transaction in transactions {
            if let Some(sender) = waiting.remove(&name_of(transaction)) {
                // A client that has gone does not wait.
                let _ = sender.send(());
            }
        }
    }
}
