//! Four real replicas in one process: keys, TLS, disks, votes and a client that trusts nobody.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use outvote::{Answer, Application, Client, Cluster, Context, Outcome, ReplicaId, StateReader, StateWriter};

struct Counter;

impl Application for Counter {
    fn apply(&self, _: &Context, _: &[u8], state: &mut StateWriter<'_>) -> Answer {
        let count =
            state.get(b"count").map_or(0, |bytes| u64::from_le_bytes(bytes[..].try_into().unwrap())) + 1;
        state.put(b"count", &count.to_le_bytes());
        Answer::done(count.to_le_bytes().to_vec())
    }
    fn query(&self, _: &[u8], state: &StateReader<'_>) -> Answer {
        Answer::done(state.get(b"count").map(|bytes| bytes.to_vec()).unwrap_or_default())
    }
}

async fn count_up(client: &Client) -> u64 {
    let finished = client.submit_bytes(b"up".to_vec()).await.expect("submitted");
    let Outcome::Committed(done) = finished.outcome else { panic!("not committed: {:?}", finished.outcome) };
    match done.answer() {
        Some(Answer::Done(bytes)) => u64::from_le_bytes(bytes[..].try_into().unwrap()),
        other => panic!("no count: {other:?}"),
    }
}

fn leader(cluster: &Cluster) -> ReplicaId {
    let views = (0..4)
        .filter_map(|id| cluster.report(ReplicaId(id)).map(|report| report.replicas[usize::from(id)].view));
    ReplicaId((views.max().unwrap() % 4) as u16)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_counts_through_a_stopped_leader_and_its_return() {
    let mut cluster = Cluster::start(4, || Counter).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=5 {
        assert_eq!(count_up(&client).await, expected);
    }
    let first = leader(&cluster);
    cluster.stop_replica(first).await.expect("stopped");
    for expected in 6..=10 {
        assert_eq!(count_up(&client).await, expected);
    }
    assert_ne!(leader(&cluster), first, "the others crowned a new leader");
    cluster.start_replica(first).await.expect("started again");
    for expected in 11..=15 {
        assert_eq!(count_up(&client).await, expected);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equivocating_leader_is_outvoted_and_named() {
    let cluster = Cluster::start(4, || Counter).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    let liar = leader(&cluster);
    cluster.behave(liar, "equivocate").expect("a demo cluster");
    for expected in 2..=10 {
        assert_eq!(count_up(&client).await, expected);
    }
    let accused = (0..4)
        .filter(|id| ReplicaId(*id) != liar)
        .filter_map(|id| cluster.report(ReplicaId(id)))
        .any(|report| report.evidence.iter().any(|evidence| evidence.accused == liar.0));
    assert!(accused, "an honest replica holds the proof");
    cluster.stop().await;
}
