//! What a replica knows of the time before its process started.

use crate::support::{Counter, count_of, count_up, own, until, until_level};
use crate::wire::{connect_to, hear, say};
use outvote::{Blob, Cluster, KeyPair, Nonce, Operation, ReplicaId, ResultKind};
use outvote_crypto::sign_request;
use outvote_transport::{FrameReader, FrameWriter};
use outvote_types::client::ProvenResult;
use outvote_types::{BoundedVec, Domain, Request, RequestBody, ToClient, ToReplica};
use std::time::Duration;

const FOLLOWER: ReplicaId = ReplicaId(2);
const LAST: ReplicaId = ReplicaId(3);

/// A request of one operation, under the session of this key.
fn request(cluster: &Cluster, key: &KeyPair, nonce: u64, payload: &[u8]) -> Request {
    let payload = Blob::new(payload.to_vec()).unwrap();
    let operations = BoundedVec::new(vec![Operation { author: None, query: false, payload }]).unwrap();
    let body = RequestBody { session: key.public_key(), nonce: Nonce(nonce), operations };
    sign_request(key, &Domain::clients(&cluster.committee().committee.cluster_id()), body)
}

/// A connection of our own that hears of this session's results.
async fn watch(cluster: &Cluster, id: ReplicaId, key: &KeyPair) -> (FrameReader, FrameWriter) {
    let (mut reader, mut writer) = connect_to(cluster, id).await;
    assert!(matches!(hear(&mut reader).await, Some(ToClient::Welcome { .. })));
    assert!(say(&mut writer, &ToReplica::Watch(BoundedVec::new(vec![key.public_key()]).unwrap())).await);
    (reader, writer)
}

/// Submits and waits for the result of this very request.
async fn submit(connection: &mut (FrameReader, FrameWriter), request: &Request) -> ProvenResult {
    let (reader, writer) = connection;
    let submission = ToReplica::Submit(BoundedVec::new(vec![request.clone()]).unwrap());
    assert!(say(writer, &submission).await);
    loop {
        if let ToClient::Results { results, .. } = hear(reader).await.expect("an answer") {
            let found = results.iter().find(|result| result.leaf.request == request.digest());
            if let Some(found) = found {
                return found.clone();
            }
        }
    }
}

// P8: the pool has forgotten what was executed before the restart, the archive has not.
// Faults: K04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_from_before_a_restart_is_answered_and_is_neither_relayed_nor_held_against_the_leader() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let key = KeyPair::generate().expect("random");
    let first = request(&cluster, &key, 1, b"first");
    let mut connection = watch(&cluster, ReplicaId(0), &key).await;
    let result = submit(&mut connection, &first).await;
    assert_eq!((result.leaf.kind, count_of(&result.answer)), (ResultKind::Applied, 1));
    assert_eq!(count_up(&cluster.client().await.expect("connected")).await, 2);
    until_level(&cluster, FOLLOWER, ReplicaId(0)).await;

    cluster.stop_replica(FOLLOWER).await.expect("stopped");
    cluster.start_replica(FOLLOWER).await.expect("started");
    // It has executed these blocks; that they are committed, its peers tell it again.
    let level = |id| {
        let own = own(&cluster, id);
        (own.committed, own.executed)
    };
    // Two operations, one after the other, took two blocks at least.
    until("it is back", || level(FOLLOWER).0 >= 2 && level(FOLLOWER) == level(ReplicaId(0))).await;
    let mut connection = watch(&cluster, FOLLOWER, &key).await;
    for _ in 0..3 {
        let again = submit(&mut connection, &first).await;
        assert_eq!(
            (&again.leaf, count_of(&again.answer)),
            (&result.leaf, 1),
            "what came of it the first time"
        );
    }
    // A crowd of copies in one message is answered in the connection's turns, and costs nobody else anything.
    let copies = BoundedVec::new(vec![first.clone(); 200]).unwrap();
    assert!(say(&mut connection.1, &ToReplica::Submit(copies)).await);
    let mut answers = 0;
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 3);
    while let Ok(heard) = tokio::time::timeout(Duration::from_millis(500), hear(&mut connection.0)).await {
        answers += usize::from(matches!(heard, Some(ToClient::Results { .. })));
    }
    assert!((1..=200).contains(&answers), "{answers} answers");
    until("it has that one, too", || {
        own(&cluster, FOLLOWER).committed == own(&cluster, ReplicaId(0)).committed
    })
    .await;
    let before = own(&cluster, FOLLOWER);
    // Longer than any window: whatever it had relayed would be a reason to suspect the leader.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let after = own(&cluster, FOLLOWER);
    assert_eq!((after.pending, after.view, after.committed), (0, before.view, before.committed));

    // Another request under that nonce is none from before: it is ordered, and told that the nonce is used up.
    let other = request(&cluster, &key, 1, b"other");
    assert_eq!(submit(&mut connection, &other).await.leaf.kind, ResultKind::NonceReused);
    let next = submit(&mut connection, &request(&cluster, &key, 2, b"next")).await;
    assert_eq!((next.leaf.kind, count_of(&next.answer)), (ResultKind::Applied, 4));
    cluster.stop().await;
}

