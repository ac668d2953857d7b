//! Disks that fail, fill, wait and hang.

use crate::host::Need;
use crate::process::{Tracer, Wrap};
use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));
/// How soon a hanging disk is said at most (S16).
const SAYS_SO_MOST: Duration = Duration::from_secs(10);
const FLUSHES: &str = "fsync,fdatasync";

pub(super) const fn nemesis(
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
        "flushes of the leader do not come to their end",
        &[Need::Trace],
        Some(Duration::from_secs(12)),
        stuck_disk,
    ),
];

pub(super) async fn follower(stage: &mut Stage) -> Result<usize, Trouble> {
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
        let process = stage.cluster.process(victim).map(|process| process.id());
        let process = process.ok_or_else(|| Trouble::failed("the leader has no process"))?;
        let begun = Instant::now();
        let tracer = Tracer::attach(process, FLUSHES, "delay_enter=60000000")?;
        let noticed = disk_is(stage, victim, true, SAYS_SO_MOST).await?;
        let took = stage.serves(PATIENCE).await?;
        let leader = stage.cluster.leader().await?;
        if leader == victim {
            return Err(Trouble::failed(format!("replica {victim} leads with a disk that hangs")));
        }
        let handed_over = begun.elapsed();
        drop(tracer);
        let well = disk_is(stage, victim, false, PATIENCE).await?;
        let level = stage.level().await?;
        Ok(format!(
            "it says so after {noticed:.2?} (goal 10 s), another leads after {handed_over:.2?} at most, the others serve \
             ({took:.2?}); the disk goes on: well after {well:.2?}, level {level:.2?} after that"
        ))
    })
}

/// Waits until a replica says that its disk hangs, or that it does not.
async fn disk_is(
    stage: &mut Stage,
    id: usize,
    is_stuck: bool,
    patience: Duration,
) -> Result<Duration, Trouble> {
    let begun = Instant::now();
    loop {
        if stage.cluster.standing(id).await.is_some_and(|own| own.disk_stuck == is_stuck) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > patience {
            let what = if is_stuck { "hangs" } else { "is well" };
            return Err(Trouble::failed(format!(
                "replica {id} does not say within {patience:?} that its disk {what}"
            )));
        }
        stage.pause(50).await;
    }
}

pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn run(program: &str, arguments: &[&str]) -> Result<(), Trouble> {
    let done = Command::new(program).args(arguments).output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(Trouble::failed(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr))))
}
