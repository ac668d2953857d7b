//! What a proxy does to the bytes and connections that it passes on.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use outvote_chaos::*;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(20);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

struct Stage {
    listener: TcpListener,
    proxy: Proxy,
    control: Control,
}

impl Stage {
    async fn new() -> Self {
        let listener = TcpListener::bind(loopback()).await.unwrap();
        let line = Line::to(listener.local_addr().unwrap());
        let proxy = Proxy::start(loopback(), line, 7).await.unwrap();
        Self { control: proxy.control(), listener, proxy }
    }

    /// A connection: the side that made it, and the target's side.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(self.proxy.address()).await.unwrap();
        let (far, _) = self.listener.accept().await.unwrap();
        near.set_nodelay(true).unwrap();
        far.set_nodelay(true).unwrap();
        (near, far)
    }

    async fn until(&self, what: &str, holds: impl Fn(Counts) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self.control.counts()) {
            assert!(Instant::now() < end, "not in time: {what}: {:?}", self.control.counts());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 % 251) as u8).collect()
}

async fn received(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

async fn is_reset(stream: &mut TcpStream) {
    let mut buffer = [0; 1024];
    loop {
        match tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap() {
            Ok(0) => panic!("it ended in peace"),
            Ok(_) => {}
            Err(error) => return assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

#[tokio::test]
async fn a_fair_line_changes_nothing_and_passes_the_end_of_the_stream_on() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    let bytes = content(300_000);
    let (sent, got) = tokio::join!(near.write_all(&bytes), received(&mut far, bytes.len()));
    sent.unwrap();
    assert!(got == bytes);
    near.shutdown().await.unwrap();
    assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
    // The other half is still open.
    far.write_all(b"farewell").await.unwrap();
    assert_eq!(received(&mut near, 8).await, b"farewell");
    far.shutdown().await.unwrap();
    assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
    stage.until("it is closed", |counts| counts.open == 0).await;
    let counts = stage.control.counts();
    assert_eq!((counts.resets, counts.bytes_there, counts.bytes_back), (0, 300_000, 8));
}

// Faults: N03
#[tokio::test]
async fn a_delay_makes_each_direction_as_late_as_it_says() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    stage.control.set_both(Weather::late(Delay::Fixed(Duration::from_millis(30))));
    let begun = Instant::now();
    near.write_all(b"ping").await.unwrap();
    assert_eq!(received(&mut far, 4).await, b"ping");
    assert!(begun.elapsed() >= Duration::from_millis(30));
    far.write_all(b"pong").await.unwrap();
    assert_eq!(received(&mut near, 4).await, b"pong");
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

// Faults: N03
#[tokio::test]
async fn what_comes_after_a_late_piece_keeps_its_place() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    let (least, most) = (Duration::from_micros(10), Duration::from_millis(20));
    stage.control.set_both(Weather::late(Delay::HeavyTail { least, shape: 1.1, most }));
    let bytes = content(20_000);
    for piece in bytes.chunks(100) {
        near.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(received(&mut far, bytes.len()).await == bytes);
}

// Faults: N05
#[tokio::test]
async fn one_stalled_direction_leaves_the_other_open_and_loses_nothing() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    stage.control.set(Direction::There, Weather::default().flowing(Flow::Stalled));
    near.write_all(b"heard later").await.unwrap();
    far.write_all(b"heard at once").await.unwrap();
    assert_eq!(received(&mut near, 13).await, b"heard at once");
    assert_eq!(stage.control.counts().bytes_there, 0);
    stage.control.heal();
    assert_eq!(received(&mut far, 11).await, b"heard later");
}

// Faults: N11
#[tokio::test]
async fn a_hole_takes_everything_says_nothing_and_ends_in_a_reset() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    stage.control.set_both(Weather::default().flowing(Flow::Swallowed));
    near.write_all(b"into nowhere").await.unwrap();
    stage.until("it is swallowed", |counts| counts.swallowed == 12).await;
    assert_eq!(stage.control.counts().bytes_there, 0);
    stage.control.heal();
    is_reset(&mut near).await;
    is_reset(&mut far).await;
}

// Faults: N12
#[tokio::test]
async fn a_reset_is_seen_as_one_on_both_sides_and_the_next_connection_works() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    stage.control.reset();
    is_reset(&mut near).await;
    is_reset(&mut far).await;
    stage.until("it is gone", |counts| counts.open == 0 && counts.resets == 1).await;
    let (mut near, mut far) = stage.connect().await;
    near.write_all(b"again").await.unwrap();
    assert_eq!(received(&mut far, 5).await, b"again");
}

