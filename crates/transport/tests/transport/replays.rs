//! What was recorded is of no use to whoever plays it back, and strangers get little for what they send.

use crate::common::*;
use outvote_transport::probes::Handshakes;
use outvote_transport::{connect_client, tls};
use outvote_types::ReplicaId;
use rustls::client::{ClientConnection, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::ServerName;
use rustls::{CipherSuite, HandshakeKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// What went from the dialling side to the listening one, a connection each.
type Recorded = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

/// Passes every connection on and writes down what the dialling side says.
async fn recorder(listener: TcpListener, to: String, recorded: Recorded) {
    loop {
        let (from, _) = listener.accept().await.unwrap();
        let said: Arc<Mutex<Vec<u8>>> = Arc::default();
        recorded.lock().unwrap().push(Arc::clone(&said));
        let to = to.clone();
        tokio::spawn(async move {
            let onward = TcpStream::connect(&to).await.unwrap();
            let ((mut from_reader, mut from_writer), (mut to_reader, mut to_writer)) =
                (from.into_split(), onward.into_split());
            let there = async {
                let mut piece = vec![0; 16 * 1024];
                while let Ok(count) = from_reader.read(&mut piece).await {
                    said.lock().unwrap().extend(&piece[..count]);
                    if count == 0 || to_writer.write_all(&piece[..count]).await.is_err() {
                        break;
                    }
                }
            };
            let back = tokio::io::copy(&mut to_reader, &mut from_writer);
            tokio::select! { () = there => {}, _ = back => {} }
        });
    }
}

async fn recording(to: &str) -> (String, Recorded, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let recorded = Recorded::default();
    let task = tokio::spawn(recorder(listener, to.to_owned(), Arc::clone(&recorded)));
    (address, recorded, task)
}

/// Says this to a member, and nothing more; returns all that it answers before it ends the connection.
async fn say(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // It may end the connection before it has heard all.
    let _ = socket.write_all(bytes).await;
    let _ = socket.shutdown().await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

/// Plays back what was recorded, and waits until each of these connections is refused.
async fn play_back(member: &Member, recorded: &Recorded, at: &str) {
    let connections: Vec<Vec<u8>> =
        recorded.lock().unwrap().iter().map(|said| said.lock().unwrap().clone()).collect();
    let refused = member.sender.refusals().0 + connections.len() as u64;
    for said in &connections {
        assert!(said.len() > 1_000, "a whole handshake, and frames");
        say(at, said).await;
    }
    while member.sender.refusals().0 < refused {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// Faults: N16
#[tokio::test]
async fn a_members_recorded_connections_are_refused_when_they_are_played_back() {
    let ((one, at_one), (two, at_two)) = (loopback(), loopback());
    let (at_recorder, recorded, task) = recording(&at_two).await;
    let mut a = Member::start(config(0, &[(1, at_one.clone()), (2, at_recorder)], limits()), &key(1), one);
    let mut b = Member::start(config(1, &[(1, at_one), (2, at_two.clone())], limits()), &key(2), two);
    a.until_up(1).await;
    b.until_up(0).await;
    for urgent in [true, false] {
        a.sender.send(ReplicaId(1), urgent, Arc::from(*b"pay Bob"));
        assert_eq!(b.frames().await.2, [b"pay Bob"]);
    }
    assert_eq!(recorded.lock().unwrap().len(), 2, "the urgent connection and the other");
    // Beside the member itself: the link does not even blink.
    play_back(&b, &recorded, &at_two).await;
    assert!(b.events.try_recv().is_err(), "no frame, no link up or down");
    // And in its place.
    drop(a);
    b.until_down(0).await;
    play_back(&b, &recorded, &at_two).await;
    assert!(b.events.try_recv().is_err(), "no frame, no link up");
    task.abort();
}

// Faults: N16
#[tokio::test]
async fn a_clients_recorded_connection_is_refused_when_it_is_played_back() {
    let (mut member, address) = alone();
    let (at_recorder, recorded, task) = recording(&address).await;
    let (_reader, mut writer) = connect_client(&at_recorder, public(1), &limits()).await.unwrap();
    let mut served = member.clients.recv().await.unwrap();
    writer.send(&[b"pay Bob"]).await.unwrap();
    assert_eq!(served.reader.next().await.unwrap().unwrap(), b"pay Bob");
    play_back(&member, &recorded, &address).await;
    assert!(member.clients.try_recv().is_err(), "nobody reaches the gateway");
    task.abort();
}

/// Early data can be replayed; it needs a ticket of an earlier session, and none is ever given.
// Faults: N16
#[tokio::test]
async fn whoever_asks_for_tickets_and_early_data_gets_neither() {
    let (mut member, address) = alone();
    let mut config = stranger::config(&[tls::CLIENT_ALPN], true, |_| {});
    config.resumption = Resumption::in_memory_sessions(8);
    config.enable_early_data = true;
    let connector = TlsConnector::from(Arc::new(config));
    for _ in 0..3 {
        let socket = TcpStream::connect(&address).await.unwrap();
        let name = ServerName::try_from("outvote").unwrap();
        let mut stream = connector.connect(name, socket).await.unwrap();
        let mut served = member.clients.recv().await.unwrap();
        // A ticket would come before the first frame.
        served.writer.send(&[b"welcome"]).await.unwrap();
        assert!(stream.read_u8().await.is_ok());
        let connection = stream.get_mut().1;
        assert_eq!(connection.tls13_tickets_received(), 0);
        assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Full));
        assert!(!connection.is_early_data_accepted());
    }
}

fn alone() -> (Member, String) {
    let (listener, address) = loopback();
    let members = vec![(1, address.clone()), (2, "127.0.0.1:1".into())];
    (Member::start(config(0, &members, limits()), &key(1), listener), address)
}

/// The first bytes of a stranger.
fn hello(alpn: &[u8], restrict: impl FnOnce(&mut CryptoProvider)) -> Vec<u8> {
    let mut config = stranger::config(&[alpn], true, restrict);
    config.enable_sni = false;
    let name = ServerName::try_from("outvote").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    hello
}

/// As short as TLS lets it be: one cipher, one key exchange of the older kind.
fn shortest(provider: &mut CryptoProvider) {
    provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider.kx_groups = vec![kx_group::X25519];
}

/// What is answered to strangers goes to where TCP has found them, so nothing can be reflected at others. TLS owes each hello
/// its answer: to one as members and clients of ours send it that is as long as the hello, to the shortest one possible
/// not twice as long, and to anything else next to nothing.
// Faults: X09
#[tokio::test]
async fn a_stranger_gets_about_as_much_as_it_sent_and_never_twice_that() {
    let (_member, address) = alone();
    let as_client = hello(tls::CLIENT_ALPN, |_| {});
    // A stranger's key, in a hello like those of members.
    let as_member = Handshakes::new(&key(9), &[public(1)]).unwrap().hello();
    let half = as_client[..as_client.len() / 2].to_vec();
    let openings: [(&str, Vec<u8>, usize); 9] = [
        ("nothing", Vec::new(), 0),
        ("one byte", vec![0x16], 0),
        ("half a hello", half, 0),
        ("a request of the web", b"GET / HTTP/1.1\r\nHost: outvote\r\n\r\n".to_vec(), 100),
        ("zeros", vec![0; 4_000], 100),
        ("another protocol's hello", hello(b"h2", |_| {}), 100),
        ("a client's hello", as_client, 110),
        ("a member's hello", as_member, 110),
        ("the shortest hello", hello(tls::CLIENT_ALPN, shortest), 200),
    ];
    for (what, said, percent_max) in openings {
        let answer = say(&address, &said).await.len();
        println!("{what}: {} bytes in, {answer} out", said.len());
        assert!(answer * 100 <= said.len() * percent_max, "{what}: {} bytes in, {answer} out", said.len());
    }
}
