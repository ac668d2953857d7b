//! Curves over what a series varies, on two logarithmic scales or over time.

use crate::attack::svg::{Anchor, Svg};
use crate::page::grouped;

const COLOURS: [&str; 4] = ["#2a9d5c", "#1f4e79", "#c0392b", "#8e6c00"];
const GRID: &str = "#dddddd";
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 44.0;

/// One curve.
pub(super) struct Curve {
    /// What it is called.
    pub(super) name: String,
    /// Its places.
    pub(super) places: Vec<(f64, f64)>,
}

/// One axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    /// What it shows.
    pub(super) name: &'static str,
    /// Whether each step is a multiple of the one before.
    pub(super) is_logarithmic: bool,
}

/// A scale from values to shares of an axis.
struct Scale {
    axis: Axis,
    low: f64,
    high: f64,
}

impl Scale {
    fn new(axis: Axis, values: impl Iterator<Item = f64> + Clone) -> Self {
        let high = values.clone().fold(f64::MIN_POSITIVE, f64::max);
        if !axis.is_logarithmic {
            return Self { axis, low: 0.0, high: high * 1.05 };
        }
        let low = values.filter(|value| *value > 0.0).fold(high, f64::min);
        let low = 10f64.powf(low.log10().floor());
        Self { axis, low, high: high.max(low * 10.0) * 1.1 }
    }

    fn share(&self, value: f64) -> f64 {
        if !self.axis.is_logarithmic {
            return value / self.high;
        }
        (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
    }

    /// Where lines of the grid go.
    fn marks(&self) -> Vec<f64> {
        if self.axis.is_logarithmic {
            let decades = (self.high / self.low).log10().floor() as i32;
            return (0..=decades).map(|decade| self.low * 10f64.powi(decade)).collect();
        }
        (0..=4).map(|quarter| self.high / 1.05 * f64::from(quarter) / 4.0).collect()
    }
}

fn label(value: f64) -> String {
    if value > 0.0 && value < 10.0 {
        format!("{value:.3}").trim_end_matches(['0', '.']).to_owned()
    } else {
        grouped(value)
    }
}

/// A drawing of these curves; marks on the horizontal axis stand where the first curve has places, if that axis is logarithmic.
pub(super) fn curves(title: &str, x: Axis, y: Axis, curves: &[Curve]) -> String {
    let places = || curves.iter().flat_map(|curve| curve.places.iter().copied());
    let (xs, ys) =
        (Scale::new(x, places().map(|place| place.0)), Scale::new(y, places().map(|place| place.1)));
    let at_x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * xs.share(value);
    let at_y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ys.share(value);
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.text((10.0, 18.0), 13.0, Anchor::Start, title);
    for mark in ys.marks() {
        svg.line((LEFT, at_y(mark)), (WIDTH - RIGHT, at_y(mark)), GRID, 1.0);
        svg.text((LEFT - 6.0, at_y(mark) + 4.0), 11.0, Anchor::End, &label(mark));
    }
    let marks = match curves.first() {
        Some(curve) if x.is_logarithmic => curve.places.iter().map(|place| place.0).collect(),
        _ => xs.marks(),
    };
    for mark in marks {
        svg.text((at_x(mark), HEIGHT - 26.0), 11.0, Anchor::Middle, &label(mark));
    }
    svg.text((WIDTH / 2.0, HEIGHT - 8.0), 11.0, Anchor::Middle, &format!("{}; upwards: {}", x.name, y.name));
    let mut beside = LEFT;
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        svg.rectangle((beside, 30.0), (10.0, 10.0), colour);
        svg.text((beside + 14.0, 39.0), 11.0, Anchor::Start, &curve.name);
        beside += 34.0 + 6.5 * curve.name.len() as f64;
        let path: Vec<(f64, f64)> = curve.places.iter().map(|(x, y)| (at_x(*x), at_y(*y))).collect();
        svg.path(&path, colour);
        for (x, y) in path {
            svg.rectangle((x - 2.0, y - 2.0), (4.0, 4.0), colour);
        }
    }
    svg.finished(title)
}
