//! One face for all systems.

use crate::cometbft::{Pool, own_address, proposer, put_and_wait};
use crate::http_client::HttpClient;
use crate::{etcd, members};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a cluster may take until somebody leads.
const LEADER_PATIENCE: Duration = Duration::from_secs(30);
/// Between two questions for the leader.
const LEADER_PAUSE: Duration = Duration::from_millis(50);
/// How long one member may take to say whether it leads.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
/// Characters of a key; a multiple of three, so that base64 does not mix it with what follows.
pub(crate) const KEY_BYTES: usize = 24;

/// How a system is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// etcd's gRPC, to the leader.
    Etcd,
    /// CometBFT's JSON-RPC, to all validators.
    Cometbft,
    /// Frames, to the leader.
    Leader,
    /// Frames, to all members in turn.
    Everybody,
}

/// What is written: a fresh key each time, and a value that fills the operation up.
#[derive(Clone, Debug)]
pub struct Payload {
    run: u32,
    bytes: usize,
}

impl Payload {
    /// Operations of this many bytes, keys included.
    #[must_use]
    pub const fn new(run: u32, bytes: usize) -> Self {
        Self { run, bytes }
    }

    /// The key and the value of a client's operation.
    #[must_use]
    pub fn operation(&self, client: usize, number: u64) -> (Vec<u8>, Vec<u8>) {
        let key = format!("{:08x}{client:06x}{number:010x}", self.run).into_bytes();
        let value = vec![b'v'; self.bytes.saturating_sub(KEY_BYTES)];
        (key, value)
    }
}

/// A running cluster, connected to.
#[derive(Debug)]
pub enum Target {
    /// Connections to etcd's leader.
    Etcd(Vec<etcd::Member>),
    /// Many transactions in flight.
    Pool(Pool),
    /// One transaction in flight.
    One(Mutex<HttpClient>),
    /// Connections to members that are built here.
    Members(Vec<members::Member>),
}

impl Target {
    /// Connects for a load of so many clients over so many connections.
    ///
    /// # Errors
    /// When the cluster does not serve.
    pub async fn connect(
        kind: Kind,
        addresses: &[String],
        clients: usize,
        connections: usize,
    ) -> Result<Self, String> {
        // Also where nobody leads for long: then all answer.
        let leader = addresses[leader(kind, addresses).await?].as_str();
        let number = connections.clamp(1, clients.max(1));
        Ok(match kind {
            Kind::Etcd => {
                let members: Result<_, _> = (0..number).map(|_| etcd::Member::new(leader)).collect();
                Self::Etcd(members?)
            }
            Kind::Cometbft if clients == 1 => Self::One(Mutex::new(HttpClient::new(&addresses[0]))),
            Kind::Cometbft => Self::Pool(Pool::start(addresses).await?),
            Kind::Leader => Self::Members((0..number).map(|_| members::Member::new(leader)).collect()),
            Kind::Everybody => {
                let address = |number: usize| &addresses[number % addresses.len()];
                let number = if clients == 1 { 1 } else { number.max(addresses.len()) };
                Self::Members((0..number).map(|number| members::Member::new(address(number))).collect())
            }
        })
    }

    /// Writes, and waits until it is committed.
    ///
    /// # Errors
    /// What the system says.
    pub async fn put(&self, client: usize, (key, value): (Vec<u8>, Vec<u8>)) -> Result<(), String> {
        match self {
            Self::Etcd(members) => members[client % members.len()].put(key, value).await,
            Self::Pool(pool) => pool.put(&transaction(&key, &value)).await,
            Self::One(member) => put_and_wait(&mut *member.lock().await, &transaction(&key, &value)).await,
            Self::Members(members) => members[client % members.len()].put([key, value].concat()).await,
        }
    }
}

/// The operation as CometBFT's key-value application reads it; as long as elsewhere.
pub(crate) fn transaction(key: &[u8], value: &[u8]) -> Vec<u8> {
    [key, b"=", value.get(1..).unwrap_or_default()].concat()
}

/// Who leads, or whose turn it is; waited for.
///
/// # Errors
/// When nobody does within half a minute.
pub async fn leader(kind: Kind, addresses: &[String]) -> Result<usize, String> {
    let until = Instant::now() + LEADER_PATIENCE;
    loop {
        let asked = tokio::time::timeout(ANSWER_PATIENCE, ask_leader(kind, addresses)).await;
        match asked {
            Ok(Ok(Some(leader))) => return Ok(leader),
            Ok(Err(error)) if Instant::now() > until => return Err(format!("nobody leads: {error}")),
            _ if Instant::now() > until => return Err("nobody leads".to_owned()),
            _ => tokio::time::sleep(LEADER_PAUSE).await,
        }
    }
}

async fn ask_leader(kind: Kind, addresses: &[String]) -> Result<Option<usize>, String> {
    match kind {
        Kind::Etcd => {
            for (number, address) in addresses.iter().enumerate() {
                if etcd::Member::new(address)?.leads().await.unwrap_or(false) {
                    return Ok(Some(number));
                }
            }
            Ok(None)
        }
        Kind::Cometbft => {
            let mut own = Vec::with_capacity(addresses.len());
            for address in addresses {
                own.push(own_address(&mut HttpClient::new(address)).await?);
            }
            let proposer = proposer(&mut HttpClient::new(&addresses[0])).await?;
            Ok(own.iter().position(|address| *address == proposer))
        }
        Kind::Leader => {
            let mut last = Err("no member".to_owned());
            for address in addresses {
                last = members::Member::new(address).leader().await;
                if let Ok(leader) = last {
                    return Ok(Some(leader).filter(|leader| *leader < addresses.len()));
                }
            }
            last.map(Some)
        }
        Kind::Everybody => {
            let mut leader = 0;
            for address in addresses {
                leader = members::Member::new(address).leader().await?;
            }
            Ok(Some(leader).filter(|leader| *leader < addresses.len()))
        }
    }
}
