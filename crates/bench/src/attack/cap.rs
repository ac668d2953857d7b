//! Attackers get a processor like a machine of their own, not the victims'.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The period over which the kernel counts, microseconds: short, so that a capped process is slow and not absent.
const PERIOD_US: u64 = 10_000;
/// Priority where no group can be made: the least there is.
const NICENESS: &str = "19";
/// Where the kernel's groups are, newer version first: the folder, and whether it is the newer version.
const ROOTS: [(&str, bool); 3] =
    [("/sys/fs/cgroup", true), ("/sys/fs/cgroup/unified", true), ("/sys/fs/cgroup/cpu", false)];

/// How attackers can be held to their share on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// A group whose processor time is bounded; the folder of groups, and whether it is version 2.
    Group(PathBuf, bool),
    /// Only a lower priority.
    Nice,
}

impl Means {
    /// Finds out what this machine allows, by trying.
    pub(crate) fn find() -> Self {
        let usable = ROOTS.into_iter().find(|(root, is_v2)| {
            let trial = Path::new(root).join(format!("outvote-trial-{}", std::process::id()));
            if fs::create_dir(&trial).is_err() {
                return false;
            }
            let works = set_quota(&trial, *is_v2, Some(PERIOD_US)).is_ok();
            // It is empty: nothing keeps it but a system that is going down.
            let _ = fs::remove_dir(&trial);
            works
        });
        usable.map_or(Self::Nice, |(root, is_v2)| Self::Group(root.into(), is_v2))
    }

    /// For the report.
    pub(crate) fn in_words(&self, share: f64) -> String {
        match self {
            Self::Group(_, true) => format!("each attacker is held to {share:.2} cores (cgroup v2, cpu.max)"),
            Self::Group(_, false) => {
                format!("each attacker is held to {share:.2} cores (cgroup v1, cpu.cfs_quota_us)")
            }
            Self::Nice => {
                "attackers run at the lowest priority (nice 19): no control group can be made here".into()
            }
        }
    }
}

fn set_quota(group: &Path, is_v2: bool, quota_us: Option<u64>) -> std::io::Result<()> {
    if is_v2 {
        let quota = quota_us.map_or_else(|| "max".to_owned(), |us| us.to_string());
        return tell(&group.join("cpu.max"), &format!("{quota} {PERIOD_US}"));
    }
    tell(&group.join("cpu.cfs_period_us"), &PERIOD_US.to_string())?;
    let quota = quota_us.map_or_else(|| "-1".to_owned(), |us| us.to_string());
    tell(&group.join("cpu.cfs_quota_us"), &quota)
}

/// Writes to a file of the kernel's. It must be there: in a plain folder a new one would be made, and hold nobody to anything.
fn tell(path: &Path, word: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(word.as_bytes())
}

/// Removes this program's groups whose processes have ended by now: right after their end they cannot be removed yet.
pub(crate) fn sweep(root: &Path) {
    let own = format!("outvote-attack-{}-", std::process::id());
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&own)) {
        // One that still holds a process stays.
        let _ = fs::remove_dir(entry.path());
    }
}

/// One attacker's cap. It is lifted when this is dropped.
#[derive(Debug)]
pub(crate) struct Cap {
    pid: u32,
    group: Option<(PathBuf, PathBuf)>,
}

impl Cap {
    /// Holds this process, all its threads, to `share` cores. A process that is gone needs no cap.
    pub(crate) fn put(means: &Means, pid: u32, share: f64) -> Self {
        let Means::Group(root, is_v2) = means else {
            let mut renice = Command::new("renice");
            renice.args(["-n", NICENESS, "-p", &pid.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
            // Where the tool is missing the attacker is stronger than it should be, which only makes the figures worse.
            let _ = renice.status();
            return Self { pid, group: None };
        };
        let group = root.join(format!("outvote-attack-{}-{pid}", std::process::id()));
        sweep(root);
        let quota_us = (PERIOD_US as f64 * share) as u64;
        // As above: an attacker that escapes its cap only makes the figures worse.
        let _ = fs::create_dir(&group);
        let _ = set_quota(&group, *is_v2, Some(quota_us.max(1_000)));
        let _ = tell(&group.join("cgroup.procs"), &pid.to_string());
        Self { pid, group: Some((root.clone(), group)) }
    }
}

impl Drop for Cap {
    fn drop(&mut self) {
        if let Some((root, group)) = &self.group {
            // Back to where it came from; one that has ended left by itself.
            let _ = tell(&root.join("cgroup.procs"), &self.pid.to_string());
            let _ = fs::remove_dir(group);
        }
    }
}
