//! Connections that say nothing, little, or hello again and again.

use super::links::crowd;
use super::{Ground, pause};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Connections that say nothing.
const IDLE: usize = 10_000;
/// Connections that say one byte at a time.
const LORIS: usize = 1000;
/// Greetings under way at once.
const GREETERS: usize = 64;
/// How a TLS greeting begins: a handshake record of 512 bytes with a hello in it.
const HELLO: [u8; 9] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc];

/// As many open files as this user may have.
fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where it may not be raised, fewer connections stand.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

// Faults: X01
pub(super) async fn idle(ground: &Arc<Ground>) {
    raise_open_files();
    crowd(ground, IDLE, |ground, number| async move {
        // They come within a second or so, as they would from many machines.
        pause(u64::try_from(number / 10).unwrap_or_default()).await;
        loop {
            if let Some(mut stream) = ground.tcp(number, ground.links[ground.target(number)]).await {
                // Until the replica hangs up.
                let _ = stream.read(&mut [0; 16]).await;
                Ground::count(&ground.counts.cut_off);
            }
            pause(1000).await;
        }
    })
    .await;
}

// Faults: K10
pub(super) async fn slow_loris(ground: &Arc<Ground>) {
    raise_open_files();
    crowd(ground, LORIS, |ground, number| async move {
        loop {
            if let Some(mut stream) = ground.tcp(number, ground.links[ground.target(number)]).await {
                for byte in HELLO.into_iter().chain(std::iter::repeat(0)) {
                    if stream.write_all(&[byte]).await.is_err() {
                        break;
                    }
                    ground.sent();
                    pause(250).await;
                }
                Ground::count(&ground.counts.cut_off);
            }
            pause(200).await;
        }
    })
    .await;
}

// Faults: X02
pub(super) async fn handshakes(ground: &Arc<Ground>) {
    crowd(ground, GREETERS, |ground, number| async move {
        for round in 0.. {
            let from = number + round * GREETERS;
            match ground.connect(from, ground.target(from)).await {
                Some(_) => ground.sent(),
                None => pause(5).await,
            }
        }
    })
    .await;
}
