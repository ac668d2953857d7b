//! The chat under what else is done to the key-value application.

use super::network::mesh;
use crate::stage::{Nemesis, Played, Setting, Stage};
use rustix::process::Signal;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const CHAT: Setting = Setting { app: "chat", rate: 60.0, ..Setting::MESHED };

pub(super) const ALL: &[Nemesis] = &[
    // Faults: P01, N04, K14
    Nemesis {
        name: "chat-through-kills-and-cuts",
        rows: &["P01", "N04", "K14"],
        about: "people chat and one is removed while the leader is killed and others are cut off",
        needs: &[],
        setting: CHAT,
        gap_most: None,
        play: kills_and_cuts,
    },
    // Faults: P02, K14
    Nemesis {
        name: "chat-through-a-power-cut",
        rows: &["P02", "K14"],
        about: "people chat, and every replica is killed at once",
        needs: &[],
        setting: CHAT,
        gap_most: None,
        play: power_cut,
    },
];

fn kills_and_cuts(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        for _ in 0..2 {
            let leader = stage.cluster.leader().await?;
            stage.cluster.kill(leader)?;
            stage.serves(PATIENCE).await?;
            stage.cluster.start_one(leader)?;
            stage.level().await?;
            let minority = stage.some(stage.cluster.f());
            mesh(stage)?.join(|one, other| minority.contains(&one) == minority.contains(&other));
            stage.pause(2500).await;
            mesh(stage)?.heal();
            stage.level().await?;
        }
        Ok("two leaders killed, two minorities cut off".into())
    })
}

fn power_cut(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        for _ in 0..2 {
            stage.pause(1500).await;
            for id in 0..stage.cluster.n() {
                stage.cluster.signal(id, Signal::KILL);
            }
            for id in 0..stage.cluster.n() {
                stage.cluster.kill(id)?;
                stage.cluster.start_one(id)?;
            }
            stage.serves(PATIENCE).await?;
            stage.level().await?;
        }
        Ok("all killed twice".into())
    })
}