// Faults: N12
#[tokio::test]
async fn in_a_storm_no_connection_lives_long() {
    let stage = Stage::new().await;
    stage.control.change(|line| line.reset_after = Some(Duration::from_millis(5)));
    for _ in 0..5 {
        let (mut near, mut far) = stage.connect().await;
        is_reset(&mut near).await;
        is_reset(&mut far).await;
    }
    stage.until("none is left", |counts| counts.open == 0 && counts.resets == 5).await;
}

#[tokio::test]
async fn a_line_that_is_down_resets_everybody_until_it_is_up() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    stage.control.change(|line| line.is_down = true);
    is_reset(&mut near).await;
    is_reset(&mut far).await;
    // The reset may come before the connection is there, as far as the one that dials can tell.
    if let Ok(mut refused) = TcpStream::connect(stage.proxy.address()).await {
        is_reset(&mut refused).await;
    }
    stage.control.heal();
    let (mut near, mut far) = stage.connect().await;
    near.write_all(b"up").await.unwrap();
    assert_eq!(received(&mut far, 2).await, b"up");
}

// Faults: N14
#[tokio::test]
async fn slices_are_single_bytes_and_lumps_are_whole() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    stage.control.set(Direction::There, Weather { slice: Some(1), ..Weather::default() });
    let bytes = content(500);
    near.write_all(&bytes).await.unwrap();
    assert!(received(&mut far, 500).await == bytes);
    assert_eq!(stage.control.counts().segments, 500);
    let lump = Some(Duration::from_millis(200));
    stage.control.set(Direction::Back, Weather { lump, ..Weather::default() });
    for piece in bytes.chunks(50) {
        far.write_all(piece).await.unwrap();
    }
    assert!(received(&mut near, 500).await == bytes);
    // However it was read, there are fewer writes than a sliced stream takes.
    assert!(stage.control.counts().segments <= 510);
}

// Faults: N10, N13
#[tokio::test]
async fn a_bounded_rate_is_shared_by_all_connections() {
    let stage = Stage::new().await;
    let ((mut near, mut far), (mut other_near, mut other_far)) =
        (stage.connect().await, stage.connect().await);
    stage.control.set(Direction::There, Weather { bytes_per_second: Some(50_000), ..Weather::default() });
    let bytes = content(5_000);
    let begun = Instant::now();
    near.write_all(&bytes).await.unwrap();
    other_near.write_all(&bytes).await.unwrap();
    let (one, two) = tokio::join!(received(&mut far, 5_000), received(&mut other_far, 5_000));
    assert!(one == bytes && two == bytes);
    // 10,000 bytes but the last writes of 1,000, which need not wait for what they take themselves.
    assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
}

// Faults: N15
#[tokio::test]
async fn flipped_bits_are_counted_and_no_byte_is_lost() {
    let stage = Stage::new().await;
    let (mut near, mut far) = stage.connect().await;
    stage.control.set(Direction::There, Weather { flip_every: Some(100), ..Weather::default() });
    let bytes = content(50_000);
    let (sent, got) = tokio::join!(near.write_all(&bytes), received(&mut far, bytes.len()));
    sent.unwrap();
    let differing = got.iter().zip(&bytes).map(|(got, sent)| (got ^ sent).count_ones()).sum::<u32>();
    assert_eq!(u64::from(differing), stage.control.counts().flipped);
    assert!((350..650).contains(&differing), "{differing}");
}

// Faults: N21
#[tokio::test]
async fn another_target_takes_over_with_a_reset() {
    let (stage, other) = (Stage::new().await, TcpListener::bind(loopback()).await.unwrap());
    let (mut near, _far) = stage.connect().await;
    stage.control.retarget(other.local_addr().unwrap());
    is_reset(&mut near).await;
    let mut near = TcpStream::connect(stage.proxy.address()).await.unwrap();
    let (mut far, _) = other.accept().await.unwrap();
    near.write_all(b"moved").await.unwrap();
    assert_eq!(received(&mut far, 5).await, b"moved");
}

#[tokio::test]
async fn a_dropped_proxy_closes_its_port_and_its_connections() {
    let Stage { listener, proxy, .. } = Stage::new().await;
    let address = proxy.address();
    let mut near = TcpStream::connect(address).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    drop(proxy);
    is_reset(&mut near).await;
    is_reset(&mut far).await;
    let end = Instant::now() + PATIENCE;
    while TcpListener::bind(address).await.is_err() {
        assert!(Instant::now() < end, "its port is still taken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
