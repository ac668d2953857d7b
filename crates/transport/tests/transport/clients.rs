//! Clients at the listener, and what strangers can do there.

use crate::common::*;
use outvote_transport::{Limits, TransportError, connect_client};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

fn alone(limits: Limits) -> (Member, String) {
    let (listener, address) = loopback();
    let members = vec![(1, address.clone()), (2, "127.0.0.1:1".into())];
    (Member::start(config(0, &members, limits), &key(1), listener), address)
}

#[tokio::test]
async fn a_client_and_a_member_exchange_frames() {
    let (mut member, address) = alone(limits());
    let (mut reader, mut writer) = connect_client(&address, public(1), &limits()).await.unwrap();
    let mut served = member.clients.recv().await.unwrap();
    let frames: Vec<Vec<u8>> = (0..50).map(|size| vec![7; size * 100]).collect();
    writer.send(&frames).await.unwrap();
    for frame in &frames {
        assert_eq!(served.reader.next().await.unwrap().as_ref(), Some(frame));
    }
    served.writer.send(&[b"welcome"]).await.unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap(), b"welcome");
    writer.close().await;
    assert!(served.reader.next().await.unwrap().is_none(), "an end, not a break");
    drop(served);
    assert!(reader.next().await.is_err(), "a break, not an end");
}

// Faults: N17
#[tokio::test]
async fn a_client_refuses_a_member_with_another_key() {
    let (mut member, address) = alone(limits());
    let error = connect_client(&address, public(5), &limits()).await.unwrap_err();
    let TransportError::WrongKey { expected, found, .. } = &error else { panic!("{error}") };
    assert_eq!((expected, found), (&public(5).to_hex(), &public(1).to_hex()));
    assert!(member.clients.try_recv().is_err());
}

#[tokio::test]
async fn what_does_not_answer_or_is_something_else_is_named() {
    let error = connect_client("127.0.0.1:1", public(1), &limits()).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error}");
    let error = connect_client("no address", public(1), &limits()).await.unwrap_err();
    assert!(error.to_string().contains("no address"), "{error}");
    // A listener that says nothing, and one that speaks something else.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let hasty = Limits { handshake_timeout: Duration::from_millis(100), ..limits() };
    let error = connect_client(&address, public(1), &hasty).await.unwrap_err();
    assert!(matches!(error, TransportError::Deadline { limit_ms: 100, .. }), "{error}");
    let talking = tokio::spawn(async move {
        loop {
            let (mut socket, _) = silent.accept().await.unwrap();
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = socket.read_u8().await;
        }
    });
    let error = connect_client(&address, public(1), &limits()).await.unwrap_err();
    assert!(matches!(error, TransportError::NotOurs { .. } | TransportError::Unreachable { .. }), "{error}");
    talking.abort();
}

/// Sends bytes and waits until the other end closes; how many bytes it took and how long.
async fn until_closed(address: &str, bytes: &[u8]) -> Duration {
    let started = Instant::now();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let _ = socket.write_all(bytes).await;
    let mut sink = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut sink)).await;
    assert!(closed.is_ok(), "it stays open");
    assert!(sink.len() < 100, "at most an alert");
    started.elapsed()
}

