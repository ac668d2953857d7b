//! Users that say the same again and again.

use super::Ground;
use super::links::{Link, crowd};
use super::requests::{frame, key, request};
use std::sync::Arc;

/// Users that send what was executed long ago.
const REPEATERS: usize = 250;
/// Users that never wait for an answer.
const IMPATIENT: usize = 1000;
/// Requests of each.
const REQUESTS: u64 = 16;

/// Sends the same requests to these replicas for ever.
async fn repeat(ground: Arc<Ground>, number: usize, replicas: Vec<usize>) {
    let Some(key) = key() else { return };
    // One message each, so that each is looked at by itself.
    let frames: Vec<_> = (1..=REQUESTS).map(|nonce| frame(vec![request(&ground, &key, nonce, 4)])).collect();
    let mut links: Vec<Option<Link>> = replicas.iter().map(|_| None).collect();
    loop {
        for (replica, link) in replicas.iter().zip(&mut links) {
            if !ground.say(link, number, *replica, &frames).await {
                super::pause(50).await;
            }
        }
    }
}

// Faults: K04
pub(super) async fn old_requests(ground: &Arc<Ground>) {
    let n = ground.n();
    crowd(ground, REPEATERS, |ground, number| repeat(ground, number, (0..n).collect())).await;
}

// Faults: K11
pub(super) async fn retry_storm(ground: &Arc<Ground>) {
    let n = ground.n();
    // Two replicas each, so that all of them find a place.
    crowd(ground, IMPATIENT, |ground, number| repeat(ground, number, vec![number % n, (number + 1) % n]))
        .await;
}
