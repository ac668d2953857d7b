//! One attack: baseline and attack in turn, under a load that does not stop in between.

use super::campaign::{Ground, Setting};
use super::figures::{goodput, hangover_s, kept_share, latency_ms, recovery_s, series, worst_client_share};
use super::force::Force;
use super::load::Load;
use super::lossy::Lossy;
use super::report::RowReport;
use super::rows::{Attacker, Measure, Row};
use super::timeline::{Sample, Span, Timeline};
use super::watch::{Watch, accused, view};
use crate::error::BenchError;
use crate::load::connect;
use crate::replicas::Replicas;
use outvote_client::{Client, CommitteeFile};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Load before the first baseline.
const WARM_UP: Duration = Duration::from_secs(2);
/// How often replicas are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The longest saturated attack.
const SATURATED_MAX: Duration = Duration::from_secs(6);
/// How finely throughput is drawn.
const SERIES_STEP_US: u64 = 250_000;

/// One round's times.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    baseline: Span,
    attack: Span,
    after: Span,
}

/// Everything around one row.
struct Scene<'a> {
    file: CommitteeFile,
    setting: &'a Setting<'a>,
    replicas: Replicas,
    watcher: Client,
    force: Force,
    lossy: Option<Lossy>,
    watch: Watch,
    n: usize,
    /// How long a hangover is looked at.
    patience: Duration,
}

/// Makes a fresh cluster's files.
pub(crate) type Fresh<'a> = &'a mut dyn FnMut() -> Result<Ground, BenchError>;

/// Runs one row; what is found goes to the report. Each round has replicas of its own: one that lied once is not trusted
/// again, and a second liar would be more than the rules allow.
pub(crate) async fn run(
    row: &Row,
    fresh: Fresh<'_>,
    setting: &Setting<'_>,
    report: &mut RowReport,
) -> Result<(), BenchError> {
    let plan = setting.plan;
    if row.attacker == Attacker::Overload {
        let mut scene = Scene::set(row, &fresh()?, setting).await?;
        let measured = scene.overload(report).await;
        scene.leave(report);
        return measured;
    }
    let (attack, rounds) =
        if row.is_long { (plan.long_attack, 1) } else { (plan.attack, plan.rounds.max(1)) };
    report.attack_s = attack.as_secs_f64();
    let mut done = Vec::with_capacity(rounds);
    for number in 1..=rounds {
        let seconds = plan.baseline.as_secs();
        (setting.progress)(&format!("round {number} of {rounds}: {seconds} s of calm, then the attack"));
        let mut scene = Scene::set(row, &fresh()?, setting).await?;
        let measured = scene.open(attack, report).await;
        scene.leave(report);
        done.push(measured?);
        fill(report, row.goal.measure, setting.rate, &done);
    }
    if plan.saturated {
        (setting.progress)("the same with users who take all that there is");
        let mut scene = Scene::set(row, &fresh()?, setting).await?;
        let measured = scene.saturated().await;
        scene.leave(report);
        report.saturated_kept = Some(measured?);
    }
    Ok(())
}

impl<'a> Scene<'a> {
    /// Starts replicas and attackers; the attackers rest.
    async fn set(row: &Row, ground: &Ground, setting: &'a Setting<'a>) -> Result<Self, BenchError> {
        let n = ground.file.committee.members.len();
        let programs = (setting.program, ground.committee.as_path());
        let force = Force::start(row.attacker, programs, n, &setting.means, setting.share)?;
        let (lossy, file) = match row.attacker {
            Attacker::Everything => {
                let (lossy, moved) = Lossy::between(&ground.file, &ground.homes).await?;
                (Some(lossy), moved)
            }
            _ => (None, ground.file.clone()),
        };
        let replicas = Replicas::start(setting.program, ground.homes.clone(), None)?;
        let watcher = connect(&file, 99).await?;
        let bound = row.goal.hangover_s.map(Duration::from_secs_f64).unwrap_or_default();
        let patience = setting.plan.after.max(bound);
        Ok(Self { file, setting, replicas, watcher, force, lossy, watch: Watch::default(), n, patience })
    }

    /// Stops everything, and puts what was seen into the report.
    fn leave(self, report: &mut RowReport) {
        let told = self.force.deeds().iter().map(|(name, deeds)| {
            format!(
                "{name}: {} connections, {} refused or cut off, {} messages",
                deeds.connections, deeds.cut_off, deeds.messages
            )
        });
        report.deeds.extend(told);
        for remark in self.force.remarks() {
            if !report.remarks.contains(remark) {
                report.remarks.push(remark.clone());
            }
        }
        report.rss_mib = report.rss_mib.max(self.watch.most_mib());
        report.rss_mib_each.resize(self.n, None);
        for (all, seen) in report.rss_mib_each.iter_mut().zip(&self.watch.rss_mib) {
            *all = [*all, *seen].into_iter().flatten().max_by(f64::total_cmp);
        }
        self.replicas.stop();
    }

