//! Disks that fail, fill, wait, forget, and homes that are not their own.

use crate::host::Need;
use crate::process::{Process, Wrap};
use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));
const FLUSHES: &str = "fsync,fdatasync";

const fn nemesis(
    name: &'static str,
    rows: &'static [&'static str],
    about: &'static str,
    needs: &'static [Need],
    gap_most: Option<Duration>,
    play: for<'a> fn(&'a mut Stage) -> Played<'a>,
) -> Nemesis {
    Nemesis { name, rows, about, needs, setting: Setting::DIRECT, gap_most, play }
}

pub(super) const ALL: &[Nemesis] = &[
    // Faults: S01
    nemesis(
        "failing-flush",
        &["S01"],
        "a flush of one replica fails",
        &[Need::Trace],
        SOME_VIEWS,
        failing_flush,
    ),
    // Faults: S02
    nemesis("full-disk", &["S02"], "the disk of one replica is full", &[Need::Mounts], SOME_VIEWS, full_disk),
    // Faults: S26
    nemesis("full-disks", &["S26"], "the disks of all replicas are full", &[Need::Mounts], None, full_disks),
    // Faults: S03
    nemesis(
        "interrupted",
        &["S03"],
        "calls of one replica are interrupted",
        &[Need::Trace],
        SOME_VIEWS,
        interrupted,
    ),
    // Faults: S15
    nemesis(
        "slow-disk",
        &["S15"],
        "f replicas flush for 200 ms and more",
        &[Need::Trace],
        SOME_VIEWS,
        slow_disk,
    ),
    // Faults: S16
    nemesis(
        "stuck-disk",
        &["S16"],
        "a flush of the leader takes a minute",
        &[Need::Trace],
        Some(Duration::from_secs(12)),
        stuck_disk,
    ),
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

async fn follower(stage: &mut Stage) -> Result<usize, Trouble> {
    let leader = stage.cluster.leader().await?;
    Ok(stage.someone_but(&[leader]))
}

/// Starts it again as it was meant, and waits until it is level.
async fn well_again(stage: &mut Stage, id: usize) -> Result<Duration, Trouble> {
    stage.cluster.kill(id)?;
    stage.cluster.wrap(id, Wrap::default());
    stage.cluster.start_one(id)?;
    stage.level().await
}

fn failing_flush(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = follower(stage).await?;
        stage.cluster.stop(victim, PATIENCE).await?;
        stage.cluster.wrap(victim, Wrap::traced(FLUSHES, "error=EIO:when=40"));
        stage.cluster.start_one(victim)?;
        let told = stage.ends_saying(victim, &["Input/output error"], PATIENCE).await?;
        stage.serves(PATIENCE).await?;
        let took = well_again(stage, victim).await?;
        Ok(format!("{told}; level {took:.2?} after its start"))
    })
}

/// Moves a replica's data to a small file system of its own.
async fn to_small_disk(stage: &mut Stage, id: usize) -> Result<(), Trouble> {
    stage.cluster.stop(id, PATIENCE).await?;
    let (data, kept) = (stage.cluster.home(id).join("data"), stage.cluster.home(id).join("data.kept"));
    fs::rename(&data, &kept)?;
    fs::create_dir(&data)?;
    run("mount", &["-t", "tmpfs", "-o", "size=96m", "torture", &text(&data)])?;
    run("cp", &["-a", &format!("{}/.", text(&kept)), &text(&data)])?;
    stage.cluster.start_one(id)?;
    stage.level().await?;
    Ok(())
}

/// Fills a replica's disk to the last byte.
fn fill(stage: &Stage, id: usize) -> Result<(), Trouble> {
    let ballast = stage.cluster.home(id).join("data/ballast");
    // It fails, once nothing more fits in: that is what it is for.
    let _ = Command::new("dd").args(["if=/dev/zero", "bs=4k", &format!("of={}", text(&ballast))]).output()?;
    Ok(())
}

fn full_disk(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = follower(stage).await?;
        to_small_disk(stage, victim).await?;
        fill(stage, victim)?;
        let told = stage.ends_saying(victim, &["disk is full"], Duration::from_secs(90)).await?;
        stage.serves(PATIENCE).await?;
        fs::remove_file(stage.cluster.home(victim).join("data/ballast"))?;
        let took = well_again(stage, victim).await?;
        Ok(format!("{told}; level {took:.2?} after space was freed and it was started (goal 10 s)"))
    })
}

fn full_disks(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let all: Vec<usize> = (0..stage.cluster.n()).collect();
        for id in &all {
            to_small_disk(stage, *id).await?;
        }
        for id in &all {
            fill(stage, *id)?;
        }
        let until = Instant::now() + Duration::from_secs(90);
        let mut gone = 0;
        while gone <= stage.cluster.f() {
            stage.pause(100).await;
            gone = all
                .iter()
                .filter(|id| stage.cluster.process(**id).is_some_and(|own| own.ended().is_some()))
                .count();
            if Instant::now() > until {
                return Err(Trouble::failed(format!("{gone} replicas ended with all disks full")));
            }
        }
        stage.pause(2000).await;
        for id in &all {
            fs::remove_file(stage.cluster.home(*id).join("data/ballast"))?;
            stage.cluster.kill(*id)?;
            stage.cluster.start_one(*id)?;
        }
        let took = stage.serves(Duration::from_secs(60)).await?;
        Ok(format!("{gone} ended for want of space; serves {took:.2?} after a start of all"))
    })
}

