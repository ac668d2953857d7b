//! Packets that the host's filter loses, in a network namespace of our own.

use crate::host::{Need, filter};
use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const ALL: &[Nemesis] = &[
    // Faults: N01
    Nemesis {
        name: "loss",
        rows: &["N01"],
        about: "5 % of all packets are lost, then 30 %",
        needs: &[Need::PacketFilter],
        setting: Setting::DIRECT,
        gap_most: None,
        play: loss,
    },
    // Faults: N11
    Nemesis {
        name: "dropped-packets",
        rows: &["N11"],
        about: "every packet to and from one replica is lost, without a word",
        needs: &[Need::PacketFilter],
        setting: Setting::DIRECT,
        gap_most: Some(Duration::from_secs(8)),
        play: dropped_packets,
    },
    // Faults: N05
    Nemesis {
        name: "one-way-packets",
        rows: &["N05"],
        about: "packets to one replica are lost, those from it are not",
        needs: &[Need::PacketFilter],
        setting: Setting::DIRECT,
        gap_most: Some(Duration::from_secs(8)),
        play: one_way_packets,
    },
];

fn port(stage: &Stage, id: usize) -> Result<u16, Trouble> {
    let address = stage.cluster.file.addresses[id].parse::<std::net::SocketAddr>();
    address.map(|address| address.port()).map_err(|error| Trouble::failed(error.to_string()))
}

async fn lossy(stage: &Stage, percent: u32, ms: u64) -> Result<u64, Trouble> {
    filter(&format!("ip protocol tcp numgen random mod 100 < {percent} drop;"))?;
    let before = stage.record.ended();
    stage.pause(ms).await;
    let served = stage.record.ended() - before;
    filter("")?;
    Ok(served * 1000 / ms)
}

fn loss(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let (some, much) = (lossy(stage, 5, 10_000).await?, lossy(stage, 30, 20_000).await?);
        let took = stage.serves(PATIENCE).await?;
        let level = stage.level().await?;
        if much == 0 {
            return Err(Trouble::failed("nothing is agreed at a loss of 30 %"));
        }
        let asked = Setting::DIRECT.rate;
        Ok(format!(
            "{some} operations a second at 5 % (goal 70 % of {asked}), {much} at 30 %; served {took:.2?} and level {level:.2?} after"
        ))
    })
}

/// The packets that the filter picks are lost for a while.
async fn away(stage: &mut Stage, rules: &str) -> Result<String, Trouble> {
    filter(rules)?;
    let took = stage.serves(PATIENCE).await;
    stage.pause(10_000).await;
    filter("")?;
    let (took, level) = (took?, stage.level().await?);
    Ok(format!("next operation after {took:.2?}, level {level:.2?} after"))
}

fn dropped_packets(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        // All links of the one with the highest index end at its port.
        let port = port(stage, stage.cluster.n() - 1)?;
        away(stage, &format!("tcp dport {port} drop; tcp sport {port} drop;")).await
    })
}

fn one_way_packets(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let port = port(stage, stage.cluster.n() - 1)?;
        away(stage, &format!("tcp dport {port} drop;")).await
    })
}
