//! Every lie that `outvote traitor` knows, told by the leader and by a follower.

use crate::support::{Counter, count_of, count_up, leader, own};
use outvote::{Cluster, ReplicaId};
use std::time::Duration;

/// How long one operation may take while a lie is outvoted: less than the client's own patience, to tell what happened.
const PATIENCE: Duration = Duration::from_secs(9);

/// One liar a cluster, for f is 1 and a replica that has lied once counts as faulty ever after: first the leader, then in
/// another cluster a follower.
async fn lie(lie: &str) {
    for step in [0, 1] {
        let cluster = Cluster::start(4, Counter::default).await.expect("started");
        let client = cluster.client().await.expect("connected");
        assert_eq!(count_up(&client).await, 1);
        let liar = ReplicaId((leader(&cluster).0 + step) % 4);
        cluster.behave(liar, lie).expect("a demo cluster");
        for expected in 2..=6 {
            let counted = tokio::time::timeout(PATIENCE, count_up(&client)).await;
            let views = || (0..4).map(|id| own(&cluster, ReplicaId(id))).collect::<Vec<_>>();
            assert_eq!(counted.ok(), Some(expected), "while {liar} does {lie}: {:#?}", views());
        }
        let answer = client.query(Vec::new()).await.expect("a question is answered");
        assert_eq!(count_of(&answer.answer), 6, "while {liar} does {lie}");
        cluster.behave(liar, "honest").expect("a demo cluster");
        assert_eq!(count_up(&client).await, 7, "after {liar} did {lie}");
        cluster.stop().await;
    }
}

// Faults: R01, L03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_and_slowness_are_outvoted() {
    lie("mute").await;
    lie("slow").await;
}

// Faults: L01, R08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forks_and_forgeries_are_outvoted() {
    lie("equivocate").await;
    lie("forge").await;
}

// Faults: L09, L05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halved_batches_and_censorship_are_outvoted() {
    lie("half-batch").await;
    lie("censor").await;
}

// Faults: R20, N02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn false_answers_and_replays_are_outvoted() {
    lie("corrupt-answers").await;
    lie("replay").await;
}
