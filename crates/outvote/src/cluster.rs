//! A whole cluster in this process, for trying out and for users' own tests.

use outvote_client::{Client, ClientError, CommitteeFile, SessionKey};
use outvote_crypto::KeyPair;
use outvote_execution::Application;
use outvote_node::{Home, HomeKeys, Listeners, Node, NodeConfig, NodeError, Report, RunningNode};
use outvote_types::{Member, Parameters, ReplicaId};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// Why a cluster could not be started or used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A replica failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The client failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The committee cannot be.
    #[error("{0}")]
    Committee(String),
    /// A socket or a temporary folder could not be made.
    #[error("cannot prepare the cluster: {0}; check free ports and the space for temporary files")]
    Io(#[from] std::io::Error),
    /// The system gives no random bytes.
    #[error("no random bytes from the system: {0}")]
    Randomness(String),
    /// There is no such replica.
    #[error("there is no replica {0}")]
    NoSuchReplica(ReplicaId),
}

/// Makes a replica's application; called once per start of a replica.
type MakeApplication = Box<dyn Fn() -> Box<dyn Application> + Send>;

/// Replicas in this process, each with its own keys, ports, database and threads. Their homes are deleted at the end.
pub struct Cluster {
    committee: CommitteeFile,
    places: Vec<Place>,
    make: MakeApplication,
    _folder: TempDir,
}

struct Place {
    home: Home,
    config: NodeConfig,
    running: Option<RunningNode>,
    ports: Ports,
}

/// Connections that may wait to be taken, as the standard library has it.
const BACKLOG: u32 = 128;

/// How a cluster is made.
pub struct ClusterBuilder {
    count: usize,
    parameters: Parameters,
    absent: Vec<ReplicaId>,
    configure: Box<dyn Fn(&mut NodeConfig) + Send>,
}

impl std::fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterBuilder").field("count", &self.count).finish_non_exhaustive()
    }
}

impl ClusterBuilder {
    /// A checkpoint every so many blocks.
    #[must_use]
    pub fn checkpoint_interval(mut self, blocks: u64) -> Self {
        self.parameters.checkpoint_interval = blocks;
        self
    }

    /// A checkpoint in between wherever so many bytes of blocks come together.
    #[must_use]
    pub fn checkpoint_bytes(mut self, bytes: u64) -> Self {
        self.parameters.checkpoint_bytes = bytes;
        self
    }

    /// Leaders take turns after so many blocks, or so long after their first work; 0 for never.
    #[must_use]
    pub fn tenure(mut self, blocks: u64, time: Duration) -> Self {
        self.parameters.tenure_blocks = blocks;
        self.parameters.tenure_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// This replica is a member that does not start.
    #[must_use]
    pub fn without(mut self, id: ReplicaId) -> Self {
        self.absent.push(id);
        self
    }

    /// Changes every replica's local configuration, but not its addresses.
    #[must_use]
    pub fn configure(mut self, change: impl Fn(&mut NodeConfig) + Send + 'static) -> Self {
        self.configure = Box::new(change);
        self
    }

    /// Starts the replicas of an application on free ports of the loopback interface. `make` is called once for each
    /// replica, in order, and again whenever one is started again.
    ///
    /// # Errors
    /// When there are fewer than 4 replicas, or ports, keys or temporary files cannot be had.
    pub async fn start<A: Application>(
        self,
        make: impl Fn() -> A + Send + 'static,
    ) -> Result<Cluster, ClusterError> {
        self.start_boxed(Box::new(move || Box::new(make()))).await
    }

    async fn start_boxed(self, make: MakeApplication) -> Result<Cluster, ClusterError> {
        let folder = TempDir::with_prefix("outvote-cluster-")?;
        let (mut places, mut members) = (Vec::new(), Vec::new());
        for index in 0..self.count {
            let ports = Ports::take()?;
            let mut config = NodeConfig::default();
            (self.configure)(&mut config);
            (config.network.listen, config.network.http) = (ports.links, ports.http);
            let path = folder.path().join(format!("replica-{index}"));
            let (home, keys) = Home::init(path, config.network.listen, config.network.http)?;
            members.push(entry(&keys, config.network.listen));
            places.push(Place { home, config, running: None, ports });
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| ClusterError::Randomness(error.to_string()))?;
        let pages: Vec<String> = places.iter().map(|place| place.config.network.http.to_string()).collect();
        let committee = CommitteeFile::create(members, salt, true, self.parameters)
            .map_err(|error| ClusterError::Committee(error.to_string()))?
            .with_http(pages);
        for place in &places {
            std::fs::write(place.home.committee(), committee.to_toml())?;
        }
        let mut cluster = Cluster { committee, places, make, _folder: folder };
        for index in 0..self.count {
            if !self.absent.iter().any(|id| id.index() == index) {
                cluster.run(index).await?;
            }
        }
        Ok(cluster)
    }
}

impl Cluster {
    /// Starts `count` replicas of an application on free ports of the loopback interface.
    ///
    /// # Errors
    /// When `count` is below 4, or ports, keys or temporary files cannot be had.
    pub async fn start<A: Application>(
        count: usize,
        make: impl Fn() -> A + Send + 'static,
    ) -> Result<Self, ClusterError> {
        Self::of(count).start(make).await
    }

    /// A cluster of so many replicas that is still to be configured.
    #[must_use]
    pub fn of(count: usize) -> ClusterBuilder {
        let configure = Box::new(|_: &mut NodeConfig| ());
        ClusterBuilder { count, parameters: Parameters::default(), absent: Vec::new(), configure }
    }

