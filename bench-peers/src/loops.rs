//! Closed and open loops.

use crate::recorder::{Latency, Recorder};
use crate::target::{Payload, Target};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Failures after which a measurement makes no sense.
const FAILURES_MAX: u64 = 1000;
/// How long the last operations may take.
const LAST_OPERATIONS: Duration = Duration::from_secs(20);
/// Operations that the open loop has under way at most; beyond it the rate is hopeless.
const UNDER_WAY_MAX: usize = 100_000;
/// A client whose operation failed waits so long before the next.
const FAILED_PAUSE: Duration = Duration::from_millis(10);
/// How often the open loop looks at its clock: the kernel's timers are no finer by much.
const TICK: Duration = Duration::from_millis(1);

/// How much of what is sent.
#[derive(Clone, Debug)]
pub struct Load {
    /// Clients with one operation in flight each.
    pub clients: usize,
    /// What they write.
    pub payload: Payload,
    /// How long the load runs before.
    pub warm_up: Duration,
    /// How long is measured.
    pub measured: Duration,
    /// Operations a second for an open loop; closed without.
    pub rate: Option<f64>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Operations that committed in that time, a second.
    pub ops_per_s: f64,
    /// From the intended start to the answer.
    pub latency_ms: Latency,
    /// Operations that committed.
    pub committed_ops: u64,
    /// Operations that failed, with the first reason.
    pub failed_ops: u64,
    /// The first failure.
    pub first_failure: Option<String>,
}

/// Runs a load.
///
/// # Errors
/// When the cluster fails it.
pub async fn measure(target: Arc<Target>, load: &Load) -> Result<Measured, String> {
    let from = Instant::now() + load.warm_up;
    let until = from + load.measured;
    let recorder = Arc::new(Recorder::new(from, until));
    let mut tasks = JoinSet::new();
    match load.rate {
        None => closed(&target, load, until, &recorder, &mut tasks),
        Some(rate) => open(&target, load, rate, until, &recorder, &mut tasks).await,
    }
    tokio::time::sleep_until(until.into()).await;
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_OPERATIONS, all).await.is_err() {
        recorder.failed("the last operations did not end".to_owned());
    }
    let (committed_ops, failed_ops, first_failure) = recorder.counts();
    if failed_ops > FAILURES_MAX || committed_ops == 0 {
        let why = first_failure.unwrap_or_else(|| "nothing committed".to_owned());
        return Err(format!("{failed_ops} operations failed, first: {why}"));
    }
    Ok(Measured {
        ops_per_s: committed_ops as f64 / load.measured.as_secs_f64(),
        latency_ms: recorder.latency(),
        committed_ops,
        failed_ops,
        first_failure,
    })
}

fn closed(
    target: &Arc<Target>,
    load: &Load,
    until: Instant,
    recorder: &Arc<Recorder>,
    tasks: &mut JoinSet<()>,
) {
    for client in 0..load.clients {
        let (target, recorder, payload) = (target.clone(), recorder.clone(), load.payload.clone());
        tasks.spawn(async move {
            for number in 0.. {
                let begun = Instant::now();
                if begun >= until {
                    return;
                }
                match target.put(client, payload.operation(client, number)).await {
                    Ok(()) => recorder.committed(begun, Instant::now()),
                    Err(why) => {
                        recorder.failed(why);
                        tokio::time::sleep(FAILED_PAUSE).await;
                    }
                }
            }
        });
    }
}

/// Starts operations at an even rate, whatever becomes of them.
async fn open(
    target: &Arc<Target>,
    load: &Load,
    rate: f64,
    until: Instant,
    recorder: &Arc<Recorder>,
    tasks: &mut JoinSet<()>,
) {
    let begun = Instant::now();
    for number in 0u64.. {
        let intended = begun + Duration::from_secs_f64(number as f64 / rate);
        if intended >= until {
            return;
        }
        while Instant::now() < intended {
            tokio::time::sleep(TICK.min(intended.saturating_duration_since(Instant::now()))).await;
        }
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= UNDER_WAY_MAX {
            tasks.join_next().await;
        }
        let client = usize::try_from(number).unwrap_or_default() % load.clients;
        let (target, recorder) = (target.clone(), recorder.clone());
        let operation = load.payload.operation(client, number);
        tasks.spawn(async move {
            match target.put(client, operation).await {
                Ok(()) => recorder.committed(intended, Instant::now()),
                Err(why) => recorder.failed(why),
            }
        });
    }
}
