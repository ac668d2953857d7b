//! A replica is never half alive: whoever works for it is watched, and what goes wrong is heard of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod error {
    pub(crate) use outvote_node::NodeError;
}

// No part of the crate's face, and they know nothing of the rest of it.
#[path = "../src/sync.rs"]
#[allow(unused_imports, reason = "what others share")]
mod sync;
#[path = "../src/watch.rs"]
mod watch;
#[path = "../src/workers.rs"]
#[allow(dead_code, reason = "what the core asks of the workers")]
mod workers;

use error::NodeError;
use outvote_crypto::{Check, KeyPair, Scheme};
use outvote_types::{PublicKey, Signature};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tokio::runtime::Handle;
use watch::Watch;
use workers::Workers;

/// Within this, what a thread ends of is heard; no test waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

fn watched() -> (Watch, Receiver<NodeError>) {
    let (failed, failures) = channel();
    (Watch::new(move |error| drop(failed.send(error))), failures)
}

/// Judges what it is given, and panics at a signature of zeros: a bug that one input in the world brings to light.
struct Fragile(KeyPair);

impl Scheme for Fragile {
    fn sign(&self, bytes: &[u8; 65]) -> Signature {
        self.0.sign_bytes(bytes)
    }
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }
    fn verify(&self, checks: &[Check]) -> Vec<bool> {
        assert!(checks.iter().all(|check| check.signature != Signature::default()), "the planted panic");
        vec![true; checks.len()]
    }
}

fn check(signature: Signature) -> Check {
    Check { key: PublicKey([1; 32]), bytes: [0; 65], signature }
}

/// The threads that verify work for everybody: with one of them gone and nobody told, votes would wait for ever.
// Faults: P19
#[test]
fn a_panic_in_a_thread_that_verifies_ends_the_replica() {
    let (watch, failures) = watched();
    let scheme: Arc<dyn Scheme> = Arc::new(Fragile(KeyPair::from_seed([1; 32])));
    let workers = Workers::start(&scheme, 2, &watch).unwrap();
    let (judged, verdicts) = channel();
    let good = check(scheme.sign(&[0; 65]));
    workers.verify(vec![good], Box::new(move |verdict| drop(judged.send(verdict))));
    assert_eq!(verdicts.recv_timeout(PATIENCE).unwrap(), [true]);
    assert!(failures.try_recv().is_err(), "all is well so far");
    workers.verify_of_members(vec![check(Signature::default())], Box::new(|_| {}));
    assert!(matches!(failures.recv_timeout(PATIENCE).unwrap(), NodeError::Panicked));
    // What is done with the verdicts runs on these threads, too.
    workers.verify(Vec::new(), Box::new(|_| panic!("the planted panic")));
    assert!(matches!(failures.recv_timeout(PATIENCE).unwrap(), NodeError::Panicked));
}

// Faults: P19
#[tokio::test]
async fn a_thread_or_a_task_that_panics_or_fails_is_heard_of_and_one_that_ends_is_not() {
    let (watch, failures) = watched();
    watch.thread("ends", || Ok(())).unwrap().join().unwrap();
    watch.task(&Handle::current(), async {}).await.unwrap();
    let aborted = watch.task(&Handle::current(), std::future::pending());
    aborted.abort();
    assert!(aborted.await.unwrap_err().is_cancelled());
    assert!(failures.try_recv().is_err(), "none of them failed");
    watch.thread("fails", || Err(NodeError::Federated)).unwrap().join().unwrap();
    assert!(matches!(failures.try_recv().unwrap(), NodeError::Federated));
    watch.thread("panics", || panic!("the planted panic")).unwrap().join().unwrap();
    assert!(matches!(failures.try_recv().unwrap(), NodeError::Panicked));
    watch.task(&Handle::current(), async { panic!("the planted panic") }).await.unwrap();
    assert!(matches!(failures.try_recv().unwrap(), NodeError::Panicked));
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { sources(&path, found) } else { found.push(path) }
    }
}

/// No part of the node starts a thread or a task of its own beside those that are watched. What serves one connection may: its
/// panic is that connection's end.
// Faults: P19
#[test]
fn whoever_works_for_a_replica_is_started_by_the_watch() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    sources(&root, &mut all);
    let mut starters = Vec::new();
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_starter =
            ["thread::spawn", "thread::Builder", "tokio::spawn"].iter().any(|by| text.contains(by));
        if is_starter {
            starters.push(path.strip_prefix(&root).unwrap().display().to_string());
        }
    }
    starters.sort();
    // The first has the state's commits: should it break off, that is an error of the execution thread, which waits for it and
    // is watched. The second compares two numbers every few seconds for `/readyz`, and decides nothing.
    assert_eq!(starters, ["committer.rs", "http/health.rs", "watch.rs"]);
}
