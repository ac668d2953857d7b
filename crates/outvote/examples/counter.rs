//! The whole of a first replicated application: a counter on four replicas, one of which may lie.
//!
//! `cargo run --release -p outvote --example counter`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use outvote::{Answer, Application, Cluster, Context, Outcome, StateReader, StateWriter};

struct Counter;

fn number(bytes: Option<impl AsRef<[u8]>>) -> u64 {
    bytes.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl Application for Counter {
    fn apply(&self, _: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        if operation != b"up" {
            return Answer::refused("unknown-operation", "the counter only goes up");
        }
        let count = number(state.get(b"count")) + 1;
        state.put(b"count", &count.to_le_bytes());
        Answer::done(count.to_le_bytes().to_vec())
    }

    fn query(&self, _: &[u8], state: &StateReader<'_>) -> Answer {
        Answer::done(number(state.get(b"count")).to_le_bytes().to_vec())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = Cluster::start(4, || Counter).await?;
    let client = cluster.client().await?;
    for _ in 0..3 {
        if let Outcome::Committed(done) = client.submit_bytes(b"up".to_vec()).await?.outcome {
            println!("block {}: {:?}", done.sequence, done.answer());
        }
    }
    cluster.stop().await;
    Ok(())
}

#[test]
fn the_example_runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
