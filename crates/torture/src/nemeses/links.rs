//! Connections that are reset, trickle, are cut to pieces or carry wrong bytes; and peers that are not who they should be.

use super::network::{links_of, mesh};
use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use outvote_chaos::{Flow, Weather};
use std::fs;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));

pub(super) const ALL: &[Nemesis] = &[
    // Faults: N12
    Nemesis {
        name: "reset-storm",
        rows: &["N12"],
        about: "every connection of one replica is reset after 10 ms",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: reset_storm,
    },
    // Faults: N13
    Nemesis {
        name: "trickle",
        rows: &["N13"],
        about: "one replica reads a byte a second",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: trickle,
    },
    // Faults: N14
    Nemesis {
        name: "slices",
        rows: &["N14"],
        about: "all links carry single bytes, then lumps",
        needs: &[],
        setting: Setting { rate: 40.0, ..Setting::MESHED },
        gap_most: SOME_VIEWS,
        play: slices,
    },
    // Faults: N15
    Nemesis {
        name: "bit-flips",
        rows: &["N15"],
        about: "a bit is flipped every 20,000 bytes of one replica's links",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: bit_flips,
    },
    // Faults: N11
    Nemesis {
        name: "hole",
        rows: &["N11"],
        about: "the leader's links swallow everything and stay open",
        needs: &[],
        setting: Setting::MESHED,
        gap_most: SOME_VIEWS,
        play: hole,
    },
    // Faults: N17
    Nemesis {
        name: "wrong-key",
        rows: &["N17"],
        about: "a replica comes back with a link key that nobody knows",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: wrong_key,
    },
    // Faults: N21
    Nemesis {
        name: "moved",
        rows: &["N21"],
        about: "a replica comes back at another address",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: moved,
    },
];

fn reset_storm(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let victim = stage.someone_but(&[leader]);
        let files = stage.cluster.process(victim).map_or(0, |process| process.open_files());
        let before = mesh(stage)?.counts();
        for control in links_of(stage, victim)? {
            control.change(|line| line.reset_after = Some(Duration::from_millis(10)));
        }
        let mut most = 0;
        for _ in 0..20 {
            stage.pause(500).await;
            most = most.max(stage.cluster.process(victim).map_or(0, |process| process.open_files()));
        }
        let counts = mesh(stage)?.counts();
        let resets = counts.resets - before.resets;
        mesh(stage)?.heal();
        let took = stage.level().await?;
        // Two connections to each other replica, and as many that are only being made.
        if most > files + 4 * stage.cluster.n() {
            return Err(Trouble::failed(format!("open files went from {files} to {most}")));
        }
        Ok(format!(
            "{resets} resets in 10 s (pauses grow), at most {most} open files of {files}, level {took:.2?} after"
        ))
    })
}

fn trickle(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let victim = stage.someone_but(&[leader]);
        let (from, ended) = (stage.record.now(), stage.record.ended());
        stage.pause(5000).await;
        let (between, before) = (stage.record.now(), stage.record.ended());
        let slow = Weather { bytes_per_second: Some(1), slice: Some(1), ..Weather::default() };
        for other in (0..stage.cluster.n()).filter(|other| *other != victim) {
            mesh(stage)?.set(other, victim, slow);
        }
        stage.pause(20_000).await;
        let (until, after) = (stage.record.now(), stage.record.ended());
        mesh(stage)?.heal();
        let rate = |count: u64, ns: u64| count as f64 / (ns as f64 / 1e9);
        let (fair, slow) = (rate(before - ended, between - from), rate(after - before, until - between));
        let took = stage.level().await?;
        Ok(format!("{slow:.0} operations a second of {fair:.0} (goal 98 %), level {took:.2?} after"))
    })
}

