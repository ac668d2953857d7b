//! Processes that die, freeze and are told to stop.

use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use rustix::process::Signal;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
/// A file of the log more than others have, and what is only half written.
const GROWTH_MORE_KIB: u64 = 24 * 1024;
/// Nothing but a mutiny or two may stand in the way of clients.
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));

pub(super) const ALL: &[Nemesis] = &[
    // Faults: P01
    Nemesis {
        name: "kill-some",
        rows: &["P01"],
        about: "SIGKILL of up to f replicas, again and again",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: kill_some,
    },
    // Faults: P02
    Nemesis {
        name: "kill-all",
        rows: &["P02"],
        about: "SIGKILL of all replicas at once, and a start of all",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: None,
        play: kill_all,
    },
    // Faults: P01
    Nemesis {
        name: "kill-leader",
        rows: &["P01"],
        about: "SIGKILL of whoever leads, again and again",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: kill_leader,
    },
    // Faults: P04
    Nemesis {
        name: "crash-loop",
        rows: &["P04"],
        about: "one replica is killed every two seconds",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: crash_loop,
    },
    // Faults: P05
    Nemesis {
        name: "freeze-leader",
        rows: &["P05"],
        about: "SIGSTOP of the leader, and SIGCONT 10 s later",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: freeze_leader,
    },
    // Faults: P06
    Nemesis {
        name: "freeze-too-many",
        rows: &["P06"],
        about: "SIGSTOP of f + 1 replicas: nothing can be agreed until they go on",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: None,
        play: freeze_too_many,
    },
    // Faults: C04
    Nemesis {
        name: "freeze-all",
        rows: &["C04"],
        about: "SIGSTOP of all replicas, as when a laptop is closed",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: None,
        play: freeze_all,
    },
    // Faults: P10
    Nemesis {
        name: "terminate",
        rows: &["P10"],
        about: "SIGTERM at any moment, checkpoints included",
        needs: &[],
        setting: Setting { more: &["--checkpoint-interval", "16"], ..Setting::DIRECT },
        gap_most: SOME_VIEWS,
        play: terminate,
    },
    // Faults: P16
    Nemesis {
        name: "rolling-restart",
        rows: &["P16"],
        about: "every replica is stopped and started in turn",
        needs: &[],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: rolling_restart,
    },
];

fn kill_some(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let (rounds, mut kills) = (4, 0);
        for _ in 0..rounds {
            let count = 1 + stage.random.below(stage.cluster.f() as u64) as usize;
            let victims = stage.some(count);
            for id in &victims {
                stage.cluster.kill(*id)?;
                kills += 1;
            }
            let away = 200 + stage.random.below(1500);
            stage.pause(away).await;
            for id in &victims {
                stage.cluster.start_one(*id)?;
            }
            stage.level().await?;
        }
        Ok(format!("{kills} kills"))
    })
}

fn kill_all(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let mut took = Vec::new();
        for _ in 0..3 {
            for id in 0..stage.cluster.n() {
                stage.cluster.signal(id, Signal::KILL);
            }
            for id in 0..stage.cluster.n() {
                stage.cluster.kill(id)?;
            }
            for id in 0..stage.cluster.n() {
                stage.cluster.start_one(id)?;
            }
            took.push(stage.serves(PATIENCE).await?);
            stage.level().await?;
        }
        Ok(format!("serves again after {took:.2?} (goal 3 s)"))
    })
}

fn kill_leader(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let mut took = Vec::new();
        for _ in 0..4 {
            let leader = stage.cluster.leader().await?;
            stage.cluster.kill(leader)?;
            took.push(stage.serves(PATIENCE).await?);
            stage.cluster.start_one(leader)?;
            stage.level().await?;
            stage.pause(500).await;
        }
        Ok(format!("next operation ended after {took:.2?}"))
    })
}

