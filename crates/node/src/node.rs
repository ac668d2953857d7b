//! Starts a replica's threads from its home, and stops them in order.

use crate::archive::{Archive, Pending};
use crate::backend::RedbBackend;
use crate::behaviour::Lies;
use crate::clock::Clock;
use crate::config::NodeConfig;
use crate::core_thread::{CoreEvent, CoreThread, Outlets};
use crate::error::NodeError;
use crate::execution_thread::{ExecutionJob, ExecutionOutlets, ExecutionThread};
use crate::gateway::{Gateway, GatewayJob, Ingress};
use crate::handle::NodeHandle;
use crate::home::Home;
use crate::http::{self, AppRoutes};
use crate::log_thread::{LogJob, LogThread};
use crate::shared::Shared;
use crate::state_transfer::StateTransfer;
use crate::workers::Workers;
use crate::{gateway, links, recovery};
use outvote_crypto::{Ed25519, RequestChecker, Scheme};
use outvote_execution::{Application, Executor, ExecutorConfig};
use outvote_replica::Replica;
use outvote_replica::{Config, Tunables};
use outvote_session::CommitteeFile;
use outvote_storage::{DataFolder, Log, LogOptions, StateOptions, StateStore};
use outvote_transport::{Links, bind};
use outvote_types::{Mode, ReplicaId};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};

/// Executed blocks that wait for a slow route of the application.
const EXECUTED_BLOCKS_KEPT: usize = 256;

/// Makes the application's routes, given a handle to the node.
type MakeRoutes = Box<dyn FnOnce(&NodeHandle) -> AppRoutes + Send>;

/// A replica that is ready to start.
pub struct Node {
    home: Home,
    config: NodeConfig,
    application: Box<dyn Application>,
    routes: MakeRoutes,
    listeners: Option<Listeners>,
}

/// Sockets that listen already, for whoever must know the ports before the committee is made, such as a test harness.
#[derive(Debug)]
pub struct Listeners {
    /// For replicas and clients.
    pub links: std::net::TcpListener,
    /// For the page, the API and the metrics.
    pub http: TcpListener,
}

/// A replica that runs. It stops when this is dropped, or with [`RunningNode::stop`].
pub struct RunningNode {
    handle: NodeHandle,
    core: Sender<CoreEvent>,
    gateway: Sender<GatewayJob>,
    log: Sender<LogJob>,
    threads: Vec<JoinHandle<()>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    failures: mpsc::UnboundedReceiver<NodeError>,
    _links: Links,
    _folder: DataFolder,
}

impl Node {
    /// A replica from a home whose `config/config.toml` says how.
    ///
    /// # Errors
    /// When the configuration is missing or wrong.
    pub fn open(home: Home, application: impl Application) -> Result<Self, NodeError> {
        let config = NodeConfig::load(&home.config())?;
        Ok(Self::with_config(home, config, application))
    }

    /// A replica from a home, configured in code.
    #[must_use]
    pub fn with_config(home: Home, config: NodeConfig, application: impl Application) -> Self {
        Self::with_boxed(home, config, Box::new(application))
    }

    /// As [`Node::with_config`], for an application whose type is not known here.
    #[must_use]
    pub fn with_boxed(home: Home, config: NodeConfig, application: Box<dyn Application>) -> Self {
        let routes: MakeRoutes = Box::new(|_| AppRoutes::default());
        Self { home, config, application, routes, listeners: None }
    }

    /// Adds the application's own routes to the HTTP side.
    #[must_use]
    pub fn routes(mut self, make: impl FnOnce(&NodeHandle) -> AppRoutes + Send + 'static) -> Self {
        self.routes = Box::new(make);
        self
    }

