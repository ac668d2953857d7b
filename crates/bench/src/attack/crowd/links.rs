//! Connections of attackers: bare, from an address of their own.

use super::Ground;
use outvote_transport::{FrameReader, FrameWriter, Limits, connect_client_over};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A connection that may be written to. What comes back is read and thrown away, until this is dropped.
pub(super) struct Link {
    pub(super) writer: FrameWriter,
    reading: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Ground {
    /// A bare connection of attacker `number`.
    pub(super) async fn tcp(&self, number: usize, address: SocketAddr) -> Option<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
        if let Some(own) = self.own_address(number) {
            // Where the address cannot be had, another is as good.
            let _ = socket.bind(SocketAddr::new(own, 0));
        }
        let stream = socket.connect(address).await.ok();
        Self::count(if stream.is_some() { &self.counts.connections } else { &self.counts.cut_off });
        stream
    }

    /// A connection through the whole greeting to a replica.
    pub(super) async fn connect(&self, number: usize, replica: usize) -> Option<(FrameReader, FrameWriter)> {
        let address = *self.links.get(replica)?;
        let key = self.file.committee.members.get(replica)?.link_key;
        let stream = self.tcp(number, address).await?;
        let connected = connect_client_over(stream, &address.to_string(), key, &Limits::default()).await;
        if connected.is_err() {
            Self::count(&self.counts.cut_off);
        }
        connected.ok()
    }

    /// The same with a task that reads.
    pub(super) async fn link(&self, number: usize, replica: usize) -> Option<Link> {
        let (mut reader, writer) = self.connect(number, replica).await?;
        let reading = tokio::spawn(async move { while let Ok(Some(_)) = reader.next().await {} });
        Some(Link { writer, reading: reading.abort_handle() })
    }

    /// Sends over the link, and opens it first or again where it is not there; false where that failed.
    pub(super) async fn say(
        &self,
        link: &mut Option<Link>,
        number: usize,
        replica: usize,
        frames: &[Arc<[u8]>],
    ) -> bool {
        if link.is_none() {
            *link = self.link(number, replica).await;
        }
        let Some(open) = link else { return false };
        if open.writer.send(frames).await.is_err() {
            Self::count(&self.counts.cut_off);
            *link = None;
            return false;
        }
        frames.iter().for_each(|_| self.sent());
        true
    }
}

/// Runs one attacker for each number; all end when this is dropped.
pub(super) async fn crowd<F: Future<Output = ()> + Send + 'static>(
    ground: &Arc<Ground>,
    count: usize,
    attacker: impl Fn(Arc<Ground>, usize) -> F,
) {
    let mut attackers = JoinSet::new();
    for number in 0..count {
        attackers.spawn(attacker(Arc::clone(ground), number));
    }
    while attackers.join_next().await.is_some() {}
}
