//! A replica that runs: its queues, its threads, and how all of them end, in order or at the first failure.

use crate::core_thread::CoreEvent;
use crate::error::NodeError;
use crate::execution_thread::ExecutionJob;
use crate::gateway::{self, GatewayJob, LookupJob};
use crate::handle::NodeHandle;
use crate::held_folder::Released;
use crate::http::HttpRuntime;
use crate::inbox::{CoreSender, Inbox, inbox};
use crate::log_thread::LogJob;
use crate::watch::Watch;
use crate::workers::Workers;
use outvote_transport::Links;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// How long a busy core may take to say its farewell.
const FAREWELL_MAX: Duration = Duration::from_millis(500);
/// What was said leaves within this time; the links live on the core's thread, which has nothing else to do any more.
const FAREWELL: Duration = Duration::from_millis(10);

/// The senders of all threads' queues.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) core: CoreSender,
    pub(crate) log: Sender<LogJob>,
    pub(crate) execution: Sender<ExecutionJob>,
    pub(crate) gateway: Sender<GatewayJob>,
    pub(crate) lookups: Sender<LookupJob>,
}

/// The other ends.
pub(crate) struct Receivers {
    pub(crate) core: Inbox,
    pub(crate) log: Receiver<LogJob>,
    pub(crate) execution: Receiver<ExecutionJob>,
    pub(crate) gateway: Receiver<GatewayJob>,
    pub(crate) lookups: Receiver<LookupJob>,
}

/// Queues of all threads.
pub(crate) fn queues() -> (Ports, Receivers) {
    let (core, core_inbox) = inbox();
    let (log, log_jobs) = channel();
    let (execution, execution_jobs) = channel();
    let (gateway, gateway_jobs) = channel();
    let (lookups, lookup_jobs) = channel();
    let receivers = Receivers {
        core: core_inbox,
        log: log_jobs,
        execution: execution_jobs,
        gateway: gateway_jobs,
        lookups: lookup_jobs,
    };
    (Ports { core, log, execution, gateway, lookups }, receivers)
}

/// The threads of a replica.
pub(crate) struct Threads {
    pub(crate) core: JoinHandle<()>,
    pub(crate) execution: JoinHandle<()>,
    pub(crate) gateway: JoinHandle<()>,
    pub(crate) lookups: JoinHandle<()>,
    pub(crate) log: JoinHandle<()>,
}

/// What ends a replica, from any thread.
#[derive(Clone)]
pub(crate) struct Ends {
    ports: Ports,
    outside: Arc<Mutex<Outside>>,
    failure: mpsc::UnboundedSender<NodeError>,
}

/// What lets others reach the replica.
#[derive(Default)]
struct Outside {
    links: Option<Links>,
    http: Option<HttpRuntime>,
    workers: Option<Workers>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Ends {
    pub(crate) fn new(ports: Ports, links: Links) -> (Self, mpsc::UnboundedReceiver<NodeError>) {
        let (failure, failures) = mpsc::unbounded_channel();
        let outside = Arc::new(Mutex::new(Outside { links: Some(links), ..Outside::default() }));
        (Self { ports, outside, failure }, failures)
    }

    /// Starts whatever works for this replica; when one of them fails or panics, the whole replica ends.
    pub(crate) fn watch(&self) -> Watch {
        let ends = self.clone();
        Watch::new(move |error| {
            tracing::error!(%error, "the replica stops");
            ends.end();
            let _ = ends.failure.send(error);
        })
    }

    /// Starts a task that ends with the replica.
    pub(crate) fn add_task(&self, work: impl Future<Output = ()> + Send + 'static) {
        let task = self.watch().task(&Handle::current(), work);
        self.outside().tasks.push(task);
    }

    /// The same on the HTTP side's own threads.
    pub(crate) fn add_http(&self, runtime: HttpRuntime, work: impl Future<Output = ()> + Send + 'static) {
        let task = runtime.handle().map(|handle| self.watch().task(handle, work));
        let mut outside = self.outside();
        outside.tasks.extend(task);
        outside.http = Some(runtime);
    }

    fn outside(&self) -> MutexGuard<'_, Outside> {
        // Each of its parts is put in or taken out whole.
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These end with the replica.
    pub(crate) fn add_workers(&self, workers: Workers) {
        self.outside().workers = Some(workers);
    }

    /// Nothing comes in and nothing goes out from here on. The tasks that were told to end stay, for whoever waits for them.
    fn close(&self) -> MutexGuard<'_, Outside> {
        let mut outside = self.outside();
        if let Some(links) = outside.links.take() {
            outside.tasks.push(links.close());
        }
        if let Some(workers) = outside.workers.take() {
            workers.end();
        }
        outside.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        drop(outside.http.take());
        outside
    }

