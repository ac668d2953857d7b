//! Users whose requests are bad, or good for some only.

use super::links::{Link, crowd};
use super::requests::{badly_signed, frame, key, request};
use super::{Ground, pause};
use outvote_types::client::MAX_REQUESTS_PER_MESSAGE;
use outvote_types::{ReplicaId, ToClient, decode};
use std::sync::Arc;

/// Users with broken signatures.
const BAD_SIGNERS: usize = 1000;
/// Users that tell replicas different things: each has a connection to every replica.
const TWO_FACED: usize = 250;
/// How often each of them does so.
const TWO_FACED_PAUSE_MS: u64 = 1000;
/// Users that avoid the leader, and how often each sends something.
const AVOIDERS: usize = 100;
const AVOIDERS_PAUSE_MS: u64 = 500;

// Faults: K01
pub(super) async fn bad_signatures(ground: &Arc<Ground>) {
    let Some(key) = key() else { return };
    let good = request(ground, &key, 1, 0);
    // Costs the attacker no signature: a good one under other bytes takes the replica as long to refuse as any.
    let many = u64::try_from(MAX_REQUESTS_PER_MESSAGE).unwrap_or(1);
    let bad = frame((0..many).map(|number| badly_signed(&good, 2 + number)).collect());
    crowd(ground, BAD_SIGNERS, |ground, number| {
        let bad = Arc::clone(&bad);
        async move {
            let (replica, mut link) = (ground.target(number), None);
            loop {
                if !ground.say(&mut link, number, replica, std::slice::from_ref(&bad)).await {
                    pause(100).await;
                }
            }
        }
    })
    .await;
}

/// A user that tells the first half of the replicas one thing and the others another, again and again.
async fn two_faced(ground: Arc<Ground>, number: usize, has_second_signature: bool) {
    let Some(key) = key() else { return };
    let mut links: Vec<Option<Link>> = (0..ground.n()).map(|_| None).collect();
    for nonce in 1.. {
        let good = request(&ground, &key, nonce, 1);
        let other = if has_second_signature {
            request(&ground, &key, nonce, 2)
        } else {
            badly_signed(&request(&ground, &key, nonce + 1, 1), nonce)
        };
        let (good, other) = (frame(vec![good]), frame(vec![other]));
        let half = ground.n() / 2;
        for (replica, link) in links.iter_mut().enumerate() {
            let turned = (replica + number) % ground.n();
            let said = if turned < half { &good } else { &other };
            ground.say(link, number, replica, std::slice::from_ref(said)).await;
        }
        // Few, so that the trick is measured and not its honest half.
        pause(TWO_FACED_PAUSE_MS).await;
    }
}

// Faults: K02
pub(super) async fn half_valid(ground: &Arc<Ground>) {
    crowd(ground, TWO_FACED, |ground, number| two_faced(ground, number, false)).await;
}

// Faults: K03
pub(super) async fn two_stories(ground: &Arc<Ground>) {
    crowd(ground, TWO_FACED, |ground, number| two_faced(ground, number, true)).await;
}

/// Who leads, as the first replica says to whoever comes.
async fn leader(ground: &Ground) -> Option<ReplicaId> {
    let (mut reader, _writer) = ground.connect(0, 0).await?;
    let bytes = reader.next().await.ok()??;
    match decode(&bytes) {
        Ok(ToClient::Welcome { hint, .. }) => Some(ground.leader(hint.view)),
        _ => None,
    }
}

// Faults: K07
pub(super) async fn backups_only(ground: &Arc<Ground>) {
    let leader = leader(ground).await.map_or(0, |leader| usize::from(leader.0));
    crowd(ground, AVOIDERS, |ground, number| async move {
        let Some(key) = key() else { return };
        let mut links: Vec<Option<Link>> = (0..ground.n()).map(|_| None).collect();
        for nonce in 1.. {
            let good = frame(vec![request(&ground, &key, nonce, 3)]);
            for (replica, link) in links.iter_mut().enumerate().filter(|(replica, _)| *replica != leader) {
                ground.say(link, number, replica, std::slice::from_ref(&good)).await;
            }
            pause(AVOIDERS_PAUSE_MS).await;
        }
    })
    .await;
}