    async fn run(&mut self, index: usize) -> Result<(), ClusterError> {
        let application = (self.make)();
        let place = &mut self.places[index];
        let mut node = Node::with_boxed(place.home.clone(), place.config.clone(), application);
        // Where somebody listens there all the same, the node says so, and names the setting.
        if let Ok(listeners) = place.ports.listen() {
            node = node.listeners(listeners);
        }
        place.running = Some(node.start().await?);
        Ok(())
    }

    /// The committee, as clients and receipts know it.
    #[must_use]
    pub fn committee(&self) -> &CommitteeFile {
        &self.committee
    }

    /// A client with a fresh key.
    ///
    /// # Errors
    /// When fewer than a quorum of replicas can be reached.
    pub async fn client(&self) -> Result<Client, ClusterError> {
        let keys = KeyPair::generate().map_err(|error| ClusterError::Randomness(error.to_string()))?;
        let signer: SessionKey = Arc::new(keys);
        Ok(Client::builder(self.committee.clone()).identity(signer).connect().await?)
    }

    /// Stops one replica cleanly.
    ///
    /// # Errors
    /// When there is no such replica.
    pub async fn stop_replica(&mut self, id: ReplicaId) -> Result<(), ClusterError> {
        let place = self.places.get_mut(id.index()).ok_or(ClusterError::NoSuchReplica(id))?;
        if let Some(running) = place.running.take() {
            running.stop().await;
            place.ports.hold();
        }
        Ok(())
    }

    /// Starts a stopped replica again, from its own disk.
    ///
    /// # Errors
    /// When there is no such replica, or its home cannot be used.
    pub async fn start_replica(&mut self, id: ReplicaId) -> Result<(), ClusterError> {
        let place = self.places.get_mut(id.index()).ok_or(ClusterError::NoSuchReplica(id))?;
        if place.running.is_none() {
            self.run(id.index()).await?;
        }
        Ok(())
    }

    /// Makes a replica lie in one of the ways of `outvote traitor`, or `honest` again. Needs the feature `demo`.
    ///
    /// # Errors
    /// When the replica is not running or refuses.
    pub fn behave(&self, id: ReplicaId, behaviour: &str) -> Result<(), ClusterError> {
        let place = self.places.get(id.index()).ok_or(ClusterError::NoSuchReplica(id))?;
        let running = place.running.as_ref().ok_or(ClusterError::NoSuchReplica(id))?;
        running.behave(behaviour).map_err(ClusterError::Committee)
    }

    /// The cluster as one running replica sees it.
    #[must_use]
    pub fn report(&self, id: ReplicaId) -> Option<Report> {
        Some(self.places.get(id.index())?.running.as_ref()?.handle().report())
    }

    /// Where a replica serves HTTP.
    #[must_use]
    pub fn http(&self, id: ReplicaId) -> Option<SocketAddr> {
        self.places.get(id.index()).map(|place| place.config.network.http)
    }

    /// Waits until a replica fails by itself. `None` if it is not running.
    pub async fn failure(&mut self, id: ReplicaId) -> Option<NodeError> {
        Some(self.places.get_mut(id.index())?.running.as_mut()?.failure().await)
    }

    /// A replica's home folder, for tests that damage it.
    #[must_use]
    pub fn home(&self, id: ReplicaId) -> Option<PathBuf> {
        self.places.get(id.index()).map(|place| place.home.root().to_path_buf())
    }

    /// Stops all replicas cleanly and deletes their homes.
    pub async fn stop(mut self) {
        for place in &mut self.places {
            if let Some(running) = place.running.take() {
                running.stop().await;
            }
        }
    }
}

/// The ports of a replica, for as long as the cluster lasts. They are bound here and nobody listens on these sockets: while the
/// replica does not run, also where it stopped by itself, whoever connects is refused, as it should be, and the system gives the
/// ports to nobody else.
struct Ports {
    links: SocketAddr,
    http: SocketAddr,
    held: Option<(TcpSocket, TcpSocket)>,
}

impl Ports {
    /// Two that are free.
    fn take() -> Result<Self, std::io::Error> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (links, http) = both(any, any)?;
        Ok(Self { links: links.local_addr()?, http: http.local_addr()?, held: Some((links, http)) })
    }

    /// Holds them again where that ended, as far as that can be done.
    fn hold(&mut self) {
        if self.held.is_none() {
            self.held = both(self.links, self.http).ok();
        }
    }

    /// Listens on both, beside the sockets that hold them, or on these where the system lets no two share a port.
    fn listen(&mut self) -> Result<Listeners, std::io::Error> {
        let (links, http) = match (both(self.links, self.http), self.held.take()) {
            (Ok(beside), held) => {
                self.held = held;
                beside
            }
            (Err(_), Some(held)) => held,
            (Err(error), None) => return Err(error),
        };
        Ok(Listeners { links: links.listen(BACKLOG)?.into_std()?, http: http.listen(BACKLOG)? })
    }
}

fn both(links: SocketAddr, http: SocketAddr) -> Result<(TcpSocket, TcpSocket), std::io::Error> {
    Ok((bound(links)?, bound(http)?))
}

fn bound(address: SocketAddr) -> Result<TcpSocket, std::io::Error> {
    let socket = TcpSocket::new_v4()?;
    // Neither connections that have just ended nor a socket that only holds the port keep it from being used.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn entry(keys: &HomeKeys, address: SocketAddr) -> outvote_client::MemberEntry {
    let member = Member { consensus_key: keys.consensus.public_key(), link_key: keys.link.public_key() };
    outvote_client::MemberEntry { member, address: address.to_string() }
}
