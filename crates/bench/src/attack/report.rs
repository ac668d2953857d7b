//! The printed shapes of attack figures, and the verdict on each row.

use super::rows::{Goal, Row};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// Resident memory that a replica may use under any attack, MiB.
pub const RSS_MAX_MIB: f64 = 256.0;

/// Whether a row met its goal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It did.
    Passed,
    /// It did not, or could not be measured.
    #[default]
    Failed,
    /// This machine cannot do it.
    Skipped,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Figures of one attack, over all its rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RowReport {
    /// Rows of the catalogue.
    pub ids: Vec<&'static str>,
    /// The attack.
    pub name: &'static str,
    /// What the attacker does.
    pub does: &'static str,
    /// What holds against it.
    pub defence: &'static str,
    /// Whether the goals were met.
    pub verdict: Verdict,
    /// What was missed, or what could not be done.
    pub remarks: Vec<String>,
    /// The open loop's operations a second.
    pub rate: f64,
    /// How long each attack went on, seconds.
    pub attack_s: f64,
    /// Operations a second before the attacks.
    pub baseline_ops_per_s: f64,
    /// Operations a second during the attacks.
    pub attack_ops_per_s: f64,
    /// The share that was kept, as the goal measures it: the mean of the rounds.
    pub kept: f64,
    /// The share of each round.
    pub kept_each: Vec<f64>,
    /// The share that was kept in the second half of the attack.
    pub steady: f64,
    /// The goal for the kept share.
    pub goal: f64,
    /// The goal for the second half.
    pub goal_steady: Option<f64>,
    /// Latency before, milliseconds: half of the operations, and the slowest hundredth.
    pub baseline_ms: (f64, f64),
    /// Latency during, milliseconds.
    pub attack_ms: (f64, f64),
    /// From the start of the attack to nine tenths of the rate, seconds; the worst round; absent if that never came.
    pub recovery_s: Option<f64>,
    /// From the end of the attack to normal latency, seconds; the worst round; absent if that did not come.
    pub hangover_s: Option<f64>,
    /// The saturated kept share: a closed loop that takes all that there is.
    pub saturated_kept: Option<f64>,
    /// The most resident memory of an honest replica under attack, MiB.
    pub rss_mib: f64,
    /// The most of each replica; absent for one that lied all the time.
    pub rss_mib_each: Vec<Option<f64>>,
    /// Changes of the leader during the attacks.
    pub view_changes: u64,
    /// Replicas that are proven guilty at the end.
    pub accused: Vec<u64>,
    /// Replicas that lied.
    pub liars: Vec<usize>,
    /// What crowds did.
    pub deeds: Vec<String>,
    /// Operations a second in steps of a quarter of a second over the last round, for the plot.
    pub series: Vec<f64>,
    /// Where in the series the attack begins and ends, in steps.
    pub series_attack: (usize, usize),
}

impl RowReport {
    /// A report with nothing but what is known before.
    #[must_use]
    pub fn of(row: &Row, rate: f64) -> Self {
        Self {
            ids: row.ids.to_vec(),
            name: row.name,
            does: row.does,
            defence: row.defence,
            rate,
            goal: row.goal.kept,
            goal_steady: row.goal.steady,
            ..Self::default()
        }
    }

    /// How much slower the slowest hundredth was.
    #[must_use]
    pub fn p99_ratio(&self) -> f64 {
        if self.baseline_ms.1 > 0.0 { self.attack_ms.1 / self.baseline_ms.1 } else { 0.0 }
    }

    /// Compares the figures with the goals, and says what was missed.
    pub fn judge(&mut self, goal: &Goal) {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let mut missed = Vec::new();
        if self.kept < goal.kept {
            missed.push(format!("keeps {} of {}", percent(self.kept), percent(goal.kept)));
        }
        if let Some(steady) = goal.steady.filter(|steady| self.steady < *steady) {
            missed.push(format!("keeps {} of {} steadily", percent(self.steady), percent(steady)));
        }
        if let Some(most) = goal.p99_ratio.filter(|most| self.p99_ratio() > *most) {
            missed.push(format!("p99 is {:.2} times the baseline's, above {most}", self.p99_ratio()));
        }
        if let Some(most) = goal.view_changes.filter(|most| self.view_changes > *most) {
            missed.push(format!("{} changes of the leader, above {most}", self.view_changes));
        }
        if let Some(most) = goal.hangover_s.filter(|most| self.hangover_s.is_none_or(|after| after > *most)) {
            missed.push(format!("users notice it {most} s after its end"));
        }
        let guilty = |liar: &usize| self.accused.contains(&(*liar as u64));
        if goal.evidence && !self.liars.iter().all(guilty) {
            missed.push("a liar is not proven guilty".to_owned());
        }
        if self.rss_mib > RSS_MAX_MIB {
            missed.push(format!("{:.0} MiB resident, above {RSS_MAX_MIB:.0}", self.rss_mib));
        }
        self.verdict = if missed.is_empty() { Verdict::Passed } else { Verdict::Failed };
        self.remarks.extend(missed);
    }

