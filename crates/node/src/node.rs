//! Starts a replica's threads from its home.

use crate::archive::{Archive, Pending};
use crate::backend::RedbBackend;
use crate::behaviour::Lies;
use crate::clock::Clock;
use crate::config::NodeConfig;
use crate::core_thread::{CoreRuntime, CoreThread, Outlets};
use crate::disk_watch::DiskWatch;
use crate::error::NodeError;
use crate::execution_thread::{ExecutionOutlets, ExecutionThread};
use crate::gateway::{Common, Gateway, Ingress, Line, Lookups, Word};
use crate::handle::NodeHandle;
use crate::held_folder::{HeldFolder, Released};
use crate::home::{Home, HomeKeys};
use crate::http::{self, AppRoutes};
use crate::log_thread::LogThread;
use crate::recovery::Memory;
use crate::running::{Ends, Ports, Receivers, RunningNode, Threads, queues};
use crate::shared::Shared;
use crate::state_file::open_state;
use crate::state_transfer::StateTransfer;
use crate::workers::Workers;
use crate::{gateway, links, recovery};
use outvote_crypto::{Ed25519, RequestChecker, Scheme};
use outvote_execution::{Application, Executor, ExecutorConfig};
use outvote_replica::{Action, Config, Record, Replica, Tunables};
use outvote_session::CommitteeFile;
use outvote_storage::{DataFolder, Log, LogOptions, RealDisk, StateOptions};
use outvote_transport::{PeerSender, bind};
use outvote_types::{Committee, Mode, ReplicaId};
use std::sync::Arc;
use std::thread;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

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

impl Listeners {
    async fn or_bind(given: Option<Self>, config: &NodeConfig) -> Result<Self, NodeError> {
        match given {
            Some(listeners) => Ok(listeners),
            None => {
                Ok(Self { links: bind(config.network.listen)?, http: http::bind(config.network.http).await? })
            }
        }
    }
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
        let sockets = Listeners::or_bind(listeners, &config).await?;
        let http_runtime = http::HttpRuntime::new()?;
        let http_socket = http_runtime.adopt(sockets.http)?;
        let clock = Clock::start();
        let watch = Arc::new(DiskWatch::new(clock));
        let (disk, released) = Disk::open(&home, &config, &committee, &keys, (application, &watch))?;
        let shared = Arc::new(Shared::new(file, me, Arc::clone(&watch)));
        let scheme: Arc<dyn Scheme> = Arc::new(Ed25519::new(keys.consensus));
        let (ports, receivers) = queues();
        let handle = handle(&shared, &ports);
        let core_runtime = CoreRuntime::new()?;
        let urgent = core_runtime.handle();
        let started = links::start(&shared, keys.link, &config, sockets.links, ports.core.clone(), urgent)?;
        let links_sender = started.links.sender();
        let (ends, failures) = Ends::new(ports.clone(), started.links);
        let workers = Workers::start(&scheme, verify_threads(), &ends.watch())?;
        ends.add_workers(workers.clone());
        let ingress = ingress(&ports, &workers, &scheme, &shared, &disk.archive, &config);
        ends.add_task(gateway::accept(started.clients, ingress));
        let outlets = outlets(&ports, links_sender, workers);
        let Ports { core, log, gateway, lookups, .. } = ports;

