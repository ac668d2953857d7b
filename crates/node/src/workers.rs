//! Signature checks off the protocol's thread, in batches across messages, slots and clients.

use crate::error::NodeError;
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use crate::watch::Watch;
use outvote_crypto::{Check, Scheme};
use outvote_types::planted::{self, Bug};
use std::collections::VecDeque;

/// Signatures that one batch takes at most; beyond it a batch gains little and its verdict comes late.
const BATCH_CHECKS_MAX: usize = 256;
/// Of clients' signatures a batch takes at most so many.
const CLIENTS_CHECKS_MAX: usize = 128;

/// Takes the verdicts of one job, in the order of its checks.
pub(crate) type OnVerdicts = Box<dyn FnOnce(Vec<bool>) + Send>;

struct Job {
    checks: Vec<Check>,
    on_verdicts: OnVerdicts,
}

impl Job {
    /// A job without checks, of requests that are known already, costs its callback: it counts, too.
    fn cost(&self) -> usize {
        self.checks.len().max(1)
    }
}

/// What waits. B3: members' votes never stand behind clients' requests, nor those behind votes: they take turns. A batch of both
/// would give a proposal its verdicts only with those of as many clients.
#[derive(Default)]
struct Waiting {
    members: VecDeque<Job>,
    clients: VecDeque<Job>,
    /// Whether it is the clients' turn, if there are any.
    is_clients_turn: bool,
    is_over: bool,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Jobs are put in and taken out whole: a panic elsewhere leaves the queues whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job and takes along what else waits already, so that load makes batches and idleness makes none. Nothing
    /// when it is over.
    fn take(&self) -> Vec<Job> {
        let mut waiting = self.waiting();
        while waiting.members.is_empty() && waiting.clients.is_empty() {
            if waiting.is_over {
                return Vec::new();
            }
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            if planted::is_on(Bug::WokenForGood) {
                break;
            }
        }
        let Waiting { members, clients, is_clients_turn, .. } = &mut *waiting;
        let is_clients_turn_now = members.is_empty() || (*is_clients_turn && !clients.is_empty());
        *is_clients_turn = !is_clients_turn_now;
        let (queue, most) = match is_clients_turn_now {
            // What comes from members meanwhile waits for this and the rest of one job.
            true => (clients, CLIENTS_CHECKS_MAX),
            false => (members, BATCH_CHECKS_MAX),
        };
        let (mut jobs, mut total) = (Vec::new(), 0);
        while total < most
            && let Some(job) = queue.pop_front()
        {
            total += job.cost();
            jobs.push(job);
        }
        jobs
    }
}

/// Ends the threads when the last handle is gone.
struct Owner(Arc<Queue>);

impl Owner {
    fn end(&self) {
        let mut waiting = self.0.waiting();
        waiting.is_over = true;
        let never_done = (std::mem::take(&mut waiting.members), std::mem::take(&mut waiting.clients));
        drop(waiting);
        if planted::is_on(Bug::EndHeardByOne) {
            self.0.ready.notify_one();
        } else {
            self.0.ready.notify_all();
        }
        drop(never_done);
    }

    fn add(&self, put: impl FnOnce(&mut Waiting)) {
        if planted::is_on(Bug::WokenTooEarly) {
            self.0.ready.notify_one();
        }
        let mut waiting = self.0.waiting();
        if !waiting.is_over {
            put(&mut waiting);
        }
        drop(waiting);
        if !planted::is_on(Bug::WokenTooEarly) {
            self.0.ready.notify_one();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.end();
    }
}

/// A handle to the worker threads; they end when they are told to, or when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Workers {
    queue: Arc<Owner>,
}

impl Workers {
    /// Starts `count` threads that verify with `scheme`.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(scheme: &Arc<dyn Scheme>, count: usize, watch: &Watch) -> Result<Self, NodeError> {
        let owner = Owner(Arc::default());
        for index in 0..count {
            let (scheme, queue) = (Arc::clone(scheme), Arc::clone(&owner.0));
            watch.thread(&format!("verify-{index}"), move || {
                work(&*scheme, &queue);
                Ok(())
            })?;
        }
        Ok(Self { queue: Arc::new(owner) })
    }

    /// Queues a client's job. How much can wait is bounded by whoever hands jobs out (requests per client, bytes in all).
    pub(crate) fn verify(&self, checks: Vec<Check>, on_verdicts: OnVerdicts) {
        self.queue.add(|waiting| waiting.clients.push_back(Job { checks, on_verdicts }));
    }

    /// Queues a job for what members sent. How much can wait is bounded by whoever hands jobs out (jobs per peer).
    pub(crate) fn verify_of_members(&self, checks: Vec<Check>, on_verdicts: OnVerdicts) {
        self.queue.add(|waiting| waiting.members.push_back(Job { checks, on_verdicts }));
    }

    /// Ends the threads, without waiting. What waits for a verdict never gets one, and nothing of it is kept: a job holds what
    /// the answer to a client is looked up in, which is the state database.
    pub(crate) fn end(&self) {
        self.queue.end();
    }
}

fn work(scheme: &dyn Scheme, queue: &Queue) {
    loop {
        let jobs = queue.take();
        if jobs.is_empty() {
            return;
        }
        let checks: Vec<Check> = jobs.iter().flat_map(|job| job.checks.iter().cloned()).collect();
        let mut verdicts = scheme.verify(&checks).into_iter();
        for job in jobs {
            let own = verdicts.by_ref().take(job.checks.len()).collect();
            (job.on_verdicts)(own);
        }
    }
}
