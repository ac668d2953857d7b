//! The three outcomes: committed, rejected, pending.

use crate::support::{Counter, count_up, in_the_end};
use outvote::{Client, Cluster, KeyPair, Outcome, ReplicaId, SessionKey};
use outvote_client::Tunables;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_has_its_code_and_changes_nothing() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    let finished = client.submit_bytes(b"no thanks".to_vec()).await.expect("submitted");
    let Outcome::Rejected(rejected) = finished.outcome else { panic!("not rejected") };
    assert_eq!(rejected.code, "said-no");
    assert_eq!(count_up(&client).await, 2);
    cluster.stop().await;
}

// Faults: P06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_a_request_is_pending_and_is_executed_once_when_the_quorum_is_back() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let signer: SessionKey = Arc::new(KeyPair::generate().expect("random"));
    let tunables = Tunables { deadline_ms: 1_500, ..Tunables::default() };
    let builder = Client::builder(cluster.committee().clone()).identity(signer).tunables(tunables);
    let client = builder.connect().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    for id in [2, 3] {
        cluster.stop_replica(ReplicaId(id)).await.expect("stopped");
    }
    let finished = client.submit_bytes(b"up".to_vec()).await.expect("submitted");
    assert!(matches!(finished.outcome, Outcome::Pending), "{:?}", finished.outcome);
    for id in [2, 3] {
        cluster.start_replica(ReplicaId(id)).await.expect("started");
    }
    assert_eq!(in_the_end(&client, finished).await, 2);
    assert_eq!(count_up(&client).await, 3);
    cluster.stop().await;
}
