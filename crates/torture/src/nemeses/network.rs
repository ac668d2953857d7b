//! Links that are late, cut, slow or one-way.

use crate::mesh::Mesh;
use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use outvote_chaos::{Control, Delay, Flow, Weather};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));
/// From the end of a partition until all have executed the same, on a machine that does much else.
const LEVEL_MOST: Duration = Duration::from_secs(20);
const CUT: Weather = Weather {
    delay: Delay::None,
    flow: Flow::Stalled,
    slice: None,
    lump: None,
    bytes_per_second: None,
    flip_every: None,
};

pub(super) const ALL: &[Nemesis] = &[
    // Faults: N03
    Nemesis {
        name: "heavy-tail",
        rows: &["N03"],
        about: "each link late by 1 to 100 ms, with a heavy tail",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: heavy_tail,
    },
    // Faults: N04
    Nemesis {
        name: "flapping-partition",
        rows: &["N04"],
        about: "f replicas are cut off and joined again every 0.1 to 3 s",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: flapping_partition,
    },
    // Faults: N05
    Nemesis {
        name: "leader-not-heard",
        rows: &["N05"],
        about: "the leader hears the others and is not heard",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: leader_not_heard,
    },
    // Faults: N05
    Nemesis {
        name: "leader-deaf",
        rows: &["N05"],
        about: "the leader is heard and hears nobody",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: leader_deaf,
    },
    // Faults: N06
    Nemesis {
        name: "ring",
        rows: &["N06"],
        about: "each replica hears its two neighbours alone: no quorum hears each other",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: None,
        play: ring,
    },
    // Faults: N06
    Nemesis {
        name: "clique",
        rows: &["N06"],
        about: "links missing at random, but a quorum hears each other",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: Some(Duration::from_secs(12)),
        play: clique,
    },
    // Faults: N07
    Nemesis {
        name: "clients-cut-from-leader",
        rows: &["N07"],
        about: "clients reach everybody but the leader",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: clients_cut_from_leader,
    },
    // Faults: N10
    Nemesis {
        name: "narrow-leader",
        rows: &["N10"],
        about: "the leader's links carry 8 Mbit a second",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: narrow_leader,
    },
    // Faults: N19
    Nemesis {
        name: "blip",
        rows: &["N19"],
        about: "every link stalls for a second",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: None,
        play: blip,
    },
    // Faults: N20
    Nemesis {
        name: "five-zones",
        rows: &["N20"],
        about: "replicas as far from each other as five zones of the world",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: five_zones,
    },
];

pub(super) fn mesh(stage: &Stage) -> Result<&Mesh, Trouble> {
    stage.cluster.mesh.as_ref().ok_or_else(|| Trouble::failed("this cluster has no proxies"))
}

fn late(least_ms: u64, most_ms: u64) -> Weather {
    let (least, most) = (Duration::from_millis(least_ms), Duration::from_millis(most_ms));
    Weather::late(Delay::HeavyTail { least, shape: 1.3, most })
}

/// Some seconds of a weather that must not cost the leader its place; how many views it cost.
async fn no_views(stage: &mut Stage, ms: u64) -> Result<String, Trouble> {
    let (view, from, ended) = (stage.view().await, stage.record.now(), stage.record.ended());
    stage.pause(ms).await;
    let (until, changes) = (stage.record.now(), stage.view().await.saturating_sub(view));
    let served = stage.record.ended() - ended;
    let p99 = stage.record.keep().latency(0.99, from, until);
    // On a busy machine one may come by itself.
    if changes > 1 {
        return Err(Trouble::failed(format!("{changes} view changes without need")));
    }
    Ok(format!(
        "{} operations a second, p99 {p99:.0?}, {changes} view change(s) (goal 0)",
        served * 1000 / ms
    ))
}

fn heavy_tail(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        mesh(stage)?.set_all(late(1, 100));
        no_views(stage, 20_000).await
    })
}

fn flapping_partition(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let minority = stage.some(stage.cluster.f());
        let mut flaps = 0;
        let begun = stage.record.now();
        while stage.record.now() - begun < 15_000_000_000 {
            let apart = 100 + stage.random.below(2900);
            mesh(stage)?.join(|one, other| minority.contains(&one) == minority.contains(&other));
            stage.pause(apart).await;
            mesh(stage)?.heal();
            let joined = 100 + stage.random.below(900);
            stage.pause(joined).await;
            flaps += 1;
        }
        let took = stage.level().await?;
        if took > LEVEL_MOST {
            return Err(Trouble::failed(format!("all level only {took:.2?} after the last of {flaps} cuts")));
        }
        Ok(format!("{flaps} times; all level {took:.2?} after the last (goal 5 s)"))
    })
}

