//! Processes that end with this program, however it ends.

use crate::error::PeerError;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The exit code after a signal, as shells have it.
const ENDED_BY_SIGNAL: i32 = 130;
/// Asks the kernel to kill a process when its parent is gone; of Debian's `util-linux`.
const TIES: &str = "/usr/bin/setpriv";

/// What runs, for whoever must end it.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    // A set stays valid even if a holder panicked.
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // One that is gone already cannot be killed, which is as good.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Ends all processes, removes the folder and ends this program when it is told to end.
pub fn end_with_signals(folder: PathBuf) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let waited = runtime.and_then(|runtime| runtime.block_on(told_to_end()));
        if waited.is_ok() {
            running().iter().copied().for_each(kill);
            // What cannot be removed lies in the target folder.
            let _ = std::fs::remove_dir_all(&folder);
            std::process::exit(ENDED_BY_SIGNAL);
        }
    });
}

async fn told_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminated.recv() => Ok(()),
        _ = hung_up.recv() => Ok(()),
    }
}

/// A command whose process the kernel kills when this program is gone, where the host can do that.
pub(crate) fn tied(program: &Path) -> Command {
    if Path::new(TIES).is_file() {
        let mut command = Command::new(TIES);
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// A process that ends with this value.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts it, with its words in a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, PeerError> {
        let failed = |source| PeerError::File { path: log.to_path_buf(), source };
        let words = std::fs::OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
        let errors = words.try_clone().map_err(failed)?;
        command.stdin(Stdio::null()).stdout(words).stderr(errors);
        let child = command.spawn().map_err(|error| PeerError::Program {
            program: command.get_program().to_string_lossy().into_owned(),
            why: error.to_string(),
        })?;
        running().insert(child.id());
        Ok(Self { child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end, for so long at most.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            match self.ended() {
                Some(status) => return Some(status),
                None if Instant::now() > until => return None,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that ended already cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        running().remove(&self.child.id());
    }
}

/// Runs a program to its end and answers what it printed.
///
/// # Errors
/// When it fails or takes too long: its last words.
pub(crate) fn answer_of(command: Command, folder: &Path, patience: Duration) -> Result<String, PeerError> {
    let program = command.get_args().chain([command.get_program()]).find(|word| {
        let word = word.to_string_lossy();
        word.contains('/') && word != TIES
    });
    let program = program.unwrap_or_else(|| command.get_program()).to_string_lossy().into_owned();
    let log = folder.join("answer.txt");
    let failed = |source| PeerError::File { path: log.clone(), source };
    std::fs::write(&log, "").map_err(failed)?;
    let mut child = Running::start(command, &log)?;
    let status = child.wait(patience);
    let words = std::fs::read_to_string(&log).map_err(failed)?;
    match status {
        Some(status) if status.success() => Ok(words),
        Some(status) => Err(PeerError::Program { program, why: format!("{status}: {}", last_words(&words)) }),
        None => Err(PeerError::Program { program, why: format!("is still busy: {}", last_words(&words)) }),
    }
}

/// The end of what a program said.
pub(crate) fn last_words(words: &str) -> String {
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}