        let (replica, first) = Replica::recover(
            Config { committee, me, tunables: tunables(&config) },
            disk.memory.recovered,
            Arc::clone(&scheme),
            clock.now(),
            Clock::wall(),
        );
        let lies = Lies::new(&shared, &scheme);
        let shared_with_core = Arc::clone(&shared);
        let core_thread =
            CoreThread { replica, lies, outlets, shared: shared_with_core, clock, is_disk_stuck: false };
        let log_thread = LogThread::new(disk.log, disk.memory.blocks, core.clone(), watch);
        let execution_thread = ExecutionThread::new(
            disk.executor,
            disk.archive.clone(),
            StateTransfer::new(quorum, me, clock),
            Arc::clone(&shared),
            config.limits.retain_blocks,
            ExecutionOutlets { core, gateway: gateway.clone(), log },
        );
        let common = Common::default();
        let executed = handle.executed.clone();
        let gateway_thread = Gateway::new(Arc::clone(&shared), &scheme, common.clone(), lookups, executed);
        let lookup_thread = Lookups::new(disk.archive, shared, &scheme, common, gateway);
        let bodies = Bodies {
            core_runtime,
            core_thread,
            first,
            log_thread,
            execution_thread,
            gateway_thread,
            lookup_thread,
        };
        let threads = bodies.spawn(&ends, receivers, disk.folder)?;
        let routes = routes(&handle);
        let router = http::router(&handle, routes, config.network.http_hosts.clone());
        ends.add_http(http_runtime, http::serve(http_socket, router));
        Ok(RunningNode::new(handle, ends, threads, (failures, released)))
    }
}

/// What routes and tests hold of the node.
fn handle(shared: &Arc<Shared>, ports: &Ports) -> NodeHandle {
    NodeHandle {
        shared: Arc::clone(shared),
        execution: ports.execution.clone(),
        executed: broadcast::Sender::new(EXECUTED_BLOCKS_KEPT),
    }
}

/// Where the core's actions go.
fn outlets(ports: &Ports, links: PeerSender, workers: Workers) -> Outlets {
    Outlets {
        log: ports.log.clone(),
        execution: ports.execution.clone(),
        gateway: ports.gateway.clone(),
        links,
        workers,
        core: ports.core.clone(),
    }
}

/// What every client's connection needs.
fn ingress(
    ports: &Ports,
    workers: &Workers,
    scheme: &Arc<dyn Scheme>,
    shared: &Arc<Shared>,
    archive: &Archive,
    config: &NodeConfig,
) -> Ingress {
    Ingress {
        checker: RequestChecker::new(shared.committee.committee.clone(), Arc::clone(scheme)),
        workers: workers.clone(),
        core: ports.core.clone(),
        gateway: ports.gateway.clone(),
        lookups: ports.lookups.clone(),
        execution: ports.execution.clone(),
        word: Word::new(shared, scheme),
        shared: Arc::clone(shared),
        room: gateway::room(),
        seen: gateway::Seen::new(archive.clone()),
        line: Line::new(Instant::now()),
        signatures_per_second: config.limits.client_signatures_per_second,
    }
}

/// What the threads run.
struct Bodies {
    core_runtime: CoreRuntime,
    core_thread: CoreThread,
    first: Vec<Action>,
    log_thread: LogThread,
    execution_thread: ExecutionThread,
    gateway_thread: Gateway,
    lookup_thread: Lookups,
}

impl Bodies {
    fn spawn(self, ends: &Ends, receivers: Receivers, folder: Arc<HeldFolder>) -> Result<Threads, NodeError> {
        let Receivers { core, log, execution, gateway, lookups } = receivers;
        // Who writes holds the lock: whoever opens the folder next finds all writers gone.
        let (execution_lock, log_lock) = (Arc::clone(&folder), folder);
        let watch = ends.watch();
        Ok(Threads {
            core: watch.thread("core", move || self.core_runtime.run(self.core_thread, core, self.first))?,
            // The folder's lock goes last.
            execution: watch.thread_of(
                "execution",
                (self.execution_thread, execution_lock),
                move |(thread, _)| thread.run(&execution),
            )?,
            gateway: watch.thread("gateway", move || {
                self.gateway_thread.run(&gateway);
                Ok(())
            })?,
            lookups: watch.thread("lookups", move || self.lookup_thread.run(&lookups))?,
            log: watch.thread("log", move || {
                let _locked = log_lock;
                self.log_thread.run(&log)
            })?,
        })
    }
}

