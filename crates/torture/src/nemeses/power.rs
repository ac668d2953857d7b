//! Memory, processor time and open files that run out.

use crate::host::{Group, Need};
use crate::process::Wrap;
use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));

pub(super) const ALL: &[Nemesis] = &[
    // Faults: P09
    Nemesis {
        name: "out-of-memory",
        rows: &["P09"],
        about: "the kernel kills a replica that has used up its memory",
        needs: &[Need::MemoryGroup],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: out_of_memory,
    },
    // Faults: P11
    Nemesis {
        name: "little-processor",
        rows: &["P11"],
        about: "one replica that does not lead gets a tenth of a core",
        needs: &[Need::ProcessorGroup],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: little_processor,
    },
    // Faults: P18, X07
    Nemesis {
        name: "few-files",
        rows: &["P18", "X07"],
        about: "one replica may open 40 files, and clients want more",
        needs: &[Need::Limits],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: few_files,
    },
];

fn out_of_memory(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = stage.some(1)[0];
        let group = Group::memory("oom")?;
        // What a process has got already is not counted in a group that it enters: it has to start there.
        stage.cluster.kill(victim)?;
        group.limit_memory(12 << 20)?;
        stage.cluster.start_one(victim)?;
        let Some(process) = stage.cluster.process(victim) else { return Err(Trouble::failed("not started")) };
        group.take(process.id())?;
        let ended = process.end(PATIENCE).await;
        let how = ended.map_or("it lives within 12 MiB".to_owned(), |status| format!("it ended ({status})"));
        stage.cluster.kill(victim)?;
        if ended.is_none() {
            return Err(Trouble::Skipped("way to use up 12 MiB in this replica".into()));
        }
        stage.serves(PATIENCE).await?;
        stage.cluster.start_one(victim)?;
        let took = stage.level().await?;
        Ok(format!("{how}; after a start it caught up in {took:.2?}"))
    })
}

fn little_processor(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let victim = stage.someone_but(&[leader]);
        let from = stage.record.now();
        stage.pause(5000).await;
        let group = Group::processor("slow")?;
        group.limit_processor(10)?;
        if let Some(process) = stage.cluster.process(victim) {
            group.take(process.id())?;
        }
        let between = stage.record.now();
        stage.pause(10_000).await;
        let until = stage.record.now();
        drop(group);
        let kept = stage.record.keep();
        let (before, during) = (kept.latency(0.99, from, between), kept.latency(0.99, between, until));
        Ok(format!("p99 {before:.2?} before, {during:.2?} meanwhile (goal 1.2 times)"))
    })
}

fn few_files(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let victim = stage.someone_but(&[leader]);
        stage.cluster.kill(victim)?;
        stage.cluster.wrap(victim, Wrap::open_files(40));
        stage.cluster.start_one(victim)?;
        stage.level().await?;
        let address = stage.cluster.file.addresses[victim].clone();
        let mut crowd = Vec::new();
        for _ in 0..100 {
            crowd.extend(tokio::net::TcpStream::connect(&address).await);
            stage.pause(5).await;
        }
        let before = stage.record.ended();
        stage.pause(8000).await;
        let served = stage.record.ended() - before;
        let is_there = stage.cluster.process(victim).is_some_and(|process| process.ended().is_none());
        if !is_there {
            return Err(Trouble::failed(format!("it ended: {}", stage.cluster.last_words(victim))));
        }
        // Its peers' links are there already: it follows, whoever waits at its door.
        stage.pause(100).await;
        drop(crowd);
        let took = stage.level().await?;
        stage.cluster.kill(victim)?;
        stage.cluster.wrap(victim, Wrap::default());
        stage.cluster.start_one(victim)?;
        stage.level().await?;
        Ok(format!("{} operations a second meanwhile; it was level after {took:.2?}", served / 8))
    })
}
