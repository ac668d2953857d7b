//! Bars: one for each system.

use crate::report::{PeersReport, Row};
use outvote_bench::attack::svg::{Anchor, Svg};

const OURS: &str = "#2a9d5c";
const OTHERS: &str = "#1f4e79";
/// Pixels of a bar's line.
const BAR: f64 = 24.0;
/// Where bars begin.
const LEFT: f64 = 330.0;
/// How long the longest bar is.
const LENGTH: f64 = 400.0;

/// What a row is called beside its bar.
fn label(row: &Row) -> String {
    let variant = row.variant.split(':').next().unwrap_or_default();
    let variant = if variant.is_empty() { String::new() } else { format!(", {variant}") };
    format!("{} ({}){variant}", row.system, row.members)
}

/// Bars of one figure, for those rows that have it.
pub(crate) fn bars(
    report: &PeersReport,
    title: &str,
    unit: &str,
    decimals: usize,
    pick: impl Fn(&Row) -> Option<f64>,
) -> String {
    let rows: Vec<(&Row, f64)> =
        report.rows.iter().filter_map(|row| Some((row, pick(row).filter(|value| *value > 0.0)?))).collect();
    let most = rows.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = Svg::new(LEFT + LENGTH + 120.0, 44.0 + BAR * rows.len() as f64);
    svg.text((10.0, 20.0), 14.0, Anchor::Start, title);
    for (number, (row, value)) in rows.iter().enumerate() {
        let top = 34.0 + BAR * number as f64;
        let fill = if row.system == "Outvote" { OURS } else { OTHERS };
        let length = (LENGTH * value / most).max(1.0);
        svg.text((LEFT - 8.0, top + 14.0), 12.0, Anchor::End, &label(row));
        svg.rectangle((LEFT, top + 2.0), (length, BAR - 8.0), fill);
        svg.text(
            (LEFT + length + 6.0, top + 14.0),
            12.0,
            Anchor::Start,
            &format!("{value:.decimals$} {unit}"),
        );
    }
    svg.finished(title)
}
