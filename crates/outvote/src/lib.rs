//! Byzantine fault tolerant replication that you add in an afternoon.
//!
//! Write an [`Application`]: a function from operations to state and answers. Run it on four machines as a [`Node`] each;
//! one of them may lie, and the others outvote it. Talk to it with a [`Client`], which trusts no single replica.
//!
//! ```no_run
//! use outvote::{Answer, Application, Cluster, Context, StateReader, StateWriter};
//!
//! struct Counter;
//!
//! impl Application for Counter {
//!     fn apply(&self, _: &Context, _: &[u8], state: &mut StateWriter<'_>) -> Answer {
//!         let count = state.get(b"count").map_or(0, |bytes| u64::from_le_bytes((*bytes).try_into().unwrap_or_default()));
//!         state.put(b"count", &(count + 1).to_le_bytes());
//!         Answer::done((count + 1).to_le_bytes().to_vec())
//!     }
//!     fn query(&self, _: &[u8], state: &StateReader<'_>) -> Answer {
//!         Answer::done(state.get(b"count").map_or(vec![0; 8], |bytes| bytes.to_vec()))
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::start(4, || Counter).await?; // four real replicas in this process, for trying out and for tests
//! let client = cluster.client().await?;
//! client.submit_bytes(b"up".to_vec()).await?;
//! cluster.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/counter.rs` is the whole of a first replica. [`Cluster`] is the harness for your own tests: keys, TLS, disks
//! and votes are the real ones; only the four machines are one process.

mod cluster;

pub use cluster::{Cluster, ClusterBuilder, ClusterError};

pub use outvote_client::{
    Answered, Client, ClientBuilder, ClientError, Committed, CommittedBlock, CommitteeFile, Finished, Follow,
    Outcome, Receipt, Rejected, SessionKey, Submission, Verdict,
};
pub use outvote_crypto::{KeyFile, KeyPair, KeyRole};
pub use outvote_execution::{Answer, Application, Context, StateReader, StateWriter};
pub use outvote_node::{
    ApiError, AppRoutes, Home, HomeKeys, Listeners, Node, NodeConfig, NodeError, NodeHandle, ReplicaReport,
    Report, Route, RunningNode, load_committee, schema,
};
pub use outvote_types::{
    Blob, Committee, Digest, Member, Nonce, Operation, PublicKey, ReplicaId, ResultKind, Sequence, View,
    WallTime,
};
