//! All links of one member: who is connected, what waits for whom, and the tasks that keep it so.

use crate::accept::Listener;
use crate::admission::{Admission, resolve};
use crate::client::ClientConnection;
use crate::dial::Stream;
use crate::dialler::{Dialler, Knocker};
use crate::error::TransportError;
use crate::event::{Allowance, LinkEvent, LinkSink};
use crate::hello::Class;
use crate::identity::ClusterIdentity;
use crate::instance::{Acquaintance, Instance};
use crate::introduction::{Introduction, Standing};
use crate::key::LinkKey;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::refusals::{Reason, Refusals};
use crate::tls::{ClientSide, ServerSide};
use outvote_types::{PublicKey, ReplicaId};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Where a member listens and which key it must show.
#[derive(Clone, Debug)]
pub struct PeerAddress {
    /// Its link key, from the committee.
    pub link_key: PublicKey,
    /// `host:port`.
    pub address: String,
}

/// What the links need to know.
#[derive(Clone, Debug)]
pub struct LinksConfig {
    /// This member's index.
    pub me: ReplicaId,
    /// The cluster's identity.
    pub cluster: ClusterIdentity,
    /// All members in the committee's order, this one included.
    pub members: Vec<PeerAddress>,
    /// The bounds.
    pub limits: Limits,
    /// Where urgent connections read and write: on the thread of whoever consumes their frames, a vote costs one wake-up of
    /// a thread and not three. `None` keeps them with all others.
    pub urgent: Option<Handle>,
}

/// How it stands with one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerState {
    /// Whether both connections work.
    pub up: bool,
    /// Connections made since the start.
    pub connects: u64,
    /// Bytes that wait for it.
    pub queued_bytes: usize,
    /// Frames that were dropped because it did not take them.
    pub dropped_frames: u64,
    /// Why the last attempt or connection failed.
    pub last_error: Option<String>,
}

#[derive(Debug, Default)]
struct Peer {
    /// The connection of each class: its number, and what ends it when dropped.
    current: [Option<(u64, oneshot::Sender<()>)>; 2],
    connects: u64,
    last_error: Option<String>,
}

impl Peer {
    const fn is_up(&self) -> bool {
        self.current[0].is_some() && self.current[1].is_some()
    }
}

struct Slot {
    link_key: PublicKey,
    outboxes: [Outbox; 2],
    allowances: [Allowance; 2],
    peer: Mutex<Peer>,
    /// Its processes.
    acquaintance: Mutex<Acquaintance>,
    /// Somebody knocked: whoever waits before dialling again waits no longer.
    knocked: Notify,
}

impl Slot {
    fn peer(&self) -> MutexGuard<'_, Peer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Shared {
    pub(crate) me: ReplicaId,
    pub(crate) cluster: ClusterIdentity,
    pub(crate) limits: Limits,
    pub(crate) urgent: Option<Handle>,
    pub(crate) sink: Arc<dyn LinkSink>,
    key: LinkKey,
    /// This process.
    own: Instance,
    slots: Vec<Slot>,
    stop: watch::Receiver<()>,
    refusals: Refusals,
    failures: Refusals,
}

impl Shared {
    pub(crate) fn member(&self, key: &PublicKey) -> Option<ReplicaId> {
        let index = self.slots.iter().position(|slot| slot.link_key == *key)?;
        u16::try_from(index).ok().map(ReplicaId).filter(|id| *id != self.me)
    }

    pub(crate) fn outbox(&self, peer: ReplicaId, class: Class) -> &Outbox {
        &self.slots[peer.index()].outboxes[class as usize]
    }

    pub(crate) fn allowance(&self, peer: ReplicaId, class: Class) -> &Allowance {
        &self.slots[peer.index()].allowances[class as usize]
    }