/// What a replica finds on its disk.
struct Disk {
    folder: Arc<HeldFolder>,
    log: Log<RealDisk>,
    executor: Executor,
    archive: Archive,
    memory: Memory,
}

impl Disk {
    /// D11: all of it is read before anything is sent.
    fn open(
        home: &Home,
        config: &NodeConfig,
        committee: &Committee,
        keys: &HomeKeys,
        (application, watch): (Box<dyn Application>, &Arc<DiskWatch>),
    ) -> Result<(Self, Released), NodeError> {
        let (folder, released) = HeldFolder::open(home.root())?;
        let folder = Arc::new(folder);
        let log_options =
            LogOptions { segment_bytes: config.limits.log_segment_mib << 20, ..LogOptions::default() };
        let (log, recovery) = Log::open(folder.log_disk()?, keys.consensus.public_key().0, log_options)?;
        if let Some(tail) = &recovery.torn_tail {
            tracing::info!(
                file = tail.file,
                offset = tail.offset,
                "an unfinished write at the log's end was dropped"
            );
        }
        let owner = Owner { cluster: committee.cluster_id().to_hex(), is_blank: recovery::is_blank(&log)? };
        owner.check(&folder)?;
        let cache_bytes = config.limits.database_cache_mib << 20;
        let options = StateOptions { cache_bytes, ..StateOptions::default() };
        let store = open_state(&folder, options)?;
        let reader = store.reader();
        let pending = Arc::new(Pending::default());
        let backend = RedbBackend::new(store, Arc::clone(&pending), Arc::clone(watch));
        let backend = backend.map_err(NodeError::Thread)?;
        let execution = ExecutorConfig {
            restarts_at_checkpoint: config.limits.retain_blocks > 0,
            is_home_blank: owner.is_blank,
            ..ExecutorConfig::new(committee)
        };
        let mut executor = Executor::open(Box::new(backend), application, execution)?;
        // Only now: a folder that says nothing of its owner is noted for no cluster whose state it does not hold.
        owner.note(&folder)?;
        let archive = Archive::open(pending, reader, executor.executed(), Arc::clone(&folder))?;
        if executor.is_fresh_from_peers() {
            // The process died before the archive's floor was written.
            archive.give_up(executor.executed().next());
        }
        let memory = recovery::recover(&log, &executor)?;
        for record in &memory.recovered.records {
            // C6: the snapshot that the executor took at its opening is served under the log's last certificate.
            if let Record::Stable(certificate) | Record::Installed { certificate, .. } = record {
                executor.on_stable(certificate);
            }
        }
        Ok((Self { folder, log, executor, archive, memory }, released))
    }
}

/// Whose data a folder is to hold: what was agreed in one cluster is nothing in another.
struct Owner {
    cluster: String,
    /// A home that was started with the wrong committee file by mistake, and did nothing there, is not lost.
    is_blank: bool,
}

impl Owner {
    fn check(&self, folder: &DataFolder) -> Result<(), NodeError> {
        if !self.is_blank {
            folder.check_owner(&self.cluster)?;
        }
        Ok(())
    }

    fn note(&self, folder: &DataFolder) -> Result<(), NodeError> {
        if self.is_blank {
            folder.claim_anew(&self.cluster)?;
        } else {
            folder.claim(&self.cluster)?;
        }
        Ok(())
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
    let Some((member, id)) = found else {
        return Err(NodeError::NotAMember { key: consensus.to_hex(), committee: home.committee() });
    };
    let (member, link, id) = (member.link_key, keys.link.public_key(), ReplicaId(id));
    if member != link {
        let (expected, found) = (member.to_hex(), link.to_hex());
        return Err(NodeError::WrongLinkKey { member: id, expected, found, committee: home.committee() });
    }
    Ok(id)
}

fn tunables(config: &NodeConfig) -> Tunables {
    Tunables {
        batch_count_max: config.batch.count_max,
        batch_growth: config.batch.growth,
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
