//! Who may start a handshake, and who may stay: bounds that strangers cannot use up for members.

use crate::limits::Limits;
use crate::links::PeerAddress;
use crate::sync::tasks::{OwnedSemaphorePermit, Semaphore};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};
use outvote_types::planted::{self, Bug};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

type PerIp = Mutex<BTreeMap<IpAddr, usize>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handshakes of strangers in the current second.
#[derive(Debug)]
struct Rate {
    since: Instant,
    started: u32,
}

/// The listener's places.
#[derive(Debug)]
pub(crate) struct Admission {
    members: Mutex<BTreeSet<IpAddr>>,
    member_handshakes: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    rate: Mutex<Rate>,
    rate_max: u32,
    clients: Arc<Semaphore>,
    per_ip: Arc<PerIp>,
    per_ip_max: usize,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            members: Mutex::default(),
            member_handshakes: Arc::new(Semaphore::new(limits.member_handshakes_max)),
            handshakes: Arc::new(Semaphore::new(limits.handshakes_max)),
            rate: Mutex::new(Rate { since: Instant::now(), started: 0 }),
            rate_max: limits.handshakes_per_second_max,
            clients: Arc::new(Semaphore::new(limits.clients_max)),
            per_ip: Arc::default(),
            per_ip_max: limits.clients_per_ip_max,
        }
    }

    /// Members may dial from here.
    pub(crate) fn add_member(&self, ip: IpAddr) {
        lock(&self.members).insert(ip.to_canonical());
    }

    /// A place for a handshake; `None` when all are taken, and the connection is closed unread.
    pub(crate) fn handshake(&self, ip: IpAddr) -> Option<OwnedSemaphorePermit> {
        // X01: members' addresses have places of their own, whatever strangers do.
        let is_member = lock(&self.members).contains(&ip.to_canonical());
        let reserved = is_member.then(|| self.member_handshakes.clone().try_acquire_owned().ok()).flatten();
        if reserved.is_some() {
            return reserved;
        }
        // X02: a flood of handshakes costs strangers their places, not the members their CPU.
        let place = self.handshakes.clone().try_acquire_owned().ok()?;
        (is_member || self.is_within_rate()).then_some(place)
    }

    fn is_within_rate(&self) -> bool {
        let mut rate = lock(&self.rate);
        let now = Instant::now();
        if now.duration_since(rate.since) >= Duration::from_secs(1) {
            *rate = Rate { since: now, started: 0 };
        }
        rate.started = rate.started.saturating_add(1);
        rate.started <= self.rate_max
    }

    /// A client's place; `None` when all are taken, in total or from this address.
    pub(crate) fn client(&self, ip: IpAddr) -> Option<ClientPlace> {
        let permit = self.clients.clone().try_acquire_owned().ok()?;
        let ip = ip.to_canonical();
        let mut per_ip = lock(&self.per_ip);
        let count = per_ip.entry(ip).or_insert(0);
        if *count >= self.per_ip_max && !planted::is_on(Bug::AddressUncounted) {
            return None;
        }
        *count += 1;
        Some(ClientPlace { _permit: permit, per_ip: self.per_ip.clone(), ip })
    }
}

/// A client's place, given back when both halves of its connection are dropped.
#[derive(Debug)]
pub(crate) struct ClientPlace {
    _permit: OwnedSemaphorePermit,
    per_ip: Arc<PerIp>,
    ip: IpAddr,
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let mut per_ip = lock(&self.per_ip);
        if let Some(count) = per_ip.get_mut(&self.ip) {
            *count = count.saturating_sub(usize::from(!planted::is_on(Bug::PlaceNeverGivenBack)));
            if *count == 0 {
                per_ip.remove(&self.ip);
            }
        }
    }
}

/// Finds out from where members may dial, so that they keep their places at the listener.
pub(crate) async fn resolve(members: Vec<PeerAddress>, admission: Arc<Admission>) {
    for member in members {
        match tokio::net::lookup_host(&member.address).await {
            Ok(found) => found.for_each(|address| admission.add_member(address.ip())),
            Err(error) => tracing::warn!(address = member.address, %error, "a member's address is unknown"),
        }
    }
}