fn interrupted(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = follower(stage).await?;
        stage.cluster.stop(victim, PATIENCE).await?;
        // Of files only: the kernel interrupts no call of a socket or event that does not wait.
        let calls = "pwrite64,pread64,fsync,fdatasync";
        stage.cluster.wrap(victim, Wrap::traced(calls, "error=EINTR:when=20+7"));
        stage.cluster.start_one(victim)?;
        stage.level().await?;
        stage.pause(8000).await;
        let took = stage.level().await?;
        let again = well_again(stage, victim).await?;
        Ok(format!(
            "every seventh call was interrupted; level within {took:.2?}, and {again:.2?} after its start"
        ))
    })
}

fn slow_disk(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let mut victims = vec![leader];
        while victims.len() <= stage.cluster.f() {
            let next = stage.someone_but(&victims);
            victims.push(next);
        }
        let from = stage.record.now();
        stage.pause(6000).await;
        let between = stage.record.now();
        for id in &victims[1..] {
            stage.cluster.stop(*id, PATIENCE).await?;
            stage.cluster.wrap(*id, Wrap::traced(FLUSHES, "delay_enter=200000"));
            stage.cluster.start_one(*id)?;
        }
        stage.pause(3000).await;
        let slow_from = stage.record.now();
        stage.pause(10_000).await;
        let until = stage.record.now();
        let kept = stage.record.keep();
        let (before, during) = (kept.latency(0.99, from, between), kept.latency(0.99, slow_from, until));
        for id in &victims[1..] {
            well_again(stage, *id).await?;
        }
        Ok(format!("p99 {before:.1?} before, {during:.1?} meanwhile (goal 1.2 times)"))
    })
}

fn stuck_disk(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = stage.cluster.leader().await?;
        stage.cluster.stop(victim, PATIENCE).await?;
        stage.cluster.wrap(victim, Wrap::traced(FLUSHES, "delay_enter=60000000:when=60"));
        stage.cluster.start_one(victim)?;
        stage.pause(15_000).await;
        let took = stage.serves(PATIENCE).await?;
        let is_there = stage.cluster.process(victim).is_some_and(|process| process.ended().is_none());
        let level = well_again(stage, victim).await?;
        Ok(format!(
            "the others serve ({took:.2?}); after 15 s it {}; level {level:.2?} after its start",
            if is_there { "still waits for its disk, and votes for nothing" } else { "had ended by itself" }
        ))
    })
}

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
        // Who has a low index dials the others: nobody would ever hear of a copy of the last.
        let victim = usize::from(stage.cluster.leader().await? == 0);
        let (home, copy) = (stage.cluster.home(victim), stage.cluster.home(victim).with_extension("twin"));
        stage.cluster.stop(victim, PATIENCE).await?;
        run("cp", &["-a", &text(&home), &text(&copy)])?;
        stage.cluster.start_one(victim)?;
        stage.level().await?;
        let own = |name: &str| Ok((name.to_owned(), free_address()?));
        let environment: Result<Vec<_>, Trouble> =
            ["OUTVOTE_NETWORK__LISTEN", "OUTVOTE_NETWORK__HTTP"].into_iter().map(own).collect();
        let wrap = Wrap { through: Vec::new(), environment: environment? };
        let mut other = Process::start(stage.cluster.program(), "kv", &copy, &wrap)?;
        stage.pause(12_000).await;
        let took = stage.serves(PATIENCE).await?;
        let observes = stage.cluster.standing(victim).await.is_some_and(|own| own.observer);
        let noticed = observes || other.ended().is_some() || other.said().contains("old copy");
        let twin = match other.ended() {
            Some(status) => format!("the copy ended ({status})"),
            None => "the copy runs".to_owned(),
        };
        let said = other.said();
        let words = ["copy", "observ", "twin", "forgot"];
        let line =
            said.lines().find(|line| words.iter().any(|word| line.contains(word))).unwrap_or("nothing of it");
        other.kill()?;
        let level = stage.level().await?;
        if !noticed {
            // What was judged is safe all the same; the row wants more.
            return Err(Trouble::failed(format!("nobody noticed the copy, which says: {line}")));
        }
        Ok(format!(
            "served within {took:.2?}; the original {}, {twin} and says: {line}; level {level:.2?} after",
            if observes { "observes" } else { "votes" }
        ))
    })
}

fn second_process(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = follower(stage).await?;
        let home = stage.cluster.home(victim);
        // At ports of its own: what keeps it out is the lock, not the port.
        let own = |name: &str| Ok((name.to_owned(), free_address()?));
        let environment: Result<Vec<_>, Trouble> =
            ["OUTVOTE_NETWORK__LISTEN", "OUTVOTE_NETWORK__HTTP"].into_iter().map(own).collect();
        let wrap = Wrap { through: Vec::new(), environment: environment? };
        let mut second = Process::start(stage.cluster.program(), "kv", &home, &wrap)?;
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

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Trouble> {
    let done = Command::new(program).args(arguments).output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(Trouble::failed(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr))))
}
