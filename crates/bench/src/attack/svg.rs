//! Drawings as SVG text: rectangles, lines and words, and nothing that could run.

use std::fmt::Write as _;

/// A drawing.
#[derive(Clone, Debug)]
pub struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where words begin or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The place is where they begin.
    Start,
    /// The place is their middle.
    Middle,
    /// The place is where they end.
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// Text as it may stand between tags and in attributes.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // What XML has no way to say.
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// A number as drawings take it: one decimal, and 0 for what is no number.
fn number(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    format!("{value:.1}")
}

impl Svg {
    /// An empty drawing of this size, in pixels.
    #[must_use]
    pub const fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    fn put(&mut self, line: &str) {
        self.body.push_str(line);
        self.body.push('\n');
    }

    /// A filled rectangle; one of no or negative size is left out.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str) {
        if width > 0.0 && height > 0.0 {
            let (x, y, width, height) = (number(x), number(y), number(width), number(height));
            let fill = escaped(fill);
            self.put(&format!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"
            ));
        }
    }

    /// A line from one place to another.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: &str, width: f64) {
        let (x1, y1, x2, y2) = (number(x1), number(y1), number(x2), number(y2));
        let (stroke, width) = (escaped(stroke), number(width));
        self.put(&format!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{stroke}\" stroke-width=\"{width}\"/>"
        ));
    }

    /// A line through all these places.
    pub fn path(&mut self, places: &[(f64, f64)], stroke: &str) {
        let mut points = String::new();
        for (x, y) in places {
            // Writing to a string cannot fail.
            let _ = write!(points, "{},{} ", number(*x), number(*y));
        }
        let (points, stroke) = (points.trim_end(), escaped(stroke));
        self.put(&format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"1.5\"/>"
        ));
    }

    /// Words, `size` pixels high.
    pub fn text(&mut self, (x, y): (f64, f64), size: f64, anchor: Anchor, words: &str) {
        let (x, y, size, anchor, words) = (number(x), number(y), number(size), anchor.name(), escaped(words));
        self.put(&format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"#333\">{words}</text>"
        ));
    }

    /// The finished drawing, on white so that it can be read on dark pages; `title` says what it shows to those who cannot see.
    #[must_use]
    pub fn finished(self, title: &str) -> String {
        let (width, height, title) = (number(self.width), number(self.height), escaped(title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" role=\"img\">\n<title>{title}</title>\n\
             <rect x=\"0\" y=\"0\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}
