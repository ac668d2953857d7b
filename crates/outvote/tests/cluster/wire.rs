//! Clients that misbehave on the wire: each hurts only itself.

use crate::support::{Counter, count_up};
use outvote::{Blob, Cluster, KeyPair, Nonce, Operation, ReplicaId, Sequence};
use outvote_crypto::sign_request;
use outvote_transport::{FrameReader, FrameWriter, Limits, connect_client};
use outvote_types::{
    BoundedVec, Domain, Request, RequestBody, Signature, ToClient, ToReplica, decode, encode,
};
use std::time::{Duration, Instant};

const FIRST: ReplicaId = ReplicaId(0);
/// How long anything here may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(cluster: &Cluster) -> (FrameReader, FrameWriter) {
    connect_to(cluster, FIRST).await
}

/// A connection of our own to one replica.
pub(crate) async fn connect_to(cluster: &Cluster, id: ReplicaId) -> (FrameReader, FrameWriter) {
    let file = cluster.committee();
    let key = file.committee.members[id.index()].link_key;
    connect_client(file.address(id).unwrap(), key, &Limits::default()).await.expect("connected")
}

pub(crate) async fn say(writer: &mut FrameWriter, message: &ToReplica) -> bool {
    writer.send(&[encode(message)]).await.is_ok()
}

/// The next message, or `None` at the end of the connection.
pub(crate) async fn hear(reader: &mut FrameReader) -> Option<ToClient> {
    let heard = tokio::time::timeout(PATIENCE, reader.next()).await.expect("not for ever");
    heard.ok().flatten().map(|frame| decode(&frame).expect("a message"))
}

// B4
// Faults: M01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_message_end_the_connection_and_nothing_else() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for nonsense in
        [vec![0xFF; 40], encode(&ToReplica::Follow { from: Sequence(1) })[..5].to_vec(), Vec::new()]
    {
        let (mut reader, mut writer) = connect(&cluster).await;
        assert!(matches!(hear(&mut reader).await, Some(ToClient::Welcome { .. })));
        let _ = writer.send(&[nonsense]).await;
        assert_eq!(hear(&mut reader).await, None);
    }
    for expected in 1..=3 {
        assert_eq!(count_up(&client).await, expected);
    }
    cluster.stop().await;
}

// P9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_signature_is_named_and_its_connection_cut_off_while_others_go_on() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let (mut reader, mut writer) = connect(&cluster).await;
    assert!(matches!(hear(&mut reader).await, Some(ToClient::Welcome { .. })));
    let session = KeyPair::generate().expect("random").public_key();
    let payload = Blob::new(b"forged".to_vec()).unwrap();
    let operations = BoundedVec::new(vec![Operation { author: None, query: false, payload }]).unwrap();
    let body = RequestBody { session, nonce: Nonce(1), operations };
    let forged = Request { body: body.into(), signature: Signature([7; 64]) };
    let begun = Instant::now();
    assert!(say(&mut writer, &ToReplica::Submit(BoundedVec::new(vec![forged]).unwrap())).await);
    let Some(ToClient::Invalid { session: named, nonce, reason }) = hear(&mut reader).await else {
        panic!("the client is told")
    };
    assert_eq!((named, nonce), (session, Nonce(1)));
    assert!(!reason.is_empty());
    for expected in 1..=5 {
        assert_eq!(count_up(&client).await, expected, "another client behind the same address");
    }
    assert_eq!(hear(&mut reader).await, None, "the connection is closed");
    assert!(begun.elapsed() >= Duration::from_secs(2), "after a while, so that a flood is slow");
    cluster.stop().await;
}

// B1, B3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_and_never_reads_is_disconnected_while_others_go_on() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let (mut reader, mut writer) = connect(&cluster).await;
    // It goes on asking until the connection is gone, a while after each 100 questions.
    let asking = tokio::spawn(async move {
        for id in 0.. {
            let question = Blob::new(b"big".to_vec()).unwrap();
            if !say(&mut writer, &ToReplica::Query { id, min_sequence: Sequence(0), question }).await {
                return id;
            }
            if id % 100 == 99 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        0
    });
    for expected in 1..=20 {
        assert_eq!(count_up(&client).await, expected);
    }
    let asked = tokio::time::timeout(PATIENCE, asking).await.expect("disconnected").expect("asked");
    let mut answers = 0;
    while let Some(message) = hear(&mut reader).await {
        answers += u64::from(matches!(message, ToClient::Answer { .. }));
    }
    assert!(asked >= 40 && answers < 100, "{asked} MB were asked for, and {answers} MB were kept for it");
    cluster.stop().await;
}

/// A request of a session of its own.
fn request_of(cluster: &Cluster, key: &KeyPair) -> Request {
    let payload = Blob::new(b"up".to_vec()).unwrap();
    let operations = BoundedVec::new(vec![Operation { author: None, query: false, payload }]).unwrap();
    let body = RequestBody { session: key.public_key(), nonce: Nonce(1), operations };
    sign_request(key, &Domain::clients(&cluster.committee().committee.cluster_id()), body)
}

// P8: a request of a session that is new costs 20 signatures besides its own: 95 requests a second, 24 of them at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_good_requests_waits_at_its_own_door_while_others_go_on() {
    let builder = Cluster::of(4).configure(|config| config.limits.client_signatures_per_second = 2000);
    let cluster = builder.start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let (mut reader, mut writer) = connect(&cluster).await;
    let keys: Vec<KeyPair> = (0..250).map(|_| KeyPair::generate().expect("random")).collect();
    let sessions = keys.iter().map(KeyPair::public_key).collect();
    assert!(say(&mut writer, &ToReplica::Watch(BoundedVec::new(sessions).unwrap())).await);
    let begun = Instant::now();
    for portion in keys.chunks(25) {
        let requests = portion.iter().map(|key| request_of(&cluster, key)).collect();
        assert!(say(&mut writer, &ToReplica::Submit(BoundedVec::new(requests).unwrap())).await);
    }
    let counting = tokio::spawn(async move {
        let begun = Instant::now();
        for _ in 0..10 {
            count_up(&client).await;
        }
        begun.elapsed()
    });
    let mut settled = 0;
    while settled < keys.len() {
        if let ToClient::Results { results, .. } = hear(&mut reader).await.expect("an answer") {
            settled += results.len();
        }
    }
    // The last portion is read once the nine before it have had their time, less what may come at once.
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(9 * 25 * 21 / 2 - 250), "{took:?}");
    let others = counting.await.expect("counted");
    assert!(others < took, "the others did not wait for the flood: {others:?} and {took:?}");
    cluster.stop().await;
}