    /// One line for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let seconds = |value: Option<f64>| value.map_or("never".to_owned(), |value| format!("{value:.1} s"));
        format!(
            "{:<8} {:<16} kept {:5.1} % (goal {:.0} %), steady {:5.1} %, p99 {:.1} -> {:.1} ms, recovery {}, hangover {}, \
             saturated {}, {:.0} MiB, {} view changes: {}{}",
            self.ids.join(" "),
            self.name,
            self.kept * 100.0,
            self.goal * 100.0,
            self.steady * 100.0,
            self.baseline_ms.1,
            self.attack_ms.1,
            seconds(self.recovery_s),
            seconds(self.hangover_s),
            self.saturated_kept.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
            self.rss_mib,
            self.view_changes,
            self.verdict.in_words(),
            if self.remarks.is_empty() { String::new() } else { format!(" ({})", self.remarks.join("; ")) },
        )
    }
}

/// `attack --output json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AttackReport {
    /// Replicas.
    pub n: usize,
    /// Cores of this machine.
    pub cores: usize,
    /// How attackers were held to their share.
    pub cap: String,
    /// Operations a second that a closed loop reached at the start.
    pub saturation_ops_per_s: f64,
    /// Programs that wanted to run at the start and at the end: anything well above the cores means a busy machine.
    pub load_average: (f64, f64),
    /// The command.
    pub command: String,
    /// The day, if the clock is right.
    pub date: String,
    /// Whether it was the quick form.
    pub quick: bool,
    /// All rows.
    pub rows: Vec<RowReport>,
}

impl AttackReport {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut lines = vec![format!(
            "{} replicas on {} cores, {:.0} ops/s at most; {}; load average {:.1} -> {:.1}",
            self.n, self.cores, self.saturation_ops_per_s, self.cap, self.load_average.0, self.load_average.1
        )];
        lines.extend(self.rows.iter().map(RowReport::in_words));
        lines.join("\n")
    }

    /// The results by row of the catalogue, as the table of faults reads them. A row that several attacks play has the worst
    /// of their results.
    #[must_use]
    pub fn record(&self) -> serde_json::Value {
        let mut rows: BTreeMap<&str, Vec<&RowReport>> = BTreeMap::new();
        for row in &self.rows {
            row.ids.iter().for_each(|id| rows.entry(id).or_default().push(row));
        }
        let results = rows.into_iter().map(|(id, attacks)| {
            let find = |verdict| attacks.iter().any(|row| row.verdict == verdict);
            let worst = [Verdict::Failed, Verdict::Skipped].into_iter().find(|verdict| find(*verdict));
            let details: Vec<String> = attacks.iter().map(|row| row.in_words()).collect();
            let tests: Vec<String> = attacks.iter().map(|row| format!("attack {}", row.name)).collect();
            let result = worst.unwrap_or(Verdict::Passed).in_words();
            let record = serde_json::json!({
                "result": result, "detail": details.join(" | "), "test": tests.join(", "),
            });
            (id.to_owned(), record)
        });
        let rows: serde_json::Map<String, serde_json::Value> = results.collect();
        serde_json::json!({ "rows": rows, "date": self.date, "command": self.command })
    }
}

/// Today's date as year-month-day, by the Gregorian calendar.
pub fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date_of(since.as_secs() / 86_400)
}

/// The date so many days after 1970-01-01, as year-month-day.
#[must_use]
pub fn date_of(days: u64) -> String {
    let seconds = i64::try_from(days * 86_400).unwrap_or(i64::MAX);
    // Beyond the calendar's end there is no date to be shown.
    OffsetDateTime::from_unix_timestamp(seconds).map_or_else(|_| String::new(), |at| at.date().to_string())
}