    /// Tells everything to end, without waiting. What was not made durable is lost, as in a crash, and nothing that was
    /// sent rests on it. Whoever stops it then can still wait until the sockets are closed.
    fn end(&self) {
        drop(self.close());
        // Threads that are gone already need no telling.
        let _ = self.ports.core.send(CoreEvent::Stop);
        let _ = self.ports.execution.send(ExecutionJob::Stop);
        let _ = self.ports.gateway.send(GatewayJob::Stop);
        let _ = self.ports.lookups.send(LookupJob::Stop);
        let _ = self.ports.log.send(LogJob::Stop);
    }
}

/// A replica that runs. It stops when this is dropped, or with [`RunningNode::stop`].
pub struct RunningNode {
    handle: NodeHandle,
    ends: Ends,
    threads: Option<Threads>,
    failures: mpsc::UnboundedReceiver<NodeError>,
    released: Released,
}

impl std::fmt::Debug for RunningNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningNode").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl RunningNode {
    pub(crate) fn new(
        handle: NodeHandle,
        ends: Ends,
        threads: Threads,
        (failures, released): (mpsc::UnboundedReceiver<NodeError>, Released),
    ) -> Self {
        Self { handle, ends, threads: Some(threads), failures, released }
    }

    /// A handle for routes and tests.
    #[must_use]
    pub fn handle(&self) -> &NodeHandle {
        &self.handle
    }

    /// Makes this replica lie, or stop lying. Works in demonstration clusters only.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn behave(&self, behaviour: &str) -> Result<(), String> {
        gateway::behave(&self.ends.ports.core, behaviour)
    }

    /// Waits until a thread fails; all others are stopping then. Never returns while all is well.
    pub async fn failure(&mut self) -> NodeError {
        match self.failures.recv().await {
            Some(error) => error,
            // All senders are gone only after the threads ended.
            None => std::future::pending().await,
        }
    }

    /// Stops in order: a farewell to the peers; no more input; then the core; then what it gave to execution and to the clients
    /// is finished; then the log, which is synced and sealed. Once this returns, nobody has a file of the data folder open or
    /// listens on its ports.
    pub async fn stop(mut self) {
        self.take_leave().await;
        let tasks = std::mem::take(&mut self.ends.close().tasks);
        for task in tasks {
            // It was told to end; how it ended does not matter.
            let _ = task.await;
        }
        let Some(threads) = self.threads.take() else { return };
        let ports = self.ends.ports.clone();
        let ending = move || {
            // A thread that is gone already needs no telling, and its panic was reported when it happened.
            let _ = ports.core.send(CoreEvent::Stop);
            let _ = threads.core.join();
            let _ = ports.execution.send(ExecutionJob::Stop);
            let _ = threads.execution.join();
            let _ = ports.gateway.send(GatewayJob::Stop);
            let _ = threads.gateway.join();
            let _ = ports.lookups.send(LookupJob::Stop);
            let _ = threads.lookups.join();
            let _ = ports.log.send(LogJob::Stop);
            let _ = threads.log.join();
        };
        let _ = tokio::task::spawn_blocking(ending).await;
        // Connections were told to end, and a verdict may just be looking something up: they let go within a moment. It ends
        // with an error, which is what is waited for.
        let _ = (&mut self.released).await;
    }

    /// D10: a leader hands over, and its word gets a moment to leave. Without it the others see the link end, and wait a little.
    async fn take_leave(&self) {
        let (said, farewell) = oneshot::channel();
        let sent = self.ends.ports.core.send(CoreEvent::Leave(said));
        if sent && tokio::time::timeout(FAREWELL_MAX, farewell).await.is_ok_and(|said| said.is_ok()) {
            tokio::time::sleep(FAREWELL).await;
        }
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        self.ends.end();
    }
}