// Faults: M11
#[tokio::test]
async fn plaintext_junk_and_endless_greetings_are_closed_at_once() {
    let patient = Limits { handshake_timeout: Duration::from_secs(60), ..limits() };
    let (member, address) = alone(patient);
    until_closed(&address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    until_closed(&address, &[0xff; 100]).await;
    // Well-formed handshake records that never make a ClientHello: 16 KiB are the most that anybody gets to send.
    let mut endless = vec![22, 3, 1, 0x3f, 0xf0, 1, 0, 0xff, 0xff];
    endless.resize(5 + 0x3ff0, 0);
    endless.extend([22, 3, 1, 0x3f, 0xf0]);
    endless.resize(endless.len() + 0x3ff0, 0);
    until_closed(&address, &endless).await;
    assert_eq!(member.sender.refusals().0, 3);
}

// Faults: X01
#[tokio::test]
async fn whoever_says_nothing_is_closed_at_the_handshake_deadline() {
    let hasty = Limits { handshake_timeout: Duration::from_millis(150), ..limits() };
    let (member, address) = alone(hasty);
    let took = until_closed(&address, b"").await;
    assert!(took >= Duration::from_millis(140), "{took:?}");
    // Half a record, too.
    until_closed(&address, &[22, 3, 1, 2, 0, 1]).await;
    assert_eq!(member.sender.refusals(), (2, Some("no handshake in time".into())));
}

// B3: a byte now and then is no better than none.
// Faults: K10, M11
#[tokio::test]
async fn whoever_sends_a_byte_at_a_time_is_closed_at_the_handshake_deadline() {
    let hasty = Limits { handshake_timeout: Duration::from_millis(400), ..limits() };
    let (member, address) = alone(hasty);
    // A greeting that would be whole in half a minute.
    let mut greeting = vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    greeting.resize(517, 7);
    let started = Instant::now();
    let (mut reader, mut writer) = TcpStream::connect(&address).await.unwrap().into_split();
    let dripping = tokio::spawn(async move {
        for byte in greeting {
            if writer.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut sink = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut sink)).await;
    assert!(closed.is_ok() && started.elapsed() >= Duration::from_millis(390), "{:?}", started.elapsed());
    assert!(!dripping.is_finished(), "it would have gone on");
    assert_eq!(member.sender.refusals(), (1, Some("no handshake in time".into())));
    dripping.abort();
}

/// A silent connection from an address of the loopback network that is no member's.
async fn stranger(address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    socket.connect(address.parse().unwrap()).await.unwrap()
}

// B3: members have places of their own.
// Faults: X01
#[tokio::test]
async fn a_crowd_of_silent_strangers_keeps_no_member_out() {
    let few = Limits { handshakes_max: 100, handshake_timeout: Duration::from_secs(60), ..limits() };
    let ((one, at_one), (two, at_two)) = (loopback(), loopback());
    let members = vec![(1, at_one), (2, at_two.clone())];
    let mut b = Member::start(config(1, &members, few), &key(2), two);
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(stranger(&at_two).await);
    }
    while b.sender.refusals().0 < 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        b.sender.refusals(),
        (200, Some("too many handshakes at once".into())),
        "100 hold their places"
    );
    let started = Instant::now();
    let mut a = Member::start(config(0, &members, limits()), &key(1), one);
    a.until_up(1).await;
    b.until_up(0).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(b.sender.refusals().0, 200, "the crowd is still there");
    drop(crowd);
}

// Faults: X01
#[tokio::test]
async fn silent_strangers_use_up_their_own_places_only() {
    let few = Limits {
        handshakes_max: 4,
        member_handshakes_max: 0,
        handshake_timeout: Duration::from_secs(60),
        ..limits()
    };
    let (member, address) = alone(few);
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    until_closed(&address, b"").await;
    assert_eq!(member.sender.refusals().1.unwrap(), "too many handshakes at once");
    drop(silent);
}

// Faults: X01
#[tokio::test]
async fn clients_have_a_bound_in_total_and_for_each_address() {
    for few in [Limits { clients_max: 2, ..limits() }, Limits { clients_per_ip_max: 2, ..limits() }] {
        let (mut member, address) = alone(few);
        let mut open = Vec::new();
        for _ in 0..2 {
            open.push((
                connect_client(&address, public(1), &limits()).await.unwrap(),
                member.clients.recv().await,
            ));
        }
        assert!(connect_client(&address, public(1), &limits()).await.is_err());
        assert_eq!(member.sender.refusals().1.unwrap(), "too many clients");
        // A place is free again when both ends of a connection are gone.
        open.pop();
        connect_client(&address, public(1), &limits()).await.unwrap();
    }
}
