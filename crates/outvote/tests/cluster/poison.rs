//! Requests that are poison to whoever executes them.

use crate::support::{Counter, count_up, own, until, until_level};
use outvote::{
    Answer, Application, Blob, Cluster, Context, Operation, Outcome, ReplicaId, StateReader, StateWriter,
};
use std::time::Duration;

/// Counts as the counter does, panics at `panic`, and takes longer than two windows of the view at `slow`.
#[derive(Default)]
struct Delicate(Counter);

/// More than the time after which a leader that lets a request wait is deposed.
const SLOW: Duration = Duration::from_millis(1_300);

impl Application for Delicate {
    fn apply(&self, context: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        assert!(operation != b"panic", "the planted panic");
        if operation == b"slow" {
            std::thread::sleep(SLOW);
        }
        self.0.apply(context, operation, state)
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        self.0.query(question, state)
    }
}

fn operation(payload: &[u8]) -> Vec<Operation> {
    vec![Operation { author: None, query: false, payload: Blob::new(payload.to_vec()).unwrap() }]
}

/// A request on which every replica's application panics, the leader's first, is refused; one that stalls all of them is
/// executed once. In between and afterwards the others' requests are executed, each once, and no replica is worse off.
// Faults: L19, P07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_is_refused_and_the_others_go_on() {
    let mut cluster = Cluster::start(4, Delicate::default).await.expect("started");
    let (poisoner, client) =
        (cluster.client().await.expect("connected"), cluster.client().await.expect("connected"));
    assert_eq!(count_up(&client).await, 1);
    // Sent all at once, and the others' beside them.
    let poison: Vec<_> = (0..20).map(|_| poisoner.start(operation(b"panic"))).collect();
    for expected in 2..=40 {
        assert_eq!(count_up(&client).await, expected);
    }
    for poison in poison {
        let Outcome::Rejected(rejected) = poison.finished().await.expect("answered").outcome else {
            panic!("poison has an outcome like any other request")
        };
        assert_eq!(rejected.code, "application-panicked");
    }
    // One that stalls whoever executes it, and so every leader in turn.
    let slow = poisoner.start(operation(b"slow"));
    let others = async {
        for _ in 0..10 {
            count_up(&client).await;
        }
    };
    let (finished, ()) = tokio::join!(slow.finished(), others);
    assert!(matches!(finished.expect("answered").outcome, Outcome::Committed(_)));
    assert_eq!(count_up(&client).await, 52, "40, one that was slow, ten beside it, and this one");
    for id in (1..4).map(ReplicaId) {
        until_level(&cluster, id, ReplicaId(0)).await;
        until("its state is that of the others", || {
            let (own, first) = (own(&cluster, id), own(&cluster, ReplicaId(0)));
            own.executed == first.executed && !own.repairing
        })
        .await;
    }
    // Whoever starts again executes it again, and is there again.
    cluster.stop_replica(ReplicaId(0)).await.expect("stopped");
    cluster.start_replica(ReplicaId(0)).await.expect("started");
    assert_eq!(count_up(&client).await, 53);
    until_level(&cluster, ReplicaId(0), ReplicaId(1)).await;
    cluster.stop().await;
}
