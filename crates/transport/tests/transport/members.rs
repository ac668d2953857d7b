//! Links between members: they talk, they end, they come back, and nothing grows without a bound.

use crate::common::*;
use outvote_transport::{Limits, LinkEvent, TransportError, bind};
use outvote_types::{Digest, ReplicaId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn two_members_talk_both_ways_on_both_connections_in_order() {
    let (mut a, mut b, _) = pair(limits()).await;
    for urgent in [true, false] {
        for number in 0..500u32 {
            a.sender.send(ReplicaId(1), urgent, Arc::from(number.to_le_bytes()));
            b.sender.send_to_others(urgent, &Arc::from(number.to_be_bytes()));
        }
        for (member, from, other_end) in [(&mut a, 1, true), (&mut b, 0, false)] {
            let mut got = Vec::new();
            while got.len() < 500 {
                let (peer, on, frames, _) = member.frames().await;
                assert_eq!((peer, on), (ReplicaId(from), urgent));
                got.extend(frames);
            }
            let bytes = |n: u32| if other_end { n.to_be_bytes() } else { n.to_le_bytes() };
            assert!(got.iter().zip(0u32..).all(|(frame, number)| frame[..] == bytes(number)));
        }
    }
    // An empty frame and the longest one.
    a.sender.send(ReplicaId(1), false, Arc::from([]));
    a.sender.send(ReplicaId(1), false, vec![7; Limits::default().bulk_frame_max].into());
    assert!(b.frames().await.2[0].is_empty());
    assert_eq!(b.frames().await.2[0].len(), Limits::default().bulk_frame_max);
    assert!(a.sender.states()[1].up && a.sender.states()[1].last_error.is_none());
}

#[tokio::test]
async fn small_frames_arrive_many_at_a_time() {
    let (a, mut b, _) = pair(limits()).await;
    let frame: Arc<[u8]> = Arc::from([9; 200]);
    for _ in 0..10_000 {
        a.sender.send(ReplicaId(1), true, frame.clone());
    }
    let (mut events, mut got) = (0, 0);
    while got < 10_000 {
        got += b.frames().await.2.len();
        events += 1;
    }
    assert!(events <= 1000, "{events} reads for 10,000 frames");
}

#[tokio::test]
async fn a_member_that_dies_is_noticed_at_once_and_linked_again_when_it_is_back() {
    let (mut a, b, members) = pair(limits()).await;
    let started = Instant::now();
    drop(b);
    a.until_down(1).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    // What is sent meanwhile waits within its bound.
    a.sender.send(ReplicaId(1), true, Arc::from(*b"later"));
    let listener = loop {
        // The old listener's task may still be ending.
        match bind(members[1].1.parse().unwrap()) {
            Ok(listener) => break listener,
            Err(TransportError::PortInUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let mut b = Member::start(config(1, &members, limits()), &key(2), listener);
    a.until_up(1).await;
    assert_eq!(b.frames().await.2, [b"later"]);
}

/// A connection whose end nobody noticed does not go on beside the one that took its place.
#[tokio::test]
async fn a_newer_connection_of_a_member_ends_the_older_one() {
    let (mut a, _b, members) = pair(limits()).await;
    let (listener, _) = loopback();
    let mut again = Member::start(config(0, &members, limits()), &key(1), listener);
    again.until_up(1).await;
    a.until_down(1).await;
}

#[tokio::test]
async fn urgent_frames_pass_a_full_bulk_queue() {
    let tight = Limits { unread_max: 256 * 1024, bulk_queue_max: 4 * 1024 * 1024, ..limits() };
    let (a, mut b, _) = pair(tight.clone()).await;
    // Member 1 holds what it gets on the bulk connection: the queue at member 0 fills up and then sheds.
    let chunk: Arc<[u8]> = vec![1; 64 * 1024].into();
    let mut held = Vec::new();
    for _ in 0..400 {
        a.sender.send(ReplicaId(1), false, chunk.clone());
    }
    loop {
        a.sender.send(ReplicaId(1), false, chunk.clone());
        let state = &a.sender.states()[1];
        assert!(state.queued_bytes <= tight.bulk_queue_max, "N13: bounded at the sender");
        if state.dropped_frames > 10 {
            break;
        }
        tokio::task::yield_now().await;
    }
    a.sender.send(ReplicaId(1), true, Arc::from(*b"vote"));
    let mut bulk_bytes = 0;
    loop {
        let (_, urgent, frames, budget) = b.frames().await;
        if urgent {
            assert_eq!(frames, [b"vote"]);
            break;
        }
        bulk_bytes += frames.iter().map(Vec::len).sum::<usize>();
        held.push(budget);
        assert!(bulk_bytes <= tight.unread_max + 128 * 1024, "bounded at the receiver: {bulk_bytes}");
    }
    // Dropping what was held lets the rest through.
    held.clear();
    let (_, urgent, ..) = b.frames().await;
    assert!(!urgent);
}

// Faults: N13
#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped_after_the_stall_timeout() {
    let tight = Limits { unread_max: 1, stall_timeout: Duration::from_millis(200), ..limits() };
    let (mut a, b, _) = pair(tight).await;
    // Member 1's consumer keeps every budget and so never lets anything more in.
    for _ in 0..256 {
        a.sender.send(ReplicaId(1), false, vec![1; 128 * 1024].into());
    }
    a.until_down(1).await;
    assert!(a.sender.states()[1].last_error.as_ref().unwrap().contains("too slowly"));
    drop(b);
}

// Faults: O01
#[tokio::test]
async fn a_member_of_another_cluster_is_turned_away_and_both_say_in_what_they_differ() {
    for parts in [&["genesis_salt"][..], &["demo", "checkpoint_interval"], &["member"], &[]] {
        let ((one, at_one), (two, at_two)) = (loopback(), loopback());
        let members = vec![(1, at_one), (2, at_two)];
        let mut other = config(0, &members, limits());
        other.cluster.cluster = Digest::of(b"another");
        for (name, digest) in &mut other.cluster.parts {
            if parts.contains(name) {
                *digest = Digest::of(b"another");
            }
        }
        let a = Member::start(other, &key(1), one);
        let mut b = Member::start(config(1, &members, limits()), &key(2), two);
        while a.sender.states()[1].last_error.is_none() || b.sender.refusals().0 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let theirs = a.sender.states()[1].last_error.clone().unwrap();
        let ours = b.sender.refusals().1.unwrap();
        for said in [&theirs, &ours] {
            assert!(said.contains("another cluster") && said.contains("committee file"), "{said}");
            for (name, _) in cluster().parts {
                assert_eq!(said.contains(&format!("`{name}`")), parts.contains(&name), "{said}");
            }
        }
        assert!(ours.contains("member 0"), "{ours}");
        assert!(b.events.try_recv().is_err(), "never up");
    }
}

// Faults: N17
#[tokio::test]
async fn a_strangers_key_is_refused_and_named() {
    let ((one, at_one), (two, at_two)) = (loopback(), loopback());
    let members = vec![(1, at_one.clone()), (2, at_two.clone())];
    // It believes to be member 0, with a key that member 1 does not know.
    let strange = vec![(9, at_one), (2, at_two)];
    let a = Member::start(config(0, &strange, limits()), &key(9), one);
    let mut b = Member::start(config(1, &members, limits()), &key(2), two);
    while a.sender.states()[1].last_error.is_none() || b.sender.refusals().0 == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = a.sender.states()[1].last_error.clone().unwrap();
    assert!(error.contains("refused") && error.contains(&public(9).to_hex()), "{error}");
    assert!(b.sender.refusals().1.unwrap().contains(&public(9).to_hex()));
    assert!(b.events.try_recv().is_err(), "not a byte of it reaches the consumer");
}

// Faults: N17
#[tokio::test]
async fn a_wrong_server_key_is_refused_and_both_keys_are_named() {
    let ((one, at_one), (two, at_two)) = (loopback(), loopback());
    let expected = vec![(1, at_one.clone()), (8, at_two.clone())];
    let actual = vec![(1, at_one), (2, at_two)];
    let a = Member::start(config(0, &expected, limits()), &key(1), one);
    let _b = Member::start(config(1, &actual, limits()), &key(2), two);
    while a.sender.states()[1].last_error.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = a.sender.states()[1].last_error.clone().unwrap();
    assert!(error.contains(&public(8).to_hex()) && error.contains(&public(2).to_hex()), "{error}");
}

// Faults: M02
#[tokio::test]
async fn a_frame_above_its_class_ends_the_connection_and_not_the_node() {
    let small = Limits { urgent_frame_max: 1000, ..limits() };
    let (a, mut b, _) = pair(small).await;
    a.sender.send(ReplicaId(1), true, vec![0; 1001].into());
    b.until_down(0).await;
    b.until_up(0).await;
    a.sender.send(ReplicaId(1), true, Arc::from(*b"short"));
    assert_eq!(b.frames().await.2, [b"short"]);
}

/// Passes bytes on, one at a time, until told to break every connection.
async fn slicer(listener: TcpListener, to: String, flip_after: Option<usize>) {
    let mut first = true;
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        let to = to.clone();
        let flip_after = flip_after.filter(|_| std::mem::take(&mut first));
        tokio::spawn(async move {
            let mut onward = TcpStream::connect(&to).await.unwrap();
            let _ = (from.set_nodelay(true), onward.set_nodelay(true));
            let (mut from_reader, mut from_writer) = from.split();
            let (mut to_reader, mut to_writer) = onward.split();
            let there = async {
                let mut seen = 0;
                while let Ok(mut byte) = from_reader.read_u8().await {
                    seen += 1;
                    if flip_after.is_some_and(|after| seen > after) {
                        byte ^= 0x20;
                    }
                    if to_writer.write_u8(byte).await.is_err() {
                        break;
                    }
                }
            };
            let back = async {
                while let Ok(byte) = to_reader.read_u8().await {
                    if from_writer.write_u8(byte).await.is_err() {
                        break;
                    }
                }
            };
            tokio::select! { () = there => {}, () = back => {} }
        });
    }
}

// Faults: N14, N15
#[tokio::test]
async fn slices_of_one_byte_and_flipped_bits_do_no_lasting_harm() {
    for flip_after in [None, Some(100), Some(4000)] {
        let ((one, at_one), (two, at_two)) = (loopback(), loopback());
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at_proxy = proxy.local_addr().unwrap().to_string();
        let proxy = tokio::spawn(slicer(proxy, at_two.clone(), flip_after));
        let a = Member::start(config(0, &[(1, at_one.clone()), (2, at_proxy)], limits()), &key(1), one);
        let mut b = Member::start(config(1, &[(1, at_one), (2, at_two)], limits()), &key(2), two);
        b.until_up(0).await;
        let body: Arc<[u8]> = (0..3000u32).map(|n| n.to_le_bytes()[0]).collect();
        loop {
            // Sent again until it arrives, as the rules do.
            a.sender.send(ReplicaId(1), true, body.clone());
            let event = tokio::time::timeout(Duration::from_millis(300), b.events.recv()).await;
            if let Ok(Some(LinkEvent::Frames { frames, .. })) = event {
                assert_eq!(frames[0][..], body[..], "nothing altered ever arrives");
                break;
            }
        }
        proxy.abort();
    }
}

// Faults: O09
#[tokio::test]
async fn a_port_in_use_is_named() {
    let (_listener, address) = loopback();
    let error = bind(address.parse().unwrap()).unwrap_err();
    assert!(matches!(error, TransportError::PortInUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&address) && text.contains("config/config.toml"), "{text}");
}
