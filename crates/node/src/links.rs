//! Joins the transport's links to the core.

use crate::config::NodeConfig;
use crate::core_thread::CoreEvent;
use crate::error::NodeError;
use crate::inbox::CoreSender;
use crate::shared::Shared;
use outvote_crypto::KeyPair;
use outvote_transport::{ClientConnection, LinkEvent, LinkKey, Links, LinksConfig, PeerAddress};
use std::net::TcpListener;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Clients that wait to be taken over at most.
const CLIENTS_WAITING_MAX: usize = 64;

/// The running links and the clients that come through the same listener.
pub(crate) struct Started {
    pub(crate) links: Links,
    pub(crate) clients: mpsc::Receiver<ClientConnection>,
}

/// Listens, dials the other members and feeds the core.
pub(crate) fn start(
    shared: &Shared,
    key: KeyPair,
    config: &NodeConfig,
    listener: TcpListener,
    core: CoreSender,
    urgent: Option<Handle>,
) -> Result<Started, NodeError> {
    let committee = &shared.committee.committee;
    let members = committee.members.iter().zip(&shared.committee.addresses);
    let members =
        members.map(|(member, address)| PeerAddress { link_key: member.link_key, address: address.clone() });
    let limits = outvote_transport::Limits {
        clients_max: config.limits.client_connections,
        // A gateway, a bench or a crowd behind one address is an ordinary client here; the total above bounds them all.
        clients_per_ip_max: config.limits.client_connections,
        ..outvote_transport::Limits::default()
    };
    let links_config =
        LinksConfig { me: shared.me, cluster: committee.into(), members: members.collect(), limits, urgent };
    let (client_sender, clients) = mpsc::channel(CLIENTS_WAITING_MAX);
    let sink = Arc::new(move |event| {
        let event = match event {
            LinkEvent::Up(peer) => CoreEvent::Link { peer, up: true },
            LinkEvent::Down(peer) => CoreEvent::Link { peer, up: false },
            LinkEvent::Twins(peer) => CoreEvent::Twins(peer),
            LinkEvent::Younger { shown_by, earlier_us } => CoreEvent::Younger { shown_by, earlier_us },
            LinkEvent::Frames { peer, frames, budget, .. } => CoreEvent::Frames { peer, frames, budget },
        };
        // The core is gone only when the node stops. What waits for it is bounded by each connection's budget.
        let _ = core.send(event);
    });
    let links = Links::start(links_config, &LinkKey::new(key), listener, sink, Some(client_sender))?;
    Ok(Started { links, clients })
}
