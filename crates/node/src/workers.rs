//! Signature checks off the protocol's thread, in batches across messages, slots and clients.

use crate::error::NodeError;
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use crate::watch::Watch;
use outvote_crypto::{Check, Scheme};
use outvote_types::planted::{self, Bug};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Signatures that one batch takes at most; beyond it a batch gains little and its verdict comes late.
const BATCH_CHECKS_MAX: usize = 256;

/// Clients' signatures gather for this part of the time that a commit takes, while they keep coming: one that is checked with seven
/// others costs half of what it costs alone. The first one after a quiet time is not kept waiting.
const GATHER_PART: u32 = 4;
/// And for no longer than this.
const GATHER_MAX: Duration = Duration::from_millis(10);
/// Clients' signatures that are not kept waiting for more: with so many in a batch there is little left to gain.
const GATHERED_CHECKS: usize = 64;

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

/// What waits. B3: members' votes never stand behind clients' requests, nor those behind votes: each batch takes of both.
#[derive(Default)]
struct Waiting {
    members: VecDeque<Job>,
    clients: VecDeque<Job>,
    /// What the clients' jobs cost together.
    clients_cost: usize,
    /// How long clients' jobs gather.
    gather: Duration,
    /// Before this moment they do.
    clients_due: Option<Instant>,
    /// Whether a thread sleeps until then. It needs no waking for every job.
    is_gathering: bool,
    is_over: bool,
}

/// What a thread does next.
enum Next {
    Take,
    Sleep,
    Gather(Duration),
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.members.is_empty() && self.clients.is_empty()
    }

    fn next(&self, now: Instant) -> Next {
        if !self.members.is_empty() {
            return Next::Take;
        }
        if self.clients.is_empty() {
            return Next::Sleep;
        }
        let left = self.clients_due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        if left.is_zero() || self.clients_cost >= GATHERED_CHECKS { Next::Take } else { Next::Gather(left) }
    }

    /// Takes jobs of both kinds; each has a share of its own: one huge job of a member takes nothing from the clients'.
    fn take(&mut self, now: Instant) -> Vec<Job> {
        let mut jobs = Vec::new();
        let is_shared = !self.members.is_empty() && !self.clients.is_empty();
        let share = if is_shared { BATCH_CHECKS_MAX / 2 } else { BATCH_CHECKS_MAX };
        pop(&mut self.members, share, &mut jobs);
        let taken = pop(&mut self.clients, share, &mut jobs);
        if taken > 0 {
            self.clients_cost -= taken;
            self.clients_due = Some(now + self.gather);
        }
        jobs
    }
}

/// Moves jobs over until they come to `share`; what they cost.
fn pop(queue: &mut VecDeque<Job>, share: usize, jobs: &mut Vec<Job>) -> usize {
    let mut total = 0;
    while total < share
        && let Some(job) = queue.pop_front()
    {
        total += job.cost();
        jobs.push(job);
    }
    total
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
        loop {
            if waiting.is_over {
                return Vec::new();
            }
            let now = Instant::now();
            waiting = match waiting.next(now) {
                Next::Take => {
                    let jobs = waiting.take(now);
                    // What is left is for another thread, if there is one that sleeps.
                    if !waiting.is_empty() {
                        self.ready.notify_one();
                    }
                    return jobs;
                }
                Next::Sleep => {
                    let waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                    if planted::is_on(Bug::WokenForGood) && waiting.is_empty() {
                        return Vec::new();
                    }
                    waiting
                }
                Next::Gather(left) => {
                    waiting.is_gathering = true;
                    let woken = self.ready.wait_timeout(waiting, left);
                    let (mut waiting, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                    waiting.is_gathering = false;
                    if timeout.timed_out() {
                        waiting.clients_due = None;
                    }
                    waiting
                }
            };
        }
    }
}

/// Ends the threads when the last handle is gone.
struct Owner(Arc<Queue>);

impl Owner {
    fn end(&self) {
        let mut waiting = self.0.waiting();
        waiting.is_over = true;
        let never_done = (std::mem::take(&mut waiting.members), std::mem::take(&mut waiting.clients));
        waiting.clients_cost = 0;
        drop(waiting);
        if planted::is_on(Bug::EndHeardByOne) {
            self.0.ready.notify_one();
        } else {
            self.0.ready.notify_all();
        }
        drop(never_done);
    }

    fn add_of_member(&self, job: Job) {
        if planted::is_on(Bug::WokenTooEarly) {
            self.0.ready.notify_one();
        }
        let mut waiting = self.0.waiting();
        if !waiting.is_over {
            waiting.members.push_back(job);
        }
        drop(waiting);
        if !planted::is_on(Bug::WokenTooEarly) {
            self.0.ready.notify_one();
        }
    }

    fn add_of_client(&self, job: Job) {
        let mut waiting = self.0.waiting();
        if !waiting.is_over {
            waiting.clients_cost += job.cost();
            waiting.clients.push_back(job);
        }
        let is_seen_to = waiting.is_gathering && waiting.clients_cost < GATHERED_CHECKS;
        drop(waiting);
        if !is_seen_to {
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
        self.queue.add_of_client(Job { checks, on_verdicts });
    }

    /// Queues a job for what members sent. How much can wait is bounded by whoever hands jobs out (jobs per peer).
    pub(crate) fn verify_of_members(&self, checks: Vec<Check>, on_verdicts: OnVerdicts) {
        self.queue.add_of_member(Job { checks, on_verdicts });
    }

    /// Commits take about so long now: clients' signatures may take a part of that.
    pub(crate) fn on_commit_time(&self, time: Duration) {
        self.queue.0.waiting().gather = (time / GATHER_PART).min(GATHER_MAX);
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
