//! Applications and helpers that the tests share.

use outvote::{
    Answer, Application, Client, Cluster, Context, Finished, Outcome, ReplicaId, StateReader, StateWriter,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Counts operations; answers with the count. An operation that begins with `no` is refused; `big` is answered at length.
#[derive(Default)]
pub(crate) struct Counter {
    /// While it is set, this replica counts wrongly.
    pub(crate) is_wrong: Option<Arc<AtomicBool>>,
}

/// The length of an answer to `big`.
pub(crate) const BIG_BYTES: usize = 1_000_000;

fn number(bytes: Option<impl AsRef<[u8]>>) -> u64 {
    bytes.map_or(0, |bytes| u64::from_le_bytes(bytes.as_ref().try_into().unwrap()))
}

impl Application for Counter {
    fn apply(&self, _: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        if operation.starts_with(b"no") {
            return Answer::refused("said-no", "the operation asked for it");
        }
        let is_wrong = self.is_wrong.as_ref().is_some_and(|flag| flag.load(Ordering::SeqCst));
        let count = number(state.get(b"count")) + if is_wrong { 1000 } else { 1 };
        state.put(b"count", &count.to_le_bytes());
        let mut answer = count.to_le_bytes().to_vec();
        if operation.starts_with(b"big") {
            answer.resize(BIG_BYTES, 7);
        }
        Answer::done(answer)
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        let mut answer = number(state.get(b"count")).to_le_bytes().to_vec();
        if question == b"big" {
            answer.resize(BIG_BYTES, 7);
        }
        Answer::done(answer)
    }
}

/// The count that an operation led to.
pub(crate) async fn submit(client: &Client, operation: &[u8]) -> u64 {
    let finished = client.submit_bytes(operation.to_vec()).await.expect("submitted");
    committed(finished.outcome)
}

/// The same for a request of which nothing was known at its deadline: its client asks again.
pub(crate) async fn in_the_end(client: &Client, finished: Finished) -> u64 {
    let Finished { ticket, mut outcome } = finished;
    for _ in 0..20 {
        if !matches!(outcome, Outcome::Pending) {
            break;
        }
        outcome = client.ask_again(ticket).await.expect("known").outcome;
    }
    committed(outcome)
}

fn committed(outcome: Outcome) -> u64 {
    let Outcome::Committed(done) = outcome else { panic!("not committed: {outcome:?}") };
    count_of(done.answer().expect("an answer"))
}

pub(crate) fn count_of(answer: &Answer) -> u64 {
    match answer {
        Answer::Done(bytes) => u64::from_le_bytes(bytes[..8].try_into().unwrap()),
        Answer::Refused { code, message } => panic!("refused: {code}: {message}"),
    }
}

pub(crate) async fn count_up(client: &Client) -> u64 {
    submit(client, b"up").await
}

pub(crate) fn leader(cluster: &Cluster) -> ReplicaId {
    let views = (0..4)
        .filter_map(|id| cluster.report(ReplicaId(id)).map(|report| report.replicas[usize::from(id)].view));
    ReplicaId((views.max().unwrap() % 4) as u16)
}

/// A replica's own line in its own report.
pub(crate) fn own(cluster: &Cluster, id: ReplicaId) -> outvote::ReplicaReport {
    cluster.report(id).expect("running").replicas[id.index()].clone()
}

/// Waits until this holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() >= Duration::from_secs(30) {
            panic!("not within 30 s: {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until this replica has executed what that one has.
pub(crate) async fn until_level(cluster: &Cluster, id: ReplicaId, with: ReplicaId) {
    // A report is renewed every 100 ms: what it says now may be from before the operations that the test has just done.
    let before = own(cluster, with).executed;
    let begun = Instant::now();
    while own(cluster, with).executed == before && begun.elapsed() < Duration::from_millis(300) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let goal = own(cluster, with).executed;
    until(&format!("replica {id} executed block {goal}"), || own(cluster, id).executed >= goal).await;
}