    /// Uses these sockets instead of the configured addresses.
    #[must_use]
    pub fn listeners(mut self, listeners: Listeners) -> Self {
        self.listeners = Some(listeners);
        self
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// Starts the threads and tasks. Must be called inside a tokio runtime, which then drives links, clients and HTTP.
    ///
    /// # Errors
    /// When the committee, the keys, the data folder or an address cannot be used; nothing is left running then.
    pub async fn start(self) -> Result<RunningNode, NodeError> {
        let Self { home, config, application, routes, listeners } = self;
        let file = home.load_committee()?;
        let keys = home.keys()?;
        let me = membership(&home, &file, &keys)?;
        let committee = file.committee.clone();
        let quorum = committee.quorum().map_err(NodeError::Size)?;
        // The sockets first: a port in use is found before anything is written.
        let Listeners { links: link_listener, http: http_listener } = match listeners {
            Some(listeners) => listeners,
            None => Listeners {
                links: bind(config.network.listen)?,
                http: http::bind(config.network.http).await?,
            },
        };
        let folder = DataFolder::open(home.root())?;
        let (log, recovery) =
            Log::open(folder.log_disk()?, keys.consensus.public_key().0, LogOptions::default())?;
        if let Some(tail) = &recovery.torn_tail {
            tracing::info!(
                file = tail.file,
                offset = tail.offset,
                "an unfinished write at the log's end was dropped"
            );
        }
        let options =
            StateOptions { cache_bytes: config.limits.database_cache_mib << 20, ..StateOptions::default() };
        let store = StateStore::open(folder.state_path(), options)?;
        let pending = Arc::new(Pending::default());
        let archive = Archive::new(Arc::clone(&pending), store.reader());
        let backend = RedbBackend::new(store, pending);
        let executor = Executor::open(Box::new(backend), application, ExecutorConfig::new(&committee))?;
        let memory = recovery::recover(&log, &executor)?;

        let clock = Clock::start();
        let shared = Arc::new(Shared::new(file, me));
        let scheme: Arc<dyn Scheme> = Arc::new(Ed25519::new(keys.consensus));
        let workers = Workers::start(&scheme, verify_threads())?;
        let (core, core_events) = channel();
        let (log_jobs, log_queue) = channel();
        let (execution, execution_jobs) = channel();
        let (gateway_jobs, gateway_queue) = channel();
        let (failure, failures) = mpsc::unbounded_channel();
        let (executed, _) = broadcast::channel(EXECUTED_BLOCKS_KEPT);
        let handle = NodeHandle {
            shared: Arc::clone(&shared),
            execution: execution.clone(),
            executed: executed.clone(),
        };

        let replica_config = Config { committee, me, tunables: tunables(&config) };
        let (replica, first) = Replica::recover(
            replica_config,
            memory.recovered,
            Arc::clone(&scheme),
            clock.now(),
            Clock::wall(),
        );
        let started = links::start(&shared, keys.link, &config, link_listener, core.clone())?;
        let checker = RequestChecker::new(shared.committee.committee.clone(), Arc::clone(&scheme));
        let ingress = Ingress {
            checker,
            workers: workers.clone(),
            core: core.clone(),
            gateway: gateway_jobs.clone(),
            execution: execution.clone(),
            scheme: Arc::clone(&scheme),
            shared: Arc::clone(&shared),
        };
        let accepting = tokio::spawn(gateway::accept(started.clients, ingress));

        let outlets = Outlets {
            log: log_jobs.clone(),
            execution: execution.clone(),
            gateway: gateway_jobs.clone(),
            links: started.links.sender(),
            workers,
            core: core.clone(),
        };
        let core_thread = CoreThread {
            replica,
            lies: Lies::new(&shared, &scheme),
            outlets,
            shared: Arc::clone(&shared),
            clock,
        };
        let log_thread = LogThread::new(log, memory.blocks, core.clone());
        let execution_outlets =
            ExecutionOutlets { core: core.clone(), gateway: gateway_jobs.clone(), log: log_jobs.clone() };
        let transfer = StateTransfer::new(quorum, me, clock);
        let execution_thread =
            ExecutionThread::new(executor, archive.clone(), transfer, Arc::clone(&shared), execution_outlets);
        let gateway_thread = Gateway::new(archive, shared, scheme, executed);
        let threads = vec![
            spawn("gateway", &failure, move || gateway_thread.run(&gateway_queue))?,
            spawn("execution", &failure, move || execution_thread.run(&execution_jobs))?,
            spawn("log", &failure, move || log_thread.run(&log_queue))?,
            spawn("core", &failure, move || {
                core_thread.run(&core_events, first);
                Ok(())
            })?,
        ];
        let routes = routes(&handle);
        let router = http::router(&handle, routes, config.network.http_hosts.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(http_listener, router).await {
                tracing::error!(%error, "the HTTP side ended");
            }
        });
        Ok(RunningNode {
            handle,
            core,
            gateway: gateway_jobs,
            log: log_jobs,
            threads,
            tasks: vec![accepting, serving],
            failures,
            _links: started.links,
            _folder: folder,
        })
    }
}

impl RunningNode {
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
        gateway::behave(&self.core, behaviour)
    }

    /// Waits until a thread fails; the node must then be stopped. Never returns while all is well.
    pub async fn failure(&mut self) -> NodeError {
        match self.failures.recv().await {
            Some(error) => error,
            // All senders are gone only after the threads ended.
            None => std::future::pending().await,
        }
    }

    /// Stops in order: no more input, then the executed state and the log are flushed.
    pub async fn stop(mut self) {
        self.end();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A panic in a thread was reported when it happened.
                let _ = thread.join();
            }
        });
        let _ = joined.await;
    }

    fn end(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
        }
        // Threads that are gone already need no telling.
        let _ = self.core.send(CoreEvent::Stop);
        let _ = self.handle.execution.send(ExecutionJob::Stop);
        let _ = self.gateway.send(GatewayJob::Stop);
        let _ = self.log.send(LogJob::Stop);
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        self.end();
    }
}

fn membership(
    home: &Home,
    file: &CommitteeFile,
    keys: &crate::home::HomeKeys,
) -> Result<ReplicaId, NodeError> {
    if file.committee.mode == Mode::Federated {
        return Err(NodeError::Federated);
    }
    let consensus = keys.consensus.public_key();
    let found =
        file.committee.members.iter().zip(0u16..).find(|(member, _)| member.consensus_key == consensus);
    match found {
        Some((member, id)) if member.link_key == keys.link.public_key() => Ok(ReplicaId(id)),
        _ => Err(NodeError::NotAMember { key: consensus.to_hex(), committee: home.committee() }),
    }
}

fn tunables(config: &NodeConfig) -> Tunables {
    Tunables {
        batch_count_max: config.batch.count_max,
        batch_bytes_max: config.batch.bytes_max,
        linger_us: config.batch.linger_us,
        timeout_base_us: config.timeouts.view_ms.saturating_mul(1000),
        pool_requests_max: config.limits.pool_requests,
        ..Tunables::default()
    }
}

/// Half of the cores, since the other threads need theirs too.
fn verify_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 8))
}

fn spawn(
    name: &str,
    failure: &mpsc::UnboundedSender<NodeError>,
    body: impl FnOnce() -> Result<(), NodeError> + Send + 'static,
) -> Result<JoinHandle<()>, NodeError> {
    let failure = failure.clone();
    let run = move || {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        let error = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            // No half-alive state: a thread that panicked takes the node down.
            Err(_) => NodeError::Panicked,
        };
        let _ = failure.send(error);
    };
    thread::Builder::new().name(name.into()).spawn(run).map_err(NodeError::Thread)
}
