//! Homes that are lost, swapped, put back, copied, or in use.

use super::storage::{follower, nemesis, run, text};
use crate::process::{Process, Wrap};
use crate::stage::{Nemesis, Played, Stage};
use crate::trouble::Trouble;
use std::fs;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));
/// How soon the copy of a running replica has ended at most (O02).
const TWIN_ENDS_MOST: Duration = Duration::from_secs(5);

pub(super) const ALL: &[Nemesis] = &[
    // Faults: S12
    nemesis("wiped", &["S12"], "one replica's data is gone, its keys are not", &[], SOME_VIEWS, wiped),
    // Faults: S13
    nemesis("swapped", &["S13"], "two replicas have each other's data", &[], None, swapped),
    // Faults: S14, O06
    nemesis(
        "rolled-back",
        &["S14", "O06"],
        "an old copy of one replica's data is put back",
        &[],
        SOME_VIEWS,
        rolled_back,
    ),
    // Faults: O02
    nemesis("twin", &["O02"], "a copy of one replica runs with the same keys", &[], SOME_VIEWS, twin),
    // Faults: O13
    nemesis(
        "second-process",
        &["O13"],
        "a second process is started on a home in use",
        &[],
        SOME_VIEWS,
        second_process,
    ),
];

/// Waits until a replica says that it may only observe.
async fn observes(stage: &mut Stage, id: usize) -> Result<Duration, Trouble> {
    let begun = Instant::now();
    loop {
        if stage.cluster.standing(id).await.is_some_and(|own| own.observer) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > PATIENCE {
            return Err(Trouble::failed(format!("replica {id} does not say that it may only observe")));
        }
        stage.pause(20).await;
    }
}

fn wiped(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = follower(stage).await?;
        stage.cluster.kill(victim)?;
        fs::remove_dir_all(stage.cluster.home(victim).join("data"))?;
        stage.cluster.start_one(victim)?;
        let said = observes(stage, victim).await?;
        let took = stage.level().await?;
        Ok(format!("observes after {said:.2?}, level after {took:.2?} more"))
    })
}

fn swapped(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let two = stage.some(2);
        let data = |stage: &Stage, id: usize| stage.cluster.home(id).join("data");
        for id in &two {
            stage.cluster.stop(*id, PATIENCE).await?;
        }
        let swap = |stage: &Stage| {
            let aside = data(stage, two[0]).with_extension("aside");
            fs::rename(data(stage, two[0]), &aside)?;
            fs::rename(data(stage, two[1]), data(stage, two[0]))?;
            fs::rename(aside, data(stage, two[1]))
        };
        swap(stage)?;
        let mut told = Vec::new();
        for id in &two {
            stage.cluster.start_one(*id)?;
            told.push(stage.ends_saying(*id, &["another", "belongs", "not"], PATIENCE).await?);
        }
        swap(stage)?;
        for id in &two {
            stage.cluster.kill(*id)?;
            stage.cluster.start_one(*id)?;
        }
        stage.level().await?;
        Ok(told.remove(0))
    })
}

fn rolled_back(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = follower(stage).await?;
        let (data, old) =
            (stage.cluster.home(victim).join("data"), stage.cluster.home(victim).join("data.old"));
        stage.cluster.stop(victim, PATIENCE).await?;
        run("cp", &["-a", &text(&data), &text(&old)])?;
        stage.cluster.start_one(victim)?;
        stage.level().await?;
        stage.pause(5000).await;
        stage.cluster.kill(victim)?;
        fs::remove_dir_all(&data)?;
        fs::rename(&old, &data)?;
        stage.cluster.start_one(victim)?;
        let said = observes(stage, victim).await?;
        let took = stage.level().await?;
        Ok(format!("observes after {said:.2?}, level after {took:.2?} more"))
    })
}

fn twin(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        // One of those that dial, and the one that is only dialled.
        let last = stage.cluster.n() - 1;
        let dials = usize::from(stage.cluster.leader().await? == 0);
        let mut told = Vec::new();
        for victim in [dials, last] {
            told.push(copied(stage, victim).await?);
        }
        Ok(told.join("; "))
    })
}

/// Starts a copy of a replica's home beside it, and waits until it ends and somebody says what it was.
async fn copied(stage: &mut Stage, victim: usize) -> Result<String, Trouble> {
    let (home, copy) = (stage.cluster.home(victim), stage.cluster.home(victim).with_extension("twin"));
    stage.cluster.stop(victim, PATIENCE).await?;
    run("cp", &["-a", &text(&home), &text(&copy)])?;
    stage.cluster.start_one(victim)?;
    stage.level().await?;
    let met_before = twins_met(stage).await;
    let begun = Instant::now();
    let mut other = Process::start(stage.cluster.program(), "kv", &copy, &elsewhere()?)?;
    let Some(status) = other.end(TWIN_ENDS_MOST).await else {
        return Err(Trouble::failed(format!("a copy of replica {victim} runs on after {TWIN_ENDS_MOST:?}")));
    };
    let took = begun.elapsed();
    if status.success() || !other.said().contains("another process with the keys of this replica runs") {
        let said = other.said().lines().last().unwrap_or_default().to_owned();
        return Err(Trouble::failed(format!("a copy of replica {victim} ended ({status}) and says {said}")));
    }
    let met = twins_met(stage).await.saturating_sub(met_before);
    if met == 0 {
        return Err(Trouble::failed("no replica says that it met the copy"));
    }
    let is_there = stage.cluster.process(victim).is_some_and(|process| process.ended().is_none());
    if !is_there {
        return Err(Trouble::failed("the original ended"));
    }
    let level = stage.level().await?;
    Ok(format!(
        "a copy of replica {victim} ended after {took:.2?} (goal 5 s), met {met} times; level {level:.2?} after"
    ))
}

async fn twins_met(stage: &mut Stage) -> u64 {
    stage.cluster.standings().await.into_iter().flatten().map(|own| own.twins_met).sum()
}

/// At ports of its own.
fn elsewhere() -> Result<Wrap, Trouble> {
    let own = |name: &str| Ok((name.to_owned(), free_address()?));
    let environment: Result<Vec<_>, Trouble> =
        ["OUTVOTE_NETWORK__LISTEN", "OUTVOTE_NETWORK__HTTP"].into_iter().map(own).collect();
    Ok(Wrap { through: Vec::new(), environment: environment? })
}

fn second_process(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = follower(stage).await?;
        let home = stage.cluster.home(victim);
        // What keeps it out is the lock, not the port.
        let mut second = Process::start(stage.cluster.program(), "kv", &home, &elsewhere()?)?;
        let ended = second.end(PATIENCE).await;
        let said = second.said().lines().last().unwrap_or_default().to_owned();
        let is_there = stage.cluster.process(victim).is_some_and(|process| process.ended().is_none());
        match ended {
            Some(status) if !status.success() && is_there => Ok(format!("refused: {said}")),
            other => Err(Trouble::failed(format!("the second process: {other:?}, {said}"))),
        }
    })
}

fn free_address() -> Result<String, Trouble> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
