//! Operations that wait, that stand in a proposed block, or that are committed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Bytes of a key, which names its operation.
const KEY_BYTES: usize = 24;
/// Operations in a block at most.
const BLOCK_MAX: usize = 1000;
/// After which an operation of a block that led nowhere waits again.
const STALE: Duration = Duration::from_secs(5);
/// How long a proposer waits for a first operation when nothing is under way.
const IDLE: Duration = Duration::from_millis(5);

type Key = [u8; KEY_BYTES];

fn key_of(operation: &[u8]) -> Key {
    let mut key = [0; KEY_BYTES];
    let length = operation.len().min(KEY_BYTES);
    key[..length].copy_from_slice(&operation[..length]);
    key
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Key>,
    operations: HashMap<Key, Vec<u8>>,
    proposed: HashMap<Key, Instant>,
    blocks: HashMap<[u8; 32], Vec<Key>>,
    committed: HashSet<Key>,
    values: HashMap<Key, Vec<u8>>,
    askers: HashMap<Key, oneshot::Sender<()>>,
    swept: Option<Instant>,
}

/// The operations of one member.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    inner: Arc<(Mutex<Inner>, Condvar)>,
}

impl Pool {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What is in it stays valid even if a holder panicked.
        self.inner.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation of a client here, or of another member's.
    pub fn add(&self, operation: Vec<u8>, asker: Option<oneshot::Sender<()>>) {
        let key = key_of(&operation);
        let mut inner = self.inner();
        if inner.committed.contains(&key) {
            // A client that has gone does not wait.
            let _ = asker.map(|asker| asker.send(()));
            return;
        }
        if let Some(asker) = asker {
            inner.askers.insert(key, asker);
        }
        if inner.operations.insert(key, operation).is_none() && !inner.proposed.contains_key(&key) {
            inner.waiting.push_back(key);
        }
        drop(inner);
        self.inner.1.notify_one();
    }

    /// What a proposer puts into its block; empty when only blocks under way need another on top, or nobody asks for anything.
    #[must_use]
    pub fn propose(&self) -> Vec<Vec<u8>> {
        let mut inner = self.inner();
        inner.sweep();
        if inner.waiting.is_empty() && inner.proposed.is_empty() {
            let waited = self.inner.1.wait_timeout(inner, IDLE);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut block = Vec::new();
        while block.len() < BLOCK_MAX
            && let Some(key) = inner.waiting.pop_front()
        {
            // It may have come in another's block meanwhile.
            if let (false, Some(operation)) = (inner.proposed.contains_key(&key), inner.operations.get(&key))
            {
                block.push(operation.clone());
                inner.proposed.insert(key, Instant::now());
            }
        }
        block
    }

    /// A block was proposed with these operations.
    pub fn proposed(&self, block: [u8; 32], operations: &[Vec<u8>]) {
        let keys: Vec<Key> = operations.iter().map(|operation| key_of(operation)).collect();
        let mut inner = self.inner();
        for (key, operation) in keys.iter().zip(operations) {
            inner.operations.entry(*key).or_insert_with(|| operation.clone());
            inner.proposed.insert(*key, Instant::now());
        }
        inner.blocks.insert(block, keys);
    }

    /// A block was committed: its operations are carried out, and who waits for them is told.
    pub fn committed(&self, block: [u8; 32]) {
        let mut inner = self.inner();
        for key in inner.blocks.remove(&block).unwrap_or_default() {
            inner.proposed.remove(&key);
            if let Some(operation) = inner.operations.remove(&key) {
                let value = operation.get(KEY_BYTES..).unwrap_or_default().to_vec();
                inner.values.insert(key, value);
            }
            inner.committed.insert(key);
            if let Some(asker) = inner.askers.remove(&key) {
                // A client that has gone does not wait.
                let _ = asker.send(());
            }
        }
    }
}

impl Inner {
    /// What stood in a block that led nowhere waits again.
    fn sweep(&mut self) {
        let now = Instant::now();
        if self.swept.is_some_and(|last| now - last < STALE / 10) {
            return;
        }
        self.swept = Some(now);
        let stale: Vec<Key> =
            self.proposed.iter().filter(|(_, at)| now - **at > STALE).map(|(key, _)| *key).collect();
        for key in stale {
            self.proposed.remove(&key);
            if self.operations.contains_key(&key) {
                self.waiting.push_back(key);
            }
        }
    }
}