    /// Users at an even rate: what they lose.
    async fn open(
        &mut self,
        attack: Duration,
        report: &mut RowReport,
    ) -> Result<(Round, Vec<Sample>), BenchError> {
        let timeline = Arc::new(Timeline::new());
        let mut load = Load::open(&self.file, self.setting.rate, &timeline).await?;
        load.go_on(WARM_UP).await?;
        let round = self.round(&mut load, &timeline, attack, report).await?;
        self.refusals(&timeline, report);
        Ok((round, timeline.samples_since(round.baseline.from_us)))
    }

    fn refusals(&self, timeline: &Timeline, report: &mut RowReport) {
        if let (refused @ 1.., Some(why)) = timeline.refusals() {
            report.remarks.push(format!("{refused} requests of honest users were refused, first: {why}"));
        }
    }

    async fn round(
        &mut self,
        load: &mut Load,
        timeline: &Timeline,
        attack: Duration,
        report: &mut RowReport,
    ) -> Result<Round, BenchError> {
        let plan = self.setting.plan;
        let from = timeline.now();
        load.go_on(plan.baseline).await?;
        let baseline = Span::new(from, timeline.now());
        let views_before = view(&self.watcher, self.n, &[]).await;
        let begun = self.begin().await?;
        let liars = self.force.liars();
        self.attack(load, begun + attack).await?;
        let attack = Span::new(timeline.at(begun), timeline.now());
        report.liars.extend(liars.iter().copied());
        report.liars.sort_unstable();
        report.liars.dedup();
        let ended = self.end().await?;
        // Only now: replicas under attack take their time to answer.
        let views_after = view(&self.watcher, self.n, &liars).await;
        report.view_changes += views_after.saturating_sub(views_before);
        report.accused.extend(accused(&self.watcher, self.n, &liars).await);
        report.accused.sort_unstable();
        report.accused.dedup();
        let mut round = Round { baseline, attack, after: Span::new(timeline.at(ended), timeline.at(ended)) };
        self.calm_down(load, timeline, &mut round).await?;
        Ok(round)
    }

    async fn begin(&mut self) -> Result<Instant, BenchError> {
        let begun = self.force.begin(&self.watcher, &mut self.replicas).await?;
        self.lossy.iter().for_each(|lossy| lossy.lose(true));
        Ok(begun)
    }

    async fn end(&mut self) -> Result<Instant, BenchError> {
        self.lossy.iter().for_each(|lossy| lossy.lose(false));
        self.force.end(&self.watcher).await
    }

    /// Goes on under attack until then.
    async fn attack(&mut self, load: &mut Load, until: Instant) -> Result<(), BenchError> {
        while Instant::now() < until {
            load.go_on(LOOK_EVERY.min(until.saturating_duration_since(Instant::now()))).await?;
            self.replicas.check()?;
            self.watch.look(&self.replicas, self.n, &self.force.liars());
        }
        Ok(())
    }

    /// Waits until users are served as before, or for as long as the plan says.
    async fn calm_down(
        &mut self,
        load: &mut Load,
        timeline: &Timeline,
        round: &mut Round,
    ) -> Result<(), BenchError> {
        let before = timeline.samples_since(round.baseline.from_us);
        let p50 = latency_ms(&before, round.baseline, 0.5).unwrap_or_default();
        let until = Instant::now() + self.patience;
        loop {
            load.go_on(LOOK_EVERY).await?;
            self.replicas.check()?;
            round.after.until_us = timeline.now();
            let samples = timeline.samples_since(round.after.from_us);
            if hangover_s(&samples, round.after, p50).is_some() || Instant::now() > until {
                return Ok(());
            }
        }
    }

    /// Users who take all that there is.
    async fn saturated(&mut self) -> Result<f64, BenchError> {
        let plan = self.setting.plan;
        let timeline = Arc::new(Timeline::new());
        let mut load = Load::closed(&self.file, &timeline).await?;
        load.go_on(WARM_UP / 2).await?;
        let from = timeline.now();
        load.go_on(plan.baseline.min(SATURATED_MAX)).await?;
        let baseline = Span::new(from, timeline.now());
        let begun = self.begin().await?;
        self.attack(&mut load, begun + plan.attack.min(SATURATED_MAX)).await?;
        let attack = Span::new(timeline.at(begun), timeline.now());
        self.end().await?;
        let samples = timeline.samples_since(from);
        Ok(kept_share(goodput(&samples, baseline), goodput(&samples, attack)))
    }

