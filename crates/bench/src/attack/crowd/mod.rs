//! Crowds of liars from outside, in a process of their own so that they can be held to a machine's share.
//!
//! The process is told `go` and `rest` on its standard input, and ends with it; after each rest it says in one line what it
//! did. What the liars do is one function each, which never ends by itself.

mod links;
mod requests;

mod askers;
mod burners;
mod readers;
mod senders;
mod sockets;
mod storms;

use crate::error::BenchError;
use outvote_client::CommitteeFile;
use outvote_crypto::Keyring;
use outvote_types::{Domain, Quorum, ReplicaId};
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// Every crowd's name.
pub const CROWDS: &[&str] = &[
    "bad-signatures",
    "half-valid",
    "two-stories",
    "old-requests",
    "backups-only",
    "slow-loris",
    "retry-storm",
    "deaf",
    "idle-sockets",
    "handshakes",
    "http-flood",
    "burn",
];

/// What a crowd did in one go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deeds {
    /// Connections that stood.
    pub connections: u64,
    /// Connections that were refused, or cut off by the replica.
    pub cut_off: u64,
    /// Messages that were sent.
    pub messages: u64,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    cut_off: AtomicU64,
    messages: AtomicU64,
}

impl Counts {
    fn take(&self) -> Deeds {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Deeds {
            connections: take(&self.connections),
            cut_off: take(&self.cut_off),
            messages: take(&self.messages),
        }
    }
}

/// Whom the crowd attacks, and what it did.
pub(crate) struct Ground {
    links: Vec<SocketAddr>,
    pages: Vec<SocketAddr>,
    file: CommitteeFile,
    domain: Domain,
    quorum: Quorum,
    counts: Counts,
}

impl Ground {
    fn new(file: CommitteeFile) -> Result<Self, BenchError> {
        let unusable = |what: &str| BenchError::Cluster(format!("cannot be attacked: {what}"));
        let parsed = |addresses: &[String]| -> Result<Vec<SocketAddr>, BenchError> {
            let parse = |text: &String| text.parse().map_err(|_| unusable("an address is no IP address"));
            addresses.iter().map(parse).collect()
        };
        let quorum = file.committee.quorum().map_err(|error| unusable(&error.to_string()))?;
        Ok(Self {
            links: parsed(&file.addresses)?,
            pages: parsed(&file.http)?,
            domain: *Keyring::new(file.committee.clone()).client_domain(),
            quorum,
            counts: Counts::default(),
            file,
        })
    }

    fn n(&self) -> usize {
        self.links.len()
    }

    /// The replica that attacker `number` goes for.
    fn target(&self, number: usize) -> usize {
        number % self.n().max(1)
    }

    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn sent(&self) {
        Self::count(&self.counts.messages);
    }

    fn is_loopback(&self) -> bool {
        self.links.iter().all(|address| address.ip().is_loopback())
    }

    /// Where attacker `number` comes from: an address of its own where that costs nothing.
    fn own_address(&self, number: usize) -> Option<IpAddr> {
        let part = |value: usize| u8::try_from(value % 250 + 1).unwrap_or(1);
        self.is_loopback().then(|| IpAddr::from([127, 77, part(number / 250), part(number)]))
    }

    fn leader(&self, view: outvote_types::View) -> ReplicaId {
        self.quorum.leader(view)
    }
}

/// Lets the named crowd loose each time that standard input says so, until it ends.
///
/// # Errors
/// When there is no such crowd, or the committee cannot be attacked.
pub async fn serve(name: &str, file: CommitteeFile) -> Result<(), BenchError> {
    if !CROWDS.contains(&name) {
        return Err(BenchError::Option { option: "--crowd", cure: format!("one of {}", CROWDS.join(", ")) });
    }
    let ground = Arc::new(Ground::new(file)?);
    let mut words = words();
    // Whoever cannot be told anything ends.
    while let Some(word) = words.recv().await {
        if word != "go" {
            continue;
        }
        tokio::select! {
            () = attack(name, &ground) => {}
            _ = words.recv() => {}
        }
        let deeds = serde_json::to_string(&ground.counts.take()).unwrap_or_default();
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{deeds}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    Ok(())
}

/// The lines of standard input, read on a thread of its own that is left behind at the end.
fn words() -> mpsc::Receiver<String> {
    let (words, told) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_ok_and(|line| words.blocking_send(line).is_ok()) {
                continue;
            }
            return;
        }
    });
    told
}

async fn attack(name: &str, ground: &Arc<Ground>) {
    match name {
        "bad-signatures" => senders::bad_signatures(ground).await,
        "half-valid" => senders::half_valid(ground).await,
        "two-stories" => senders::two_stories(ground).await,
        "old-requests" => storms::old_requests(ground).await,
        "backups-only" => senders::backups_only(ground).await,
        "slow-loris" => sockets::slow_loris(ground).await,
        "retry-storm" => storms::retry_storm(ground).await,
        "deaf" => readers::deaf(ground).await,
        "idle-sockets" => sockets::idle(ground).await,
        "handshakes" => sockets::handshakes(ground).await,
        "http-flood" => askers::http_flood(ground).await,
        _ => burners::burn().await,
    }
    // They go on until they are told to rest.
    std::future::pending().await
}

/// A pause between two tries of one attacker.
async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
