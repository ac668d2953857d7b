//! `/livez` and `/readyz`: "restart me" and "do not send me work" are two questions.

use super::PROGRESS_WINDOW;
use super::error::ApiError;
use super::openapi::Route;
use crate::handle::NodeHandle;
use crate::report::Report;
use axum::extract::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether work waits and nothing commits; looked at by a task every few seconds.
#[derive(Clone)]
pub(crate) struct Health {
    handle: NodeHandle,
    is_stuck: Arc<AtomicBool>,
}

impl Health {
    /// Starts the task that compares commits with waiting work.
    pub(crate) fn watch(handle: &NodeHandle) -> Self {
        let is_stuck = Arc::new(AtomicBool::new(false));
        let (task_handle, flag) = (handle.clone(), Arc::clone(&is_stuck));
        tokio::spawn(async move {
            let mut before = own(&task_handle.report());
            loop {
                tokio::time::sleep(PROGRESS_WINDOW).await;
                let now = own(&task_handle.report());
                flag.store(now.1 > 0 && before.1 > 0 && now.0 == before.0, Ordering::Relaxed);
                before = now;
            }
        });
        Self { handle: handle.clone(), is_stuck }
    }
}

/// Committed, pending.
fn own(report: &Report) -> (u64, usize) {
    report.replicas.get(usize::from(report.me)).map_or((0, 0), |replica| (replica.committed, replica.pending))
}

/// The process lives.
pub(crate) async fn livez() -> &'static str {
    "alive\n"
}

pub(crate) fn about_readyz() -> Route {
    let about = "The replica can serve: caught up, a quorum reachable, and waiting work commits; else 503";
    Route::text(about, "text/plain")
}

/// The replica can serve: caught up, a quorum reachable, and work that waits commits.
pub(crate) async fn readyz(State(health): State<Health>) -> Result<&'static str, ApiError> {
    let report = health.handle.report();
    let reachable = report.replicas.iter().filter(|replica| replica.reachable).count();
    let Some(me) = report.replicas.get(usize::from(report.me)) else {
        return Err(ApiError::unavailable("not started", "try again in a second"));
    };
    if reachable < report.quorum {
        let message =
            format!("{reachable} of {} replicas are reachable, {} are needed", report.n, report.quorum);
        return Err(ApiError::unavailable(message, "start the others, or see `outvote doctor`"));
    }
    if me.repairing {
        return Err(ApiError::unavailable("this replica repairs its state", "ask another replica meanwhile"));
    }
    if me.disk_stuck {
        let message = "this replica's disk does not finish a write";
        return Err(ApiError::unavailable(
            message,
            "check the disk or the volume under data/; ask another replica meanwhile",
        ));
    }
    if health.is_stuck.load(Ordering::Relaxed) {
        return Err(ApiError::unavailable("work is waiting and nothing commits", "see `outvote doctor`"));
    }
    let most = report.replicas.iter().map(|replica| replica.stable_checkpoint).max().unwrap_or(0);
    if me.committed < most {
        let message = format!("this replica is catching up: {} of at least {most} blocks", me.committed);
        return Err(ApiError::unavailable(message, "try again soon, or ask another replica"));
    }
    Ok("ready\n")
}
