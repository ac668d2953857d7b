//! The listener: one port for members and clients; the ALPN says who comes, the key proves it.

use crate::admission::{Admission, ClientPlace};
use crate::client::ClientConnection;
use crate::dial::{CLIENT_READ_BYTES, LINK_READ_BYTES, Stream};
use crate::error::key_text;
use crate::hello::{self, Class};
use crate::key::key_of;
use crate::link;
use crate::links::Shared;
use crate::refusals::Reason;
use crate::socket::Socket;
use crate::tls::{REPLICA_ALPN, ServerSide};
use outvote_types::ReplicaId;
use rustls::server::Acceptor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::{LazyConfigAcceptor, TlsStream};

/// The pause after the system refused to accept, most often because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Listener {
    pub(crate) shared: Arc<Shared>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) side: ServerSide,
    pub(crate) clients: Option<mpsc::Sender<ClientConnection>>,
}

enum Admitted {
    /// It said that it is there, and that was all.
    Knocked,
    Member(ReplicaId, Class, Stream),
    Client(ClientPlace, Stream),
}

impl Listener {
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shared.stopped() => return,
            };
            match accepted {
                Ok((socket, remote)) => {
                    let Some(place) = self.admission.handshake(remote.ip()) else {
                        self.shared.refused("too many handshakes at once", remote);
                        continue;
                    };
                    let this = self.clone();
                    tokio::spawn(async move {
                        let admitted = this.admit_in_time(socket, remote).await;
                        drop(place);
                        if let Some(admitted) = admitted {
                            this.serve(admitted, remote).await;
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for a moment");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                        () = self.shared.stopped() => return,
                    }
                }
            }
        }
    }

    async fn admit_in_time(&self, socket: TcpStream, remote: SocketAddr) -> Option<Admitted> {
        // X01: nobody holds a place by saying nothing.
        let admitted = tokio::select! {
            admitted = tokio::time::timeout(self.shared.limits.handshake_timeout, self.admit(socket, remote)) => admitted,
            () = self.shared.stopped() => return None,
        };
        let admitted = admitted.unwrap_or_else(|_| Err("no handshake in time".into()));
        admitted.map_err(|why| self.shared.refused(why, remote)).ok()
    }

    async fn admit(&self, socket: TcpStream, remote: SocketAddr) -> Result<Admitted, Reason> {
        let in_words = |error: std::io::Error| error.to_string();
        let socket = Socket::new(socket, &self.shared.limits).map_err(in_words)?;
        let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await.map_err(in_words)?;
        let is_member = start.client_hello().alpn().is_some_and(|mut all| all.any(|one| one == REPLICA_ALPN));
        if is_member {
            let stream = start.into_stream(self.side.replicas.clone()).await.map_err(|error| {
                match self.side.pinned.take_refused() {
                    Some(key) => format!("{} is no member's link key: {error}", key_text(Some(key))),
                    None => in_words_of_ours(&error),
                }
            })?;
            return self.admit_member(stream).await;
        }
        if self.clients.is_none() {
            return Err("clients are not served here".into());
        }
        let place = self.admission.client(remote.ip()).ok_or("too many clients")?;
        let mut stream = start.into_stream(self.side.clients.clone()).await.map_err(in_words)?;
        stream.get_mut().0.trust(CLIENT_READ_BYTES);
        stream.get_ref().0.bound(self.shared.limits.client_socket_bytes).map_err(in_words)?;
        Ok(Admitted::Client(place, TlsStream::Server(stream)))
    }

    async fn admit_member(
        &self,
        mut stream: tokio_rustls::server::TlsStream<Socket>,
    ) -> Result<Admitted, Reason> {
        let shown = stream.get_ref().1.peer_certificates().and_then(|shown| key_of(shown.first()?));
        let peer = shown.and_then(|key| self.shared.member(&key)).ok_or("no member's link key was shown")?;
        stream.get_mut().0.trust(LINK_READ_BYTES);
        // The member with the lower index dials, so that a pair never has two of each connection.
        let answered = hello::answer(&mut stream, &self.shared.cluster, peer < self.shared.me).await;
        match answered
            .map_err(|error| Reason::Member(peer, format!("no greeting of member {peer}: {error}")))?
        {
            Ok(class) => {
                let mut stream = TlsStream::Server(stream);
                let introduced = self.shared.introduce(peer, &mut stream).await;
                let is_new = introduced.map_err(|error| Reason::Member(peer, error.to_string()))?;
                if class != Class::Knock {
                    return Ok(Admitted::Member(peer, class, stream));
                }
                if is_new {
                    // Another process than the one that we are linked with, if there is a link at all.
                    self.shared.drop_links(peer);
                }
                Ok(Admitted::Knocked)
            }
            Err(said) => {
                Err(Reason::Member(peer, format!("member {peer} was turned away: {}", said.in_words())))
            }
        }
    }

    async fn serve(&self, admitted: Admitted, remote: SocketAddr) {
        match admitted {
            Admitted::Knocked => {}
            Admitted::Member(peer, class, stream) => link::serve(&self.shared, peer, class, stream).await,
            Admitted::Client(place, stream) => {
                let connection = ClientConnection::new(remote, stream, Some(place), &self.shared.limits);
                if let Some(clients) = &self.clients
                    && clients.try_send(connection).is_err()
                {
                    self.shared.refused("the gateway is full", remote);
                }
            }
        }
    }
}

/// Whoever dials looks at our key first; one who expects another shows none of its own.
fn in_words_of_ours(error: &std::io::Error) -> String {
    use rustls::{AlertDescription, Error};
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    if matches!(cause, Some(Error::AlertReceived(AlertDescription::AccessDenied))) {
        return "the one that dials does not know the link key of this node: it belongs to another cluster, or its committee \
                file is another one"
            .into();
    }
    error.to_string()
}
