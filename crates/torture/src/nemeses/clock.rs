//! Clocks that are wrong.

use crate::host::{Need, clock_library};
use crate::process::Wrap;
use crate::stage::{Nemesis, Played, Setting, Stage};
use crate::trouble::Trouble;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const SOME_VIEWS: Option<Duration> = Some(Duration::from_secs(6));

pub(super) const ALL: &[Nemesis] = &[
    // Faults: C01
    Nemesis {
        name: "clock-of-follower",
        rows: &["C01"],
        about: "the wall clock of a replica that does not lead is an hour, then a year off",
        needs: &[Need::Clock],
        setting: Setting::DIRECT,
        gap_most: SOME_VIEWS,
        play: clock_of_follower,
    },
    // Faults: C01
    Nemesis {
        name: "clock-of-leader",
        rows: &["C01"],
        about: "leaders take turns, and the wall clock of one of them is an hour off",
        needs: &[Need::Clock],
        setting: Setting { more: &["--tenure-ms", "1500"], ..Setting::DIRECT },
        gap_most: Some(Duration::from_secs(10)),
        play: clock_of_leader,
    },
];

async fn with_clock(stage: &mut Stage, id: usize, offset: &str) -> Result<(), Trouble> {
    let Some(library) = clock_library() else { return Err(Trouble::Skipped("libfaketime".into())) };
    stage.cluster.stop(id, PATIENCE).await?;
    stage.cluster.wrap(id, Wrap::clock_off(&library, offset));
    stage.cluster.start_one(id)?;
    stage.level().await?;
    Ok(())
}

fn clock_of_follower(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let leader = stage.cluster.leader().await?;
        let victim = stage.someone_but(&[leader]);
        let mut told = Vec::new();
        for offset in ["+3600", "-3600", "+31536000", "-31536000"] {
            with_clock(stage, victim, offset).await?;
            let view = stage.view().await;
            stage.pause(4000).await;
            let changes = stage.view().await - view;
            if changes > 1 {
                return Err(Trouble::failed(format!(
                    "{changes} view changes for a follower's clock ({offset} s)"
                )));
            }
            told.push(format!("{offset} s: {changes}"));
        }
        Ok(format!("view changes: {} (goal 0)", told.join(", ")))
    })
}

fn clock_of_leader(stage: &mut Stage) -> Played<'_> {
    Box::pin(async move {
        let victim = stage.some(1)[0];
        let mut told = Vec::new();
        for offset in ["+3600", "-3600"] {
            with_clock(stage, victim, offset).await?;
            let (view, ended) = (stage.view().await, stage.record.ended());
            // Long enough for its turn to come more than once.
            stage.pause(15_000).await;
            let views = stage.view().await - view;
            let served = (stage.record.ended() - ended) / 15;
            if views < stage.cluster.n() as u64 {
                return Err(Trouble::failed(format!("only {views} views: its turn never came")));
            }
            told.push(format!("{offset} s: {served} operations a second through {views} turns"));
        }
        Ok(told.join(", "))
    })
}
