//! The stream of committed operations.

use crate::support::{BIG_BYTES, Counter, count_up, submit};
use outvote::{Answer, Blob, Client, Cluster, Operation, Outcome, ResultKind, Sequence};

/// Follows from a cursor until so many operations were applied; gives their payloads and the next cursor.
async fn take(client: &Client, from: Sequence, count: usize) -> (Vec<Vec<u8>>, Sequence) {
    let mut follow = client.follow(from).await.expect("followed");
    let (mut payloads, mut cursor) = (Vec::new(), from);
    while payloads.len() < count {
        let block = follow.next().await.expect("goes on").expect("a block");
        assert_eq!(block.header.sequence, cursor, "no block is left out or repeated");
        let applied = block.operations.iter().filter(|operation| operation.leaf.kind == ResultKind::Applied);
        payloads.extend(applied.map(|operation| operation.payload.to_vec()));
        // The user's database would store this together with what the block changed.
        cursor = block.header.sequence.next();
    }
    (payloads, cursor)
}

// Faults: K12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_cursor_resumes_exactly_once() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let writer = cluster.client().await.expect("connected");
    for index in 0..5 {
        submit(&writer, format!("first {index}").as_bytes()).await;
    }
    let reader = cluster.client().await.expect("connected");
    let (first, cursor) = take(&reader, Sequence(1), 5).await;
    drop(reader);
    for index in 0..100 {
        submit(&writer, format!("second {index}").as_bytes()).await;
    }
    let reader = cluster.client().await.expect("connected again");
    let (second, cursor) = take(&reader, cursor, 60).await;
    drop(reader);
    let reader = cluster.client().await.expect("connected again");
    let (third, _) = take(&reader, cursor, 40).await;
    let wanted = (0..5).map(|index| format!("first {index}"));
    let wanted = wanted.chain((0..100).map(|index| format!("second {index}")));
    let seen: Vec<Vec<u8>> = [first, second, third].concat();
    assert_eq!(seen, wanted.map(String::into_bytes).collect::<Vec<_>>());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_longer_than_a_message_come_in_pages() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let big = Operation { author: None, query: false, payload: Blob::new(b"big".to_vec()).unwrap() };
    let finished = client.start(vec![big; 12]).finished().await.expect("submitted");
    let Outcome::Committed(done) = finished.outcome else { panic!("not committed: {:?}", finished.outcome) };
    assert_eq!(done.results.len(), 12);
    let mut follow = client.follow(done.sequence).await.expect("followed");
    let block = follow.next().await.expect("goes on").expect("a block");
    assert_eq!(block.operations.len(), 12);
    for operation in &block.operations {
        let Answer::Done(bytes) = &operation.answer else { panic!("refused") };
        assert_eq!(bytes.len(), BIG_BYTES);
    }
    assert_eq!(count_up(&client).await, 13);
    cluster.stop().await;
}
