//! What the kernel counted for processes: processor time and resident memory.

use std::fs;
use std::ops::Sub;

/// The unit of processor time in `/proc/PID/stat`: Linux shows hundredths of a second on every machine.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds of some processes up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time of all threads, the ended ones too.
    pub cpu_seconds: f64,
    /// The highest peak of resident memory among them, MiB.
    pub rss_peak_mib: f64,
    /// The highest resident memory among them now, MiB.
    pub rss_mib: f64,
}

impl Usage {
    /// Of these processes together; one that is gone counts nothing.
    pub fn of(pids: impl IntoIterator<Item = u32>) -> Self {
        let mut total = Self::default();
        for pid in pids {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            total.cpu_seconds += cpu_seconds_of_stat(&stat).unwrap_or_default();
            let mib = |field| kib_of_status(&status, field).unwrap_or_default() as f64 / 1024.0;
            total.rss_peak_mib = total.rss_peak_mib.max(mib("VmHWM"));
            total.rss_mib = total.rss_mib.max(mib("VmRSS"));
        }
        total
    }

    /// Of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::of([std::process::id()])
    }
}

impl Sub for Usage {
    type Output = Self;

    /// The processor time between two moments; memory as of the later one.
    fn sub(self, earlier: Self) -> Self {
        Self { cpu_seconds: self.cpu_seconds - earlier.cpu_seconds, ..self }
    }
}

/// User and system time from the text of `/proc/PID/stat`.
#[must_use]
pub fn cpu_seconds_of_stat(stat: &str) -> Option<f64> {
    let (user, system) = ticks_of_stat(stat)?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

/// The same as the kernel counts it, apart.
pub(crate) fn ticks_of_stat(stat: &str) -> Option<(u64, u64)> {
    // The name in parentheses may hold blanks and parentheses itself: the fields are counted from its end.
    let after_name = stat.get(stat.rfind(')')? + 1..)?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user, system))
}

/// A size in KiB from the text of `/proc/PID/status`.
#[must_use]
pub fn kib_of_status(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