fn crash_loop(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = stage.some(1)[0];
        let other = stage.someone_but(&[victim]);
        let before = (folder_bytes(stage, victim), folder_bytes(stage, other));
        for _ in 0..10 {
            stage.cluster.kill(victim)?;
            stage.cluster.start_one(victim)?;
            stage.pause(2000).await;
        }
        let grown = |id: usize, before: u64| folder_bytes(stage, id).saturating_sub(before) / 1024;
        let (its, others) = (grown(victim, before.0), grown(other, before.1));
        if its > others + GROWTH_MORE_KIB {
            return Err(Trouble::failed(format!("its home grew by {its} KiB, another's by {others} KiB")));
        }
        Ok(format!("10 crashes; its home grew by {its} KiB, another's by {others} KiB"))
    })
}

fn folder_bytes(stage: &Stage, id: usize) -> u64 {
    let mut folders = vec![stage.cluster.home(id)];
    let mut sum = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => sum += found.len(),
                Err(_) => {}
            }
        }
    }
    sum
}

fn freeze_leader(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let (view, leader) = (stage.view().await, stage.cluster.leader().await?);
        stage.cluster.signal(leader, Signal::STOP);
        let took = stage.serves(PATIENCE).await;
        stage.pause(10_000).await;
        stage.cluster.signal(leader, Signal::CONT);
        let took = took?;
        stage.level().await?;
        stage.pause(1000).await;
        let changes = stage.view().await - view;
        // Another view may follow for the load of the host; a storm may not.
        if changes > 2 {
            return Err(Trouble::failed(format!("{changes} view changes for one frozen leader")));
        }
        Ok(format!("served again after {took:.2?}, {changes} view change(s) (goal 1)"))
    })
}

/// Freezes these for a while; how long it took from there to the next end of an operation.
async fn freeze(stage: &mut Stage, who: &[usize], ms: u64) -> Result<Duration, Trouble> {
    for id in who {
        stage.cluster.signal(*id, Signal::STOP);
    }
    stage.pause(ms).await;
    for id in who {
        stage.cluster.signal(*id, Signal::CONT);
    }
    stage.serves(PATIENCE).await
}

fn freeze_too_many(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let count = stage.cluster.f() + 1;
        let who = stage.some(count);
        let before = stage.cluster.height().await;
        for id in &who {
            stage.cluster.signal(*id, Signal::STOP);
        }
        stage.pause(1000).await;
        let early = stage.record.ended();
        stage.pause(14_000).await;
        let late = stage.record.ended();
        let took = freeze(stage, &who, 0).await?;
        if late > early {
            return Err(Trouble::failed(format!("{} operations ended without a quorum", late - early)));
        }
        let after = stage.cluster.height().await;
        Ok(format!("halted for 15 s at {before}..{after}, resumed by itself after {took:.2?} (goal 1 s)"))
    })
}

fn freeze_all(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let view = stage.view().await;
        let who: Vec<usize> = (0..stage.cluster.n()).collect();
        let took = freeze(stage, &who, 8_000).await?;
        stage.level().await?;
        stage.pause(1000).await;
        let changes = stage.view().await - view;
        if changes > 2 {
            return Err(Trouble::failed(format!("{changes} view changes after a pause of everybody")));
        }
        Ok(format!("resumed after {took:.2?}, {changes} view change(s) (goal 1)"))
    })
}

fn terminate(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let mut slowest = Duration::ZERO;
        for _ in 0..8 {
            let victim = stage.some(1)[0];
            let moment = stage.random.below(400);
            stage.pause(moment).await;
            slowest = slowest.max(stage.cluster.stop(victim, PATIENCE).await?);
            stage.cluster.start_one(victim)?;
            stage.level().await?;
        }
        Ok(format!("8 clean ends, the slowest after {slowest:.2?} (goal 2 s)"))
    })
}

fn rolling_restart(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let (begun, ended) = (stage.record.now(), stage.record.ended());
        for id in 0..stage.cluster.n() {
            stage.cluster.stop(id, PATIENCE).await?;
            stage.cluster.start_one(id)?;
            stage.level().await?;
            stage.pause(500).await;
        }
        let seconds = (stage.record.now() - begun) as f64 / 1e9;
        let rate = (stage.record.ended() - ended) as f64 / seconds;
        Ok(format!("{rate:.0} operations a second meanwhile (asked {})", Setting::DIRECT.rate))
    })
}