    /// Ends when the links are dropped.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        while stop.changed().await.is_ok() {}
    }

    /// A connection is there. A newer one replaces an older one, whose end was perhaps not noticed yet.
    pub(crate) fn attach(&self, id: ReplicaId, class: Class) -> (u64, oneshot::Receiver<()>) {
        let slot = &self.slots[id.index()];
        let (ends, ended) = oneshot::channel();
        let mut peer = slot.peer();
        if peer.is_up() {
            self.sink.on_link(LinkEvent::Down(id));
        }
        peer.connects += 1;
        let generation = peer.connects;
        peer.current[class as usize] = Some((generation, ends));
        slot.outboxes[class as usize].set_connected(true);
        if peer.is_up() {
            peer.last_error = None;
            // Told under the lock, so that ups and downs arrive in their order.
            self.sink.on_link(LinkEvent::Up(id));
        }
        (generation, ended)
    }

    pub(crate) fn detach(&self, id: ReplicaId, class: Class, generation: u64, ended: &TransportError) {
        let slot = &self.slots[id.index()];
        let mut peer = slot.peer();
        if peer.current[class as usize].as_ref().is_none_or(|(current, _)| *current != generation) {
            return;
        }
        let was_up = peer.is_up();
        peer.current[class as usize] = None;
        peer.last_error = Some(ended.to_string());
        slot.outboxes[class as usize].set_connected(false);
        if was_up {
            self.sink.on_link(LinkEvent::Down(id));
        }
    }

    pub(crate) fn refused(&self, why: impl Into<Reason>, remote: SocketAddr) {
        let why = why.into();
        if self.refusals.count(Instant::now(), &why) {
            tracing::warn!(%remote, "a connection was refused: {}", why.words());
        }
    }

    /// D27: names our process to the other end and hears of its; an error if there is to be no link.
    pub(crate) async fn introduce(&self, id: ReplicaId, stream: &mut Stream) -> Result<bool, TransportError> {
        let slot = &self.slots[id.index()];
        let introduction = Introduction {
            key: &self.key,
            cluster: &self.cluster,
            own: self.own,
            peer_key: &slot.link_key,
            peer: &slot.acquaintance,
        };
        match introduction.make(stream).await? {
            Standing::Fine { is_new, has_proven, younger_met } => {
                if let Some(younger) = younger_met {
                    self.warn_of_younger(id, younger);
                }
                if has_proven {
                    // Whichever of the two is linked: the younger one comes again, and is shown the proof.
                    self.drop_links(id);
                }
                Ok(is_new)
            }
            Standing::PeerIsYounger { .. } => {
                self.sink.on_link(LinkEvent::Twins(id));
                Err(TransportError::PeerRunsTwice { peer: id })
            }
            Standing::WeAreYounger { elder } => {
                let earlier_us = self.own.started_us().saturating_sub(elder.started_us());
                self.sink.on_link(LinkEvent::Younger { shown_by: id, earlier_us });
                Err(TransportError::WeRunTwice)
            }
        }
    }

    fn warn_of_younger(&self, id: ReplicaId, younger: Instance) {
        let started_us = younger.started_us();
        let words = format!(
            "member {id} says that another process with this node's keys, started {started_us} microseconds after the epoch, \
             is or was there; if it lives, it is told to end"
        );
        if self.failures.count(Instant::now(), &Reason::Member(id, words.clone())) {
            tracing::warn!(peer = %id, "{words}");
        }
    }

    /// Ends the connections with a member. Whoever dials, dials again at once.
    pub(crate) fn drop_links(&self, id: ReplicaId) {
        let slot = &self.slots[id.index()];
        let mut peer = slot.peer();
        let was_up = peer.is_up();
        // Each connection's task ends when its sender is dropped, and finds that it is not the current one any more.
        for (current, outbox) in peer.current.iter_mut().zip(&slot.outboxes) {
            *current = None;
            outbox.set_connected(false);
        }
        if was_up {
            self.sink.on_link(LinkEvent::Down(id));
        }
        slot.knocked.notify_waiters();
    }

    /// Ends when somebody knocks, or the links change in another way that makes it worth dialling.
    pub(crate) async fn knocked(&self, id: ReplicaId) {
        self.slots[id.index()].knocked.notified().await;
    }

    pub(crate) fn is_up(&self, id: ReplicaId) -> bool {
        self.slots[id.index()].peer().is_up()
    }

    pub(crate) fn failed(&self, id: ReplicaId, error: &TransportError) {
        let mut peer = self.slots[id.index()].peer();
        let text = error.to_string();
        // Each new reason is said once, not at every attempt.
        if self.failures.count(Instant::now(), &Reason::Member(id, text.clone())) {
            tracing::warn!(peer = %id, "no link: {text}");
        }
        peer.last_error = Some(text);
    }
}

/// Sends frames to members. Cheap to clone; never waits.
#[derive(Clone)]
pub struct PeerSender {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for PeerSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerSender of member {}", self.shared.me)
    }
}

impl PeerSender {
    /// Queues a frame for one member. Nothing happens for ourselves or for somebody who is no member.
    pub fn send(&self, to: ReplicaId, urgent: bool, frame: Arc<[u8]>) {
        if to != self.shared.me
            && let Some(slot) = self.shared.slots.get(to.index())
        {
            let class = if urgent { Class::Urgent } else { Class::Bulk };
            slot.outboxes[class as usize].push(frame);
        }
    }

