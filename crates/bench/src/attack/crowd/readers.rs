//! Users that ask for much and do not read it.

use super::links::crowd;
use super::{Ground, pause};
use outvote_types::{Sequence, ToReplica, encode};
use std::sync::Arc;

/// Users that do not read.
const DEAF: usize = 250;

// Faults: K12
pub(super) async fn deaf(ground: &Arc<Ground>) {
    let follow: Arc<[u8]> = encode(&ToReplica::Follow { from: Sequence(1) }).into();
    // Says that it took what it never read, so that more is sent.
    let more: Arc<[u8]> = encode(&ToReplica::More { upto: Sequence(u64::MAX / 2) }).into();
    crowd(ground, DEAF, |ground, number| {
        let frames = [Arc::clone(&follow), Arc::clone(&more)];
        async move {
            loop {
                // The reader is kept and never asked.
                if let Some((_reader, mut writer)) = ground.connect(number, ground.target(number)).await {
                    while writer.send(&frames).await.is_ok() {
                        ground.sent();
                        pause(500).await;
                    }
                    Ground::count(&ground.counts.cut_off);
                }
                pause(100).await;
            }
        }
    })
    .await;
}
