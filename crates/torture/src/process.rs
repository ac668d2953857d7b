//! One replica's process.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a process is started.
#[derive(Clone, Debug, Default)]
pub struct Wrap {
    /// Programs that each run the next one in their own place, with their arguments.
    pub through: Vec<String>,
    /// Variables of its environment.
    pub environment: Vec<(String, String)>,
}

impl Wrap {
    /// System calls fail or come late, as `strace -e inject=...` says. The tracer detaches itself, so that the process that
    /// is started is the replica.
    #[must_use]
    pub fn traced(calls: &str, inject: &str) -> Self {
        let words = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e"];
        let mut through: Vec<String> = words.iter().map(ToString::to_string).collect();
        through.extend([format!("trace={calls}"), "-e".into(), format!("inject={calls}:{inject}")]);
        Self { through, environment: Vec::new() }
    }

    /// The wall clock is off by so many seconds, as `+3600`; the monotonic one is true.
    #[must_use]
    pub fn clock_off(library: &Path, seconds: &str) -> Self {
        let environment = [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME", seconds.to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { through: Vec::new(), environment }
    }

    /// No more than so many open files.
    #[must_use]
    pub fn open_files(most: u64) -> Self {
        Self { through: vec!["prlimit".into(), format!("--nofile={most}:{most}")], environment: Vec::new() }
    }
}

/// A tracer that was attached to a running process, and lets go of it with this value.
#[derive(Debug)]
pub(crate) struct Tracer(Child);

impl Tracer {
    /// System calls of this process come late from now on, as `strace -e inject=...` says.
    ///
    /// # Errors
    /// When the tracer cannot be started.
    pub(crate) fn attach(process: u32, calls: &str, inject: &str) -> io::Result<Self> {
        let tracer = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{inject}"), "-p", &process.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(tracer))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // The kernel lets go of what it traces.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where what a replica says is kept: beside its home.
pub(crate) fn log_of(home: &Path) -> PathBuf {
    let mut name = home.as_os_str().to_owned();
    name.push(".log");
    name.into()
}

/// A replica that runs, and ends with this value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `PROGRAM start --app APP --home HOME`; what it says is added to the log beside it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, app: &str, home: &Path, wrap: &Wrap) -> io::Result<Self> {
        let log = log_of(home);
        let out = File::options().create(true).append(true).open(&log)?;
        let errors = out.try_clone()?;
        let (program, before) = match wrap.through.split_first() {
            Some((first, rest)) => {
                (first.into(), rest.iter().cloned().chain([program.display().to_string()]).collect())
            }
            None => (program.as_os_str().to_owned(), Vec::new()),
        };
        let child = Command::new(program)
            .args(before)
            .args(["start", "--app", app, "--with-parent", "--home"])
            .arg(home)
            .envs(wrap.environment.iter().cloned())
            // Its end tells the replica that this program is gone.
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(errors)
            .spawn()?;
        Ok(Self { child, log })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; one that is gone is not told.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(mut self) -> io::Result<()> {
        // One that has ended by itself is as good.
        let _ = self.child.kill();
        self.child.wait().map(drop)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    pub async fn end(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() > until {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Open files.
    #[must_use]
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }

    /// The peak of its resident memory, MiB.
    #[must_use]
    pub fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    }

    /// What it has said.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
