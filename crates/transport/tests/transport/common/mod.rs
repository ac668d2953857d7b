//! Members on loopback, and a sink that remembers.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

pub mod stranger;

use outvote_crypto::KeyPair;
use outvote_transport::*;
use outvote_types::{BoundedVec, Committee, Epoch, Mode, Parameters, PublicKey, ReplicaId};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

pub const PATIENCE: Duration = Duration::from_secs(10);

pub fn key(seed: u8) -> LinkKey {
    LinkKey::new(KeyPair::from_seed([seed; 32]))
}

pub fn public(seed: u8) -> PublicKey {
    key(seed).public_key()
}

pub fn loopback() -> (TcpListener, String) {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Impatient bounds, so that tests of deadlines take no time.
pub fn limits() -> Limits {
    Limits { handshake_timeout: Duration::from_secs(4), ..Limits::default() }
}

/// A cluster's identity, made of parts that tests can change.
pub fn cluster() -> ClusterIdentity {
    let committee = Committee {
        genesis_salt: [7; 32],
        epoch: Epoch(0),
        mode: Mode::Byzantine,
        demo: true,
        parameters: Parameters::default(),
        members: BoundedVec::default(),
    };
    (&committee).into()
}

pub struct Member {
    pub links: Links,
    pub sender: PeerSender,
    pub events: mpsc::UnboundedReceiver<LinkEvent>,
    pub clients: mpsc::Receiver<ClientConnection>,
}

pub fn config(me: u16, members: &[(u8, String)], limits: Limits) -> LinksConfig {
    let address =
        |(seed, address): &(u8, String)| PeerAddress { link_key: public(*seed), address: address.clone() };
    LinksConfig {
        me: ReplicaId(me),
        cluster: cluster(),
        members: members.iter().map(address).collect(),
        limits,
        urgent: None,
    }
}

impl Member {
    pub fn start(config: LinksConfig, own: &LinkKey, listener: TcpListener) -> Self {
        let (sink, events) = mpsc::unbounded_channel();
        let sink = move |event| {
            let _ = sink.send(event);
        };
        let (gateway, clients) = mpsc::channel(64);
        let links = Links::start(config, own, listener, Arc::new(sink), Some(gateway)).unwrap();
        Self { sender: links.sender(), links, events, clients }
    }

    pub async fn event(&mut self) -> LinkEvent {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.unwrap().unwrap()
    }

    pub async fn until_up(&mut self, peer: u16) {
        while !matches!(self.event().await, LinkEvent::Up(up) if up == ReplicaId(peer)) {}
    }

    pub async fn until_down(&mut self, peer: u16) {
        while !matches!(self.event().await, LinkEvent::Down(down) if down == ReplicaId(peer)) {}
    }

    /// The next frames, with the connection that brought them.
    pub async fn frames(&mut self) -> (ReplicaId, bool, Vec<Vec<u8>>, Budget) {
        loop {
            if let LinkEvent::Frames { peer, urgent, frames, budget } = self.event().await {
                return (peer, urgent, frames, budget);
            }
        }
    }
}

/// Two members that are joined.
pub async fn pair(limits: Limits) -> (Member, Member, Vec<(u8, String)>) {
    let ((one, at_one), (two, at_two)) = (loopback(), loopback());
    let members = vec![(1, at_one), (2, at_two)];
    let mut a = Member::start(config(0, &members, limits.clone()), &key(1), one);
    let mut b = Member::start(config(1, &members, limits), &key(2), two);
    a.until_up(1).await;
    b.until_up(0).await;
    (a, b, members)
}
