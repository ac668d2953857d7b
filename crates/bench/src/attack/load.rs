//! The honest users of a row: an even rate that never waits, or as much as there is.

use super::timeline::Timeline;
use crate::error::BenchError;
use crate::load::{Worker, dispatch, workers};
use crate::options::Options;
use crate::payloads::Payloads;
use outvote_client::CommitteeFile;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Honest users at an even rate.
const USERS: usize = 64;
/// Honest users who ask for all that there is, and requests of each under way.
const IN_FLIGHT: usize = 4;
/// Honest users who ask for ten times what there is: each has at most a window of requests under way.
const CROWD: usize = 1024;

type Tasks = JoinSet<Result<(), BenchError>>;

/// Users at work. They stop when this is dropped.
pub(crate) struct Load {
    tasks: Tasks,
    is_over: Arc<AtomicBool>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

async fn users(file: &CommitteeFile, clients: usize) -> Result<Vec<Worker>, BenchError> {
    let options = Options { clients, connections: clients.div_ceil(128), ..Options::default() };
    workers(file, &options, &Payloads::new(&options)?, true).await
}

impl Load {
    fn of(tasks: Tasks) -> Self {
        Self { tasks, is_over: Arc::default() }
    }

    /// So many operations a second, whatever the cluster does.
    pub(crate) async fn open(
        file: &CommitteeFile,
        rate: f64,
        timeline: &Arc<Timeline>,
    ) -> Result<Self, BenchError> {
        Self::at(file, USERS, rate, timeline).await
    }

    /// Ten times what the cluster can do.
    pub(crate) async fn overload(
        file: &CommitteeFile,
        saturation: f64,
        timeline: &Arc<Timeline>,
    ) -> Result<Self, BenchError> {
        Self::at(file, CROWD, saturation * 10.0, timeline).await
    }

    async fn at(
        file: &CommitteeFile,
        clients: usize,
        rate: f64,
        timeline: &Arc<Timeline>,
    ) -> Result<Self, BenchError> {
        let workers = users(file, clients).await?;
        let mut load = Self::of(Tasks::new());
        let is_over = Arc::clone(&load.is_over);
        let starts = dispatch(clients, rate, move |_| is_over.load(Ordering::Relaxed))?;
        for (worker, starts) in workers.into_iter().zip(starts) {
            load.tasks.spawn(worker.open(starts, Arc::clone(timeline) as _));
        }
        Ok(load)
    }

    /// As much as there is.
    pub(crate) async fn closed(file: &CommitteeFile, timeline: &Arc<Timeline>) -> Result<Self, BenchError> {
        Self::waiting(file, (USERS, IN_FLIGHT), timeline).await
    }

    /// As much as there is for as many users as [`Self::overload`] has: each key of its own costs those who check its signatures.
    pub(crate) async fn closed_crowd(
        file: &CommitteeFile,
        timeline: &Arc<Timeline>,
    ) -> Result<Self, BenchError> {
        Self::waiting(file, (CROWD, 1), timeline).await
    }

    async fn waiting(
        file: &CommitteeFile,
        (clients, in_flight): (usize, usize),
        timeline: &Arc<Timeline>,
    ) -> Result<Self, BenchError> {
        let mut load = Self::of(Tasks::new());
        // The end is when this is dropped.
        let until = Instant::now() + Duration::from_secs(3600);
        for worker in users(file, clients).await? {
            load.tasks.spawn(worker.closed(in_flight, until, Arc::clone(timeline) as _));
        }
        Ok(load)
    }

    /// Goes on for a while, and ends early when a user fails.
    pub(crate) async fn go_on(&mut self, pause: Duration) -> Result<(), BenchError> {
        let failed = async {
            loop {
                match self.tasks.join_next().await {
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => return error,
                    Some(Err(error)) => return BenchError::Cluster(format!("lost a user: {error}")),
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            error = failed => Err(error),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}