    /// Ten times the load: goodput against the most that there is for the same crowd, and how long latency takes to come back.
    async fn overload(&mut self, report: &mut RowReport) -> Result<(), BenchError> {
        let (plan, file) = (self.setting.plan, &self.file.clone());
        report.attack_s = plan.attack.as_secs_f64();
        let calm = Arc::new(Timeline::new());
        let mut load = Load::open(file, self.setting.rate, &calm).await?;
        load.go_on(WARM_UP).await?;
        let from = calm.now();
        load.go_on(plan.baseline).await?;
        let usual = Span::new(from, calm.now());
        drop(load);
        let p50 = latency_ms(&calm.samples_since(from), usual, 0.5).unwrap_or_default();

        let timeline = Arc::new(Timeline::new());
        let mut load = Load::closed_crowd(file, &timeline).await?;
        load.go_on(WARM_UP).await?;
        let from = timeline.now();
        load.go_on(plan.baseline).await?;
        let baseline = Span::new(from, timeline.now());
        drop(load);
        let views_before = view(&self.watcher, self.n, &[]).await;
        let mut load = Load::overload(file, self.setting.saturation, &timeline).await?;
        // The crowd is new, as the one of the baseline was.
        load.go_on(WARM_UP).await?;
        let begun = Instant::now();
        self.attack(&mut load, begun + plan.attack).await?;
        let attack = Span::new(timeline.at(begun), timeline.now());
        drop(load);
        report.view_changes = view(&self.watcher, self.n, &[]).await.saturating_sub(views_before);

        let mut load = Load::open(file, self.setting.rate, &calm).await?;
        let from = calm.now();
        let mut after = Round { baseline: usual, after: Span::new(from, from), ..Round::default() };
        self.calm_down(&mut load, &calm, &mut after).await?;
        let samples = timeline.samples_since(baseline.from_us);
        let rate = goodput(&samples, baseline);
        let round = Round { baseline, attack, after: Span::new(attack.until_us, attack.until_us) };
        fill(report, Measure::PeakGoodput, rate, &[(round, samples)]);
        report.hangover_s = hangover_s(&calm.samples_since(from), after.after, p50);
        self.refusals(&timeline, report);
        Ok(())
    }
}

/// Puts the figures of all rounds into the report.
fn fill(report: &mut RowReport, measure: Measure, rate: f64, rounds: &[(Round, Vec<Sample>)]) {
    let mean = |figure: &dyn Fn(&Round, &[Sample]) -> f64| {
        rounds.iter().map(|(round, samples)| figure(round, samples)).sum::<f64>() / rounds.len().max(1) as f64
    };
    let kept = |round: &Round, samples: &[Sample]| match measure {
        Measure::WorstClient => worst_client_share(samples, round.baseline, round.attack).unwrap_or_default(),
        _ => kept_share(goodput(samples, round.baseline), goodput(samples, round.attack)),
    };
    let second_half = |attack: Span| Span::new(attack.from_us.midpoint(attack.until_us), attack.until_us);
    let at = |samples: &[Sample], span, quantile| latency_ms(samples, span, quantile).unwrap_or_default();
    report.kept_each = rounds.iter().map(|(round, samples)| kept(round, samples)).collect();
    report.kept = mean(&kept);
    report.steady = mean(&|round, samples| {
        let attack = second_half(round.attack);
        match measure {
            Measure::WorstClient => worst_client_share(samples, round.baseline, attack).unwrap_or_default(),
            _ => kept_share(goodput(samples, round.baseline), goodput(samples, attack)),
        }
    });
    report.baseline_ops_per_s = mean(&|round, samples| goodput(samples, round.baseline));
    report.attack_ops_per_s = mean(&|round, samples| goodput(samples, round.attack));
    let of_baseline = |quantile| mean(&|round, samples| at(samples, round.baseline, quantile));
    let of_attack = |quantile| mean(&|round, samples| at(samples, round.attack, quantile));
    report.baseline_ms = (of_baseline(0.5), of_baseline(0.99));
    report.attack_ms = (of_attack(0.5), of_attack(0.99));
    // The worst of all rounds; one that never came is worse than any.
    let worst = |figures: Vec<Option<f64>>| -> Option<f64> {
        figures.into_iter().collect::<Option<Vec<f64>>>()?.into_iter().max_by(f64::total_cmp)
    };
    report.recovery_s =
        worst(rounds.iter().map(|(round, samples)| recovery_s(samples, round.attack, rate)).collect());
    let hangover = |(round, samples): &(Round, Vec<Sample>)| {
        hangover_s(samples, round.after, at(samples, round.baseline, 0.5))
    };
    report.hangover_s = worst(rounds.iter().map(hangover).collect());
    if let Some((round, samples)) = rounds.last() {
        let whole = Span::new(round.baseline.from_us, round.after.until_us.max(round.attack.until_us));
        let step = |us: u64| ((us - whole.from_us) / SERIES_STEP_US) as usize;
        report.series = series(samples, whole, SERIES_STEP_US);
        report.series_attack = (step(round.attack.from_us), step(round.attack.until_us));
    }
}
