//! Every lie that `outvote traitor` knows, told by the leader and by a follower.

use crate::support::{Counter, count_up, leader};
use outvote::{Cluster, ReplicaId};

const LIES: [&str; 8] =
    ["mute", "equivocate", "forge", "half-batch", "slow", "censor", "corrupt-answers", "replay"];

async fn lie(lies: &[&str]) {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let mut expected = 0;
    for lie in lies {
        // Once as the leader, once as whoever comes after it.
        for step in [0, 1] {
            let liar = ReplicaId((leader(&cluster).0 + step) % 4);
            cluster.behave(liar, lie).expect("a demo cluster");
            for _ in 0..3 {
                expected += 1;
                assert_eq!(count_up(&client).await, expected, "while {liar} does {lie}");
            }
            let answer = client.query(Vec::new()).await.expect("a question is answered");
            assert_eq!(crate::support::count_of(&answer.answer), expected, "while {liar} does {lie}");
            cluster.behave(liar, "honest").expect("a demo cluster");
            expected += 1;
            assert_eq!(count_up(&client).await, expected, "after {liar} did {lie}");
        }
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_forks_forgeries_and_halved_batches_are_outvoted() {
    lie(&LIES[..4]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slowness_censorship_false_answers_and_replays_are_outvoted() {
    lie(&LIES[4..]).await;
}
