//! What pages of measurements share: a section between markers, numbers in words, and the machine's name.

use crate::error::BenchError;
use std::path::Path;

/// A page with a new section between these lines.
///
/// # Errors
/// When it lacks them.
pub fn replaced(
    page: &str,
    (begin, end): (&'static str, &'static str),
    section: &str,
    path: &Path,
) -> Result<String, BenchError> {
    let failed = || BenchError::Markers { path: path.to_path_buf(), begin, end };
    let (before, rest) = page.split_once(begin).ok_or_else(failed)?;
    let (_, after) = rest.split_once(end).ok_or_else(failed)?;
    Ok(format!("{before}{begin}\n\n{section}\n{end}{after}"))
}

/// Digits in groups of three.
#[must_use]
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// Milliseconds with as many digits as mean something.
#[must_use]
pub fn milliseconds(value: f64) -> String {
    match value {
        value if value <= 0.0 => "not measured".to_owned(),
        value if value < 10.0 => format!("{value:.2} ms"),
        value => format!("{value:.0} ms"),
    }
}

/// Words as they may stand in a cell of a table.
#[must_use]
pub fn cell(words: &str) -> String {
    words.replace('|', "\\|").replace('\n', " ")
}

/// Cores, processor and kernel of this machine.
#[must_use]
pub fn host() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unnamed processor", |(_, model)| model);
    format!("{cores} cores of {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}