// A node that has stopped has nothing open any more: not for a connection that was being served, and not for signatures that
// waited to be checked, whose requests were to be looked up in the state database.
// Faults: P16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_stopped_amid_a_flood_of_requests_can_be_started_at_once() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let keys: Vec<KeyPair> = (0..8).map(|_| KeyPair::generate().expect("random")).collect();
    let flood = |key: &KeyPair| {
        let requests = (1..=250).map(|nonce| request(&cluster, key, nonce, b"flood")).collect();
        ToReplica::Submit(BoundedVec::new(requests).unwrap())
    };
    let floods: Vec<ToReplica> = keys.iter().map(flood).collect();
    for _ in 0..4 {
        let mut connections = Vec::new();
        for (key, flood) in keys.iter().zip(&floods) {
            let mut connection = watch(&cluster, FOLLOWER, key).await;
            assert!(say(&mut connection.1, flood).await);
            connections.push(connection);
        }
        cluster.stop_replica(FOLLOWER).await.expect("stopped");
        cluster.start_replica(FOLLOWER).await.expect("started");
    }
    assert!(count_up(&cluster.client().await.expect("connected")).await > 0);
    cluster.stop().await;
}

// C6, D5: where blocks are given up, the last stable checkpoint outlives the processes that took it, also when the database has
// gone on since.
// Faults: X05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_checkpoint_is_served_after_a_restart_of_everybody_who_has_it() {
    const INTERVAL: u64 = 128;
    let builder =
        Cluster::of(4).checkpoint_interval(INTERVAL).configure(|config| config.limits.retain_blocks = 4);
    let mut cluster = builder.start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    cluster.stop_replica(LAST).await.expect("stopped");
    // Some 7 MB follow the checkpoint: each of them flushes its database before the next one.
    let payload = [b'x'; 60_000];
    for expected in 2..=245 {
        assert_eq!(crate::support::submit(&client, &payload).await, expected);
    }
    drop(client);
    let others = || (0..3).map(ReplicaId);
    for id in others() {
        until("all is told", || own(&cluster, id).executed >= 245).await;
        assert_eq!(own(&cluster, id).stable_checkpoint, INTERVAL);
    }
    for id in others() {
        cluster.stop_replica(id).await.expect("stopped");
    }
    for id in others() {
        cluster.start_replica(id).await.expect("started");
    }
    // Nobody says anything, so there is no later checkpoint: what the one that was away needs is this one.
    cluster.start_replica(LAST).await.expect("started");
    until("it has caught up", || own(&cluster, LAST).executed >= 245).await;
    assert_eq!(own(&cluster, LAST).stable_checkpoint, INTERVAL, "no later checkpoint was made");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 246);
    cluster.stop().await;
}
