//! The replicas' processes.

use crate::breakdown::Breakdown;
use crate::error::BenchError;
use crate::usage::Usage;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long replicas may take to stop cleanly before they are killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What a measurement changes in the replicas' configuration; everything else keeps its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Requests in a batch at most, under load too.
    pub batch_max: Option<usize>,
    /// Blocks that are kept for receipts and late followers.
    pub retain_blocks: Option<u64>,
}

/// The text of a `config.toml` with these changes.
#[must_use]
pub fn configured(text: &str, configuration: Configuration) -> String {
    let Configuration { batch_max, retain_blocks } = configuration;
    let lines =
        text.lines().map(|line| match (line.split('=').next().map(str::trim), batch_max, retain_blocks) {
            (Some("count_max"), Some(count), _) => format!("count_max = {count}"),
            (Some("growth"), Some(_), _) => "growth = 1".to_owned(),
            (Some("retain_blocks"), _, Some(blocks)) => format!("retain_blocks = {blocks}"),
            _ => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Processes that each run one replica. They end with this value, and with this program.
#[derive(Debug)]
pub struct Replicas {
    program: PathBuf,
    homes: Vec<PathBuf>,
    children: Vec<Option<Child>>,
}

impl Replicas {
    /// Starts `PROGRAM start --app kv` for each home.
    ///
    /// # Errors
    /// When a configuration cannot be changed or a process cannot be started.
    pub fn start(
        program: &Path,
        homes: Vec<PathBuf>,
        configuration: Option<Configuration>,
    ) -> Result<Self, BenchError> {
        for home in homes.iter().filter(|_| configuration.is_some()) {
            let path = home.join("config/config.toml");
            let failed = |source| BenchError::File { path: path.clone(), source };
            let text = std::fs::read_to_string(&path).map_err(failed)?;
            let text = configuration.map_or(text.clone(), |configuration| configured(&text, configuration));
            std::fs::write(&path, text).map_err(failed)?;
        }
        let children = homes.iter().map(|_| None).collect();
        let mut replicas = Self { program: program.into(), homes, children };
        for id in 0..replicas.homes.len() {
            replicas.start_one(id)?;
        }
        Ok(replicas)
    }

    /// Starts one of them, again or for the first time.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start_one(&mut self, id: usize) -> Result<(), BenchError> {
        let home = &self.homes[id];
        let path = self.log(id);
        let failed = |source| BenchError::File { path: path.clone(), source };
        let log = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let child = Command::new(&self.program)
            .args(["start", "--app", "kv", "--with-parent", "--home"])
            .arg(home)
            // Its end tells the replica that this program is gone.
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|source| BenchError::File { path: self.program.clone(), source })?;
        self.children[id] = Some(child);
        Ok(())
    }

    fn log(&self, id: usize) -> PathBuf {
        self.homes[id].join("log.txt")
    }

    /// Kills one with SIGKILL, and says when.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self, id: usize) -> Result<Instant, BenchError> {
        let log = self.log(id);
        let failed = |what: String| BenchError::Replica { id, what, log: log.clone() };
        let mut child = self.children[id].take().ok_or_else(|| failed("does not run".into()))?;
        let killed = Instant::now();
        child.kill().map_err(|error| failed(format!("cannot be killed: {error}")))?;
        child.wait().map_err(|error| failed(format!("cannot be waited for: {error}")))?;
        Ok(killed)
    }

    /// Stops one in the middle of whatever it does (SIGSTOP): it keeps its connections and says nothing. The moment is right after.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self, id: usize) -> Result<Instant, BenchError> {
        self.signal(id, Signal::STOP).map(|()| Instant::now())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&self, id: usize) -> Result<(), BenchError> {
        self.signal(id, Signal::CONT)
    }

    fn signal(&self, id: usize, signal: Signal) -> Result<(), BenchError> {
        let log = self.log(id);
        let pid = self.pid(id).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let failed = |what: String| BenchError::Replica { id, what, log };
        match pid.map(|pid| kill_process(pid, signal)) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(failed(format!("cannot be signalled: {error}"))),
            None => Err(failed("does not run".into())),
        }
    }

    /// Checks that all that were started still run.
    ///
    /// # Errors
    /// Names the first that ended by itself.
    pub fn check(&mut self) -> Result<(), BenchError> {
        for id in 0..self.children.len() {
            if let Some(child) = &mut self.children[id]
                && let Ok(Some(status)) = child.try_wait()
            {
                return Err(BenchError::Replica { id, what: format!("ended ({status})"), log: self.log(id) });
            }
        }
        Ok(())
    }

    /// The process of one of them, if it runs.
    #[must_use]
    pub fn pid(&self, id: usize) -> Option<u32> {
        self.children.get(id)?.as_ref().map(Child::id)
    }

    /// The processes of all that run.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().flatten().map(Child::id).collect()
    }

    /// What the kernel counted for them.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::of(self.children.iter().flatten().map(Child::id))
    }

    /// Where their processor time went, and this process's.
    pub(crate) fn breakdown(&self) -> Breakdown {
        Breakdown::of(self.children.iter().flatten().map(Child::id))
    }

    /// Stops all of them cleanly.
    pub fn stop(mut self) {
        for child in self.children.iter().flatten() {
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                // One that is gone already needs no telling.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        let until = Instant::now() + STOP_TIMEOUT;
        for child in self.children.iter_mut().flatten() {
            while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        // What still runs is killed by the drop.
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            // One that ended already cannot be killed, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
