//! The plots: kept shares as bars with their goals, and throughput over time.

use super::report::{AttackReport, RowReport, Verdict};
use super::svg::{Anchor, Svg};

const GOOD: &str = "#2a9d5c";
const BAD: &str = "#c0392b";
const PLAIN: &str = "#9aa5b1";
const ATTACK: &str = "#fdebd0";
const CURVE: &str = "#1f4e79";
const GRID: &str = "#dddddd";

/// Bars end here, in percent of the baseline.
const PERCENT_MAX: f64 = 110.0;
/// Pixels of a bar's line.
const BAR: f64 = 22.0;
/// Where bars begin.
const LEFT: f64 = 190.0;
/// How long a full bar is.
const LENGTH: f64 = 520.0;

/// Kept shares of all rows, with a mark at each goal.
pub(super) fn kept(report: &AttackReport) -> String {
    let height = 60.0 + BAR * report.rows.len() as f64;
    let mut svg = Svg::new(LEFT + LENGTH + 90.0, height);
    svg.text(
        (10.0, 20.0),
        14.0,
        Anchor::Start,
        "Share of the baseline that users keep under attack (mark: goal)",
    );
    let place = |percent: f64| LEFT + LENGTH * percent.clamp(0.0, PERCENT_MAX) / PERCENT_MAX;
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        svg.line((place(percent), 32.0), (place(percent), height - 20.0), GRID, 1.0);
        svg.text((place(percent), height - 6.0), 11.0, Anchor::Middle, &format!("{percent:.0} %"));
    }
    for (number, row) in report.rows.iter().enumerate() {
        let top = 36.0 + BAR * number as f64;
        let name = format!("{} {}", row.ids.join(" "), row.name);
        svg.text((LEFT - 8.0, top + 13.0), 12.0, Anchor::End, &name);
        let fill = match row.verdict {
            Verdict::Passed => GOOD,
            Verdict::Failed => BAD,
            Verdict::Skipped => PLAIN,
        };
        svg.rectangle((LEFT, top + 2.0), (place(row.kept * 100.0) - LEFT, BAR - 8.0), fill);
        if row.goal > 0.0 {
            let mark = place(row.goal * 100.0);
            svg.line((mark, top - 1.0), (mark, top + BAR - 3.0), "#000000", 2.0);
        }
        let share = format!("{:.1} %", row.kept * 100.0);
        svg.text((LEFT + LENGTH + 8.0, top + 13.0), 12.0, Anchor::Start, &share);
    }
    svg.finished("Kept share of each attack, with goals")
}

/// Throughput of one row over its last round.
pub(super) fn throughput(row: &RowReport) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 180.0;
    const LEFT: f64 = 60.0;
    const TOP: f64 = 30.0;
    const BOTTOM: f64 = 30.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let most = row.series.iter().copied().fold(row.rate, f64::max).max(1.0) * 1.05;
    let steps = row.series.len().max(2) as f64;
    let x = |step: f64| LEFT + (WIDTH - LEFT - 10.0) * step / (steps - 1.0);
    let y = |ops: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - ops / most);
    let (from, until) = (row.series_attack.0 as f64, (row.series_attack.1 as f64).min(steps - 1.0));
    svg.rectangle((x(from), TOP), (x(until) - x(from), HEIGHT - TOP - BOTTOM), ATTACK);
    svg.text(
        (10.0, 18.0),
        13.0,
        Anchor::Start,
        &format!("{}: operations a second (shaded: the attack)", row.name),
    );
    for ops in [0.0, row.rate] {
        svg.line((LEFT, y(ops)), (WIDTH - 10.0, y(ops)), GRID, 1.0);
        svg.text((LEFT - 6.0, y(ops) + 4.0), 11.0, Anchor::End, &format!("{ops:.0}"));
    }
    let places: Vec<(f64, f64)> =
        row.series.iter().enumerate().map(|(step, ops)| (x(step as f64), y(*ops))).collect();
    svg.path(&places, CURVE);
    // A quarter of a second for each step.
    let seconds = (steps / 4.0).floor() as usize;
    let every = (seconds / 8).max(1);
    for second in (0..=seconds).step_by(every) {
        svg.text((x(second as f64 * 4.0), HEIGHT - 10.0), 11.0, Anchor::Middle, &format!("{second} s"));
    }
    svg.finished(&format!("Throughput over time under the attack {}", row.name))
}
