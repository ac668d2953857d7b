//! Signature checks off the protocol's thread, in batches across messages, slots and clients.

use crate::error::NodeError;
use outvote_crypto::{Check, Scheme};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Signatures that one batch takes at most; beyond it a batch gains little and its verdict comes late.
const BATCH_CHECKS_MAX: usize = 256;

/// Takes the verdicts of one job, in the order of its checks.
pub(crate) type OnVerdicts = Box<dyn FnOnce(Vec<bool>) + Send>;

struct Job {
    checks: Vec<Check>,
    on_verdicts: OnVerdicts,
}

/// A handle to the worker threads; they end when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Workers {
    jobs: Sender<Job>,
}

impl Workers {
    /// Starts `count` threads that verify with `scheme`.
    pub(crate) fn start(scheme: &Arc<dyn Scheme>, count: usize) -> Result<Self, NodeError> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..count {
            let (scheme, queue) = (Arc::clone(scheme), Arc::clone(&queue));
            thread::Builder::new()
                .name(format!("verify-{index}"))
                .spawn(move || work(&*scheme, &queue))
                .map_err(NodeError::Thread)?;
        }
        Ok(Self { jobs })
    }

    /// Queues a job. How much can wait is bounded by whoever hands jobs out (bytes per peer, requests per client).
    pub(crate) fn verify(&self, checks: Vec<Check>, on_verdicts: OnVerdicts) {
        // A failure means that the node is stopping and nobody waits for the verdicts.
        let _ = self.jobs.send(Job { checks, on_verdicts });
    }
}

fn work(scheme: &dyn Scheme, queue: &Mutex<Receiver<Job>>) {
    while let Some(jobs) = take(queue) {
        let checks: Vec<Check> = jobs.iter().flat_map(|job| job.checks.iter().cloned()).collect();
        let mut verdicts = scheme.verify(&checks).into_iter();
        for job in jobs {
            let own = verdicts.by_ref().take(job.checks.len()).collect();
            (job.on_verdicts)(own);
        }
    }
}

/// Waits for a job and takes along what else waits already, so that load makes batches and idleness makes none.
fn take(queue: &Mutex<Receiver<Job>>) -> Option<Vec<Job>> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let first = queue.recv().ok()?;
    // A job without checks, of requests that are known already, costs its callback: it counts, too.
    let mut total = first.checks.len().max(1);
    let mut jobs = vec![first];
    while total < BATCH_CHECKS_MAX {
        let Ok(job) = queue.try_recv() else { break };
        total += job.checks.len().max(1);
        jobs.push(job);
    }
    Some(jobs)
}
