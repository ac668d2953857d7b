//! What this host lets us do. What it does not is skipped by name.

use crate::trouble::Trouble;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set in a program that runs in namespaces of its own.
pub const NAMESPACE_VARIABLE: &str = "OUTVOTE_TORTURE_NAMESPACE";
const FAKETIME: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

/// Something that not every host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A packet filter in a network namespace of our own.
    PacketFilter,
    /// A mount namespace of our own, and the right to mount.
    Mounts,
    /// strace, and the right to trace.
    Trace,
    /// A library that shifts the wall clock of a process.
    Clock,
    /// Control groups for memory that we may write.
    MemoryGroup,
    /// Control groups for processor time that we may write.
    ProcessorGroup,
    /// The program `prlimit`.
    Limits,
}

/// Whether a program can be run with success.
fn works(program: &str, arguments: &[&str]) -> bool {
    let command = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    command.is_ok_and(|status| status.success())
}

/// Whether this program runs in namespaces of its own.
#[must_use]
pub fn is_apart() -> bool {
    std::env::var_os(NAMESPACE_VARIABLE).is_some()
}

impl Need {
    /// Whether it is there.
    ///
    /// # Errors
    /// Says what the host lacks.
    pub fn check(self) -> Result<(), Trouble> {
        let (is_there, what) = match self {
            Self::PacketFilter => (
                is_apart() && works("nft", &["list", "ruleset"]),
                "packet filter for us (nft, and the right to a network namespace)",
            ),
            Self::Mounts => (is_apart(), "right to a mount namespace (root)"),
            Self::Trace => {
                (works("strace", &["-qq", "-o", "/dev/null", "true"]), "strace, or no right to trace")
            }
            Self::Clock => (clock_library().is_some(), "libfaketime"),
            Self::MemoryGroup => (Group::memory("probe").is_ok(), "writable control groups for memory"),
            Self::ProcessorGroup => {
                (Group::processor("probe").is_ok(), "writable control groups for processor time")
            }
            Self::Limits => (works("prlimit", &["--version"]), "prlimit"),
        };
        if is_there { Ok(()) } else { Err(Trouble::Skipped(what.to_owned())) }
    }
}

/// The library that shifts clocks.
pub(crate) fn clock_library() -> Option<PathBuf> {
    FAKETIME.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Replaces the packet filter's rules by these; an empty text for none.
///
/// # Errors
/// When the filter refuses them.
pub(crate) fn filter(rules: &str) -> Result<(), Trouble> {
    let table = format!(
        "table inet torture {{}}\ndelete table inet torture\ntable inet torture {{\n chain harm {{ type filter hook input \
         priority 0; policy accept; {rules} }}\n}}\n"
    );
    let path = std::env::temp_dir().join(format!("outvote-torture-{}.nft", std::process::id()));
    fs::write(&path, table)?;
    let done = Command::new("nft").arg("-f").arg(&path).output()?;
    let _ = fs::remove_file(&path);
    if done.status.success() {
        return Ok(());
    }
    Err(Trouble::failed(format!("nft: {}", String::from_utf8_lossy(&done.stderr))))
}

/// A control group; removed with this value once it is empty.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
    /// Whether the host has the second version of control groups.
    is_second: bool,
}

impl Group {
    fn make(controller: &str, name: &str) -> Result<Self, Trouble> {
        let root = Path::new("/sys/fs/cgroup");
        let is_second = root.join("cgroup.controllers").is_file();
        let parent = if is_second { root.to_owned() } else { root.join(controller) };
        let folder = parent.join(format!("outvote-torture-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let group = Self { folder, is_second };
        let file = if is_second { format!("{controller}.max") } else { "tasks".to_owned() };
        if group.folder.join(file).exists() {
            return Ok(group);
        }
        Err(Trouble::Skipped(format!("{controller} controller")))
    }

    /// For memory.
    ///
    /// # Errors
    /// When the host does not let us.
    pub(crate) fn memory(name: &str) -> Result<Self, Trouble> {
        Self::make("memory", name)
    }

    /// For processor time.
    ///
    /// # Errors
    /// When the host does not let us.
    pub(crate) fn processor(name: &str) -> Result<Self, Trouble> {
        Self::make("cpu", name)
    }

    /// So many bytes at most.
    ///
    /// # Errors
    /// When the kernel refuses, as it may when more is in use.
    pub(crate) fn limit_memory(&self, bytes: u64) -> Result<(), Trouble> {
        let file = if self.is_second { "memory.max" } else { "memory.limit_in_bytes" };
        Ok(fs::write(self.folder.join(file), bytes.to_string())?)
    }

    /// So many hundredths of one core.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn limit_processor(&self, percent: u64) -> Result<(), Trouble> {
        let quota = percent * 1000;
        if self.is_second {
            return Ok(fs::write(self.folder.join("cpu.max"), format!("{quota} 100000"))?);
        }
        fs::write(self.folder.join("cpu.cfs_period_us"), "100000")?;
        Ok(fs::write(self.folder.join("cpu.cfs_quota_us"), quota.to_string())?)
    }

    /// Moves a process in.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn take(&self, process: u32) -> Result<(), Trouble> {
        Ok(fs::write(self.folder.join("cgroup.procs"), process.to_string())?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Whoever is still in it is moved out first.
        let members = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        if let Some(parent) = self.folder.parent() {
            for member in members.lines() {
                let _ = fs::write(parent.join("cgroup.procs"), member);
            }
        }
        let _ = fs::remove_dir(&self.folder);
    }
}
