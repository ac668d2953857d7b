//! openraft 0.9 flushes the log for each proposal and waits for it; so what waits meanwhile becomes one proposal. Without this
//! its throughput is that of the disk's flushes.

use crate::types::{Group, TypeConfig};
use openraft::Raft;
use serde_bytes::ByteBuf;
use tokio::sync::{mpsc, oneshot};

/// Operations in a proposal at most.
const GROUP_MAX: usize = 512;
/// Proposals under way at most.
const UNDER_WAY_MAX: usize = 4;
/// Operations that wait at most.
const WAITING_MAX: usize = 65_536;

type Waiting = (Vec<u8>, oneshot::Sender<Result<(), String>>);

/// Takes operations, and answers each when its group is committed and applied.
#[derive(Clone, Debug)]
pub struct Groups {
    sender: mpsc::Sender<Waiting>,
}

impl Groups {
    /// Starts the task that makes groups.
    #[must_use]
    pub fn start(raft: Raft<TypeConfig>) -> Self {
        let (sender, mut receiver) = mpsc::channel::<Waiting>(WAITING_MAX);
        tokio::spawn(async move {
            let places = std::sync::Arc::new(tokio::sync::Semaphore::new(UNDER_WAY_MAX));
            loop {
                let mut group = Vec::with_capacity(GROUP_MAX);
                let Ok(place) = places.clone().acquire_owned().await else { return };
                if receiver.recv_many(&mut group, GROUP_MAX).await == 0 {
                    return;
                }
                let raft = raft.clone();
                tokio::spawn(async move {
                    let (operations, askers): (Vec<ByteBuf>, Vec<_>) =
                        group.into_iter().map(|(operation, asker)| (ByteBuf::from(operation), asker)).unzip();
                    let written = raft.client_write(Group(operations)).await;
                    drop(place);
                    let outcome = written.map(|_| ()).map_err(|error| error.to_string());
                    for asker in askers {
                        // A client that has gone does not wait.
                        let _ = asker.send(outcome.clone());
                    }
                });
            }
        });
        Self { sender }
    }

    /// Writes, and waits until it is committed and applied.
    ///
    /// # Errors
    /// What Raft says, for example that another member leads.
    pub async fn put(&self, operation: Vec<u8>) -> Result<(), String> {
        let (sender, receiver) = oneshot::channel();
        let ended = || "the store ends".to_owned();
        self.sender.send((operation, sender)).await.map_err(|_| ended())?;
        receiver.await.map_err(|_| ended())?
    }
}