fn slices(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let before = mesh(stage)?.counts();
        mesh(stage)?.set_all(Weather { slice: Some(1), ..Weather::default() });
        stage.serves(PATIENCE).await?;
        stage.pause(6000).await;
        let single = mesh(stage)?.counts();
        mesh(stage)?.set_all(Weather { lump: Some(Duration::from_millis(30)), ..Weather::default() });
        stage.serves(PATIENCE).await?;
        stage.pause(5000).await;
        let lumps = mesh(stage)?.counts();
        let connections = lumps.accepted - before.accepted;
        // No connection was given up for the form in which its bytes came.
        if connections > 0 {
            return Err(Trouble::failed(format!("{connections} connections were made anew")));
        }
        let bytes = single.segments - before.segments;
        Ok(format!("{bytes} single bytes, {} lumps, no connection lost", lumps.segments - single.segments))
    })
}

fn bit_flips(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let victim = stage.someone_but(&[leader]);
        let wrong = Weather { flip_every: Some(20_000), ..Weather::default() };
        links_of(stage, victim)?.iter().for_each(|control| control.set_both(wrong));
        stage.pause(10_000).await;
        let flipped = mesh(stage)?.counts().flipped;
        mesh(stage)?.heal();
        let took = stage.level().await?;
        if flipped == 0 {
            return Err(Trouble::failed("no bit was flipped"));
        }
        Ok(format!("{flipped} bits flipped, level {took:.2?} after (goal 1 s)"))
    })
}

fn hole(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let swallowed = Weather::default().flowing(Flow::Swallowed);
        links_of(stage, leader)?.iter().for_each(|control| control.set_both(swallowed));
        let took = stage.serves(PATIENCE).await?;
        stage.pause(10_000).await;
        mesh(stage)?.heal();
        let level = stage.level().await?;
        Ok(format!("next operation after {took:.2?}, level {level:.2?} after"))
    })
}

fn wrong_key(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let victim = stage.someone_but(&[leader]);
        stage.cluster.stop(victim, PATIENCE).await?;
        let path = stage.cluster.home(victim).join("keys/link.key");
        let own = fs::read(&path)?;
        // The key of another home: one more network is made for it.
        let other = stage.cluster.home(victim).with_extension("other");
        let program = stage.cluster.program().to_owned();
        let made = std::process::Command::new(program)
            .args(["testnet", "-n", "4", "--app", "kv", "-o"])
            .arg(&other)
            .output()?;
        if !made.status.success() {
            return Err(Trouble::failed(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        fs::copy(other.join("replica-0/keys/link.key"), &path)?;
        stage.cluster.start_one(victim)?;
        let Some(process) = stage.cluster.process(victim) else { return Err(Trouble::failed("not started")) };
        let ended = process.end(Duration::from_secs(8)).await;
        let said = stage.cluster.last_words(victim);
        stage.cluster.kill(victim)?;
        fs::write(&path, own)?;
        stage.serves(PATIENCE).await?;
        stage.cluster.start_one(victim)?;
        let took = stage.level().await?;
        match ended {
            Some(status) if !status.success() => {
                Ok(format!("refused to start: {said}; itself again level after {took:.2?}"))
            }
            Some(status) => Err(Trouble::failed(format!("it ended with {status}: {said}"))),
            None => Err(Trouble::failed(format!("it runs with a key that is not its own: {said}"))),
        }
    })
}

fn moved(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        // Somebody dials it: the one with the lowest index dials, and is dialled by nobody.
        let victim = stage.someone_but(&[leader, 0]);
        stage.cluster.stop(victim, PATIENCE).await?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        stage.cluster.set(victim, "listen", &format!("\"{address}\""))?;
        stage.cluster.file.addresses[victim] = address;
        for id in 0..stage.cluster.n() {
            stage.cluster.install(id)?;
        }
        stage.cluster.start_one(victim)?;
        // Those who dial it read the file at their start.
        for id in 0..victim {
            stage.cluster.stop(id, PATIENCE).await?;
            stage.cluster.start_one(id)?;
            stage.serves(PATIENCE).await?;
        }
        stage.cluster.look_again().await?;
        let took = stage.level().await?;
        Ok(format!("level {took:.2?} after those who dial it had read the new file (goal 5 s)"))
    })
}