/// Cuts links one way for some seconds; views that this cost are few.
async fn one_way(stage: &mut Stage, cut: impl Fn(&Mesh, usize, usize)) -> Result<String, Trouble> {
    let (view, leader) = (stage.view().await, stage.cluster.leader().await?);
    for other in (0..stage.cluster.n()).filter(|other| *other != leader) {
        cut(mesh(stage)?, leader, other);
    }
    let took = stage.serves(PATIENCE).await?;
    stage.pause(10_000).await;
    mesh(stage)?.heal();
    let level = stage.level().await?;
    stage.pause(2000).await;
    let changes = stage.view().await - view;
    if changes > 3 {
        return Err(Trouble::failed(format!("{changes} view changes: the cluster does not settle")));
    }
    Ok(format!("next operation after {took:.2?}, {changes} view change(s) (goal 2), level {level:.2?} after"))
}

fn leader_not_heard(stage: &mut Stage) -> Played<'_> {
    Box::pin(one_way(stage, |mesh, leader, other| mesh.set(leader, other, CUT)))
}

fn leader_deaf(stage: &mut Stage) -> Played<'_> {
    Box::pin(one_way(stage, |mesh, leader, other| mesh.set(other, leader, CUT)))
}

fn ring(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let n = stage.cluster.n();
        mesh(stage)?.join(|one, other| (one + 1) % n == other || (other + 1) % n == one);
        let before = stage.record.ended();
        stage.pause(8000).await;
        let served = stage.record.ended() - before;
        mesh(stage)?.heal();
        let took = stage.serves(PATIENCE).await?;
        Ok(format!("{served} operations ended meanwhile; served {took:.2?} after it was healed"))
    })
}

fn clique(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let outside = stage.some(stage.cluster.f());
        // Of the links to those outside of the clique half are cut.
        let mut random = stage.random.clone();
        let joins = |one: usize, other: usize| !outside.contains(&one) && !outside.contains(&other);
        for link in 0..stage.cluster.n() * stage.cluster.n() {
            let (one, other) = (link / stage.cluster.n(), link % stage.cluster.n());
            if one != other && !joins(one, other) && random.below(2) == 0 {
                mesh(stage)?.set(one, other, CUT);
            }
        }
        let took = stage.serves(PATIENCE).await?;
        stage.pause(8000).await;
        let again = stage.serves(PATIENCE).await?;
        Ok(format!("next operation after {took:.2?}, and 8 s later within {again:.2?}"))
    })
}

fn clients_cut_from_leader(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let (view, leader) = (stage.view().await, stage.cluster.leader().await?);
        let from = stage.record.now();
        if let Some(control) = mesh(stage)?.of_clients(leader) {
            control.change(|line| line.is_down = true);
        }
        stage.pause(10_000).await;
        let (until, changes) = (stage.record.now(), stage.view().await - view);
        let p99 = stage.record.keep().latency(0.99, from, until);
        Ok(format!("p99 {p99:.0?} (goal 0.5 s), {changes} view change(s)"))
    })
}

fn narrow_leader(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let narrow = Weather { bytes_per_second: Some(1_000_000), ..Weather::default() };
        mesh(stage)?.of(leader).iter().for_each(|control| control.set_both(narrow));
        no_views(stage, 10_000).await
    })
}

fn blip(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let from = stage.record.now();
        stage.pause(3000).await;
        let before = stage.record.now();
        mesh(stage)?.set_all(CUT);
        stage.pause(1000).await;
        mesh(stage)?.heal();
        let took = stage.serves(PATIENCE).await?;
        let after = stage.record.now();
        stage.pause(3000).await;
        let kept = stage.record.keep();
        let (p50, later) =
            (kept.latency(0.5, from, before), kept.latency(0.5, after + 200_000_000, stage.record.now()));
        Ok(format!(
            "served {took:.2?} after; p50 {p50:.1?} before, {later:.1?} from 0.2 s after that on (goal 1.1 times)"
        ))
    })
}

/// Half of the round trips between five zones, milliseconds.
const ZONES_MS: [[u64; 5]; 5] = [
    [0, 35, 45, 75, 110],
    [35, 0, 70, 110, 75],
    [45, 70, 0, 80, 115],
    [75, 110, 80, 0, 60],
    [110, 75, 115, 60, 0],
];

fn five_zones(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        for one in 0..stage.cluster.n() {
            for other in (0..stage.cluster.n()).filter(|other| *other != one) {
                let ms = ZONES_MS[one % 5][other % 5];
                let (least, most) = (Duration::from_millis(ms), Duration::from_millis(ms + ms / 10 + 1));
                mesh(stage)?.set(one, other, Weather::late(Delay::Uniform(least, most)));
            }
        }
        no_views(stage, 20_000).await
    })
}

/// The links of one replica that a nemesis treats alike.
pub(super) fn links_of(stage: &Stage, id: usize) -> Result<Vec<Control>, Trouble> {
    Ok(mesh(stage)?.of(id))
}
