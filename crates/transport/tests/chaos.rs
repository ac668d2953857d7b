//! Two members behind a proxy that harms the bytes and connections between them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "transport/common/mod.rs"]
mod common;

use common::*;
use outvote_chaos::{Control, Line, Proxy, Weather};
use outvote_types::ReplicaId;
use std::net::SocketAddr;
use std::time::Duration;

/// A joined pair, and the link between them.
struct Stage {
    a: Member,
    b: Member,
    proxy: Proxy,
}

impl Stage {
    async fn new() -> Self {
        let ((one, at_one), (two, at_two)) = (loopback(), loopback());
        let line = Line::to(at_two.parse().unwrap());
        let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], 0)), line, 7).await.unwrap();
        // The one with the lower index dials, and finds the proxy where the other is said to be.
        let seen_by_one = [(1, at_one.clone()), (2, proxy.address().to_string())];
        let mut a = Member::start(config(0, &seen_by_one, limits()), &key(1), one);
        let mut b = Member::start(config(1, &[(1, at_one), (2, at_two)], limits()), &key(2), two);
        a.until_up(1).await;
        b.until_up(0).await;
        Self { a, b, proxy }
    }

    fn control(&self) -> Control {
        self.proxy.control()
    }

    /// Sends a frame until it arrives: what was queued when a connection broke may be lost.
    async fn passes_again(&mut self, mark: u8) {
        let frame = vec![mark; 100];
        loop {
            self.a.sender.send(ReplicaId(1), true, frame.clone().into());
            let came = tokio::time::timeout(Duration::from_millis(100), self.b.frames()).await;
            if came.is_ok_and(|(_, _, frames, _)| frames.contains(&frame)) {
                return;
            }
        }
    }
}

// Faults: N14
#[tokio::test]
async fn frames_in_single_bytes_and_in_lumps_arrive_whole() {
    let mut stage = Stage::new().await;
    let frames: Vec<Vec<u8>> = (1..60usize).map(|index| vec![index as u8; index * 7]).collect();
    for weather in [
        Weather { slice: Some(1), ..Weather::default() },
        Weather { lump: Some(Duration::from_millis(20)), ..Weather::default() },
    ] {
        stage.control().set_both(weather);
        for frame in &frames {
            stage.a.sender.send(ReplicaId(1), true, frame.clone().into());
        }
        let mut came = Vec::new();
        while came.len() < frames.len() {
            came.extend(stage.b.frames().await.2);
        }
        assert!(came == frames);
    }
    assert_eq!(stage.a.sender.states()[1].connects, 2, "no connection was given up");
}

// Faults: N15
#[tokio::test]
async fn a_flipped_bit_ends_the_connection_and_never_reaches_a_frame() {
    let mut stage = Stage::new().await;
    for round in 0..5 {
        stage.control().set_both(Weather { flip_every: Some(400), ..Weather::default() });
        for _ in 0..20 {
            stage.a.sender.send(ReplicaId(1), true, vec![round; 100].into());
        }
        stage.b.until_down(0).await;
        stage.control().heal();
        stage.passes_again(100 + round).await;
    }
    while let Ok(event) = stage.b.events.try_recv() {
        if let outvote_transport::LinkEvent::Frames { frames, .. } = event {
            let is_right = |frame: &Vec<u8>| frame.len() == 100 && frame.iter().all(|byte| *byte == frame[0]);
            assert!(frames.iter().all(is_right), "a frame that nobody sent");
        }
    }
}

// Faults: N12
#[tokio::test]
async fn a_storm_of_resets_is_not_answered_with_one_and_leaves_nothing_behind() {
    let mut stage = Stage::new().await;
    let open_files = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let before = stage.control().counts().accepted;
    let begun = std::time::Instant::now();
    stage.control().change(|line| line.reset_after = Some(Duration::from_millis(2)));
    while stage.control().counts().accepted < before + 12 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Two connections with pauses of half of 20 ms at least, which double: six tries of each take so long at least.
    assert!(begun.elapsed() >= Duration::from_millis(10 + 20 + 40 + 80), "{:?}", begun.elapsed());
    stage.control().heal();
    stage.passes_again(1).await;
    let files = open_files();
    stage.control().reset();
    stage.a.until_down(1).await;
    stage.passes_again(2).await;
    // Sockets of other tests of this process come and go: only a leak of each try would show.
    assert!(open_files() <= files + 40);
}