    /// Queues a frame for all other members; they share its bytes.
    pub fn send_to_others(&self, urgent: bool, frame: &Arc<[u8]>) {
        for to in (0..).map(ReplicaId).take(self.shared.slots.len()) {
            self.send(to, urgent, frame.clone());
        }
    }

    /// How it stands with each member, in the committee's order; nothing for ourselves.
    #[must_use]
    pub fn states(&self) -> Vec<PeerState> {
        let state = |slot: &Slot| {
            let peer = slot.peer();
            PeerState {
                up: peer.is_up(),
                connects: peer.connects,
                queued_bytes: slot.outboxes.iter().map(Outbox::bytes).sum(),
                dropped_frames: slot.outboxes.iter().map(Outbox::dropped).sum(),
                last_error: peer.last_error.clone(),
            }
        };
        self.shared.slots.iter().map(state).collect()
    }

    /// How many connections were refused at our listener, and why the last one was.
    #[must_use]
    pub fn refusals(&self) -> (u64, Option<String>) {
        self.shared.refusals.so_far()
    }
}

/// The running links. Dropping them ends every task and connection.
#[derive(Debug)]
pub struct Links {
    sender: PeerSender,
    /// The tasks wait for its end.
    _stop: watch::Sender<()>,
    /// Holds the listener.
    accepting: JoinHandle<()>,
}

impl Links {
    /// Starts listening and dialling on the current tokio runtime. Clients are handed to `clients`, if it is given; when
    /// that queue is full they are turned away.
    ///
    /// # Errors
    /// When the listener or the key cannot be used.
    pub fn start(
        config: LinksConfig,
        key: &LinkKey,
        listener: TcpListener,
        sink: Arc<dyn LinkSink>,
        clients: Option<mpsc::Sender<ClientConnection>>,
    ) -> Result<Self, TransportError> {
        let LinksConfig { me, cluster, members, limits, urgent } = config;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (ends, stop) = watch::channel(());
        let slots = members.iter().map(|member| slot(member, &limits)).collect();
        let admission = Arc::new(Admission::new(&limits));
        let shared = Arc::new(Shared {
            me,
            cluster,
            limits,
            urgent,
            sink,
            key: key.again(),
            own: Instance::draw()?,
            slots,
            stop,
            refusals: Refusals::default(),
            failures: Refusals::default(),
        });
        let keys: Vec<_> = members.iter().map(|member| member.link_key).collect();
        let side = ServerSide::new(key, &keys)?;
        let accept = Listener { shared: shared.clone(), admission: admission.clone(), side, clients };
        let accepting = tokio::spawn(Arc::new(accept).run(listener));
        for (member, id) in members.iter().zip((0..).map(ReplicaId)) {
            if id > me {
                let side = ClientSide::new(member.link_key, Some(key))?;
                for class in Class::BOTH {
                    let dialler = Dialler {
                        shared: shared.clone(),
                        peer: id,
                        class,
                        address: member.address.clone(),
                        side: side.clone(),
                        ours: key.public_key(),
                    };
                    tokio::spawn(dialler.run());
                }
            } else if id < me {
                let side = ClientSide::new(member.link_key, Some(key))?;
                let (shared, address) = (shared.clone(), member.address.clone());
                tokio::spawn(Knocker { shared, peer: id, address, side, ours: key.public_key() }.run());
            }
        }
        tokio::spawn(resolve(members, admission));
        Ok(Self { sender: PeerSender { shared }, _stop: ends, accepting })
    }

    /// Ends every task and connection, as dropping does. When the task that is given back has ended, the port is free.
    #[must_use]
    pub fn close(self) -> JoinHandle<()> {
        self.accepting
    }

    /// A handle for sending.
    #[must_use]
    pub fn sender(&self) -> PeerSender {
        self.sender.clone()
    }
}

fn slot(member: &PeerAddress, limits: &Limits) -> Slot {
    let outbox = |bytes| Outbox::new(bytes, limits.idle_queue_max);
    Slot {
        link_key: member.link_key,
        outboxes: [outbox(limits.urgent_queue_max), outbox(limits.bulk_queue_max)],
        allowances: [Allowance::new(limits.unread_max), Allowance::new(limits.unread_max)],
        peer: Mutex::default(),
        acquaintance: Mutex::default(),
        knocked: Notify::new(),
    }
}
