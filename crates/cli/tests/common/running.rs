//! Single replicas of a trial network, each a process with a log of its own.

use super::{Stage, until};
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long anything here may take, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A replica that runs, and ends with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn start(stage: &Stage, home: &str) -> Self {
        Self::of(stage.command(&["start", "--with-parent", "--home", home]), stage, home)
    }

    /// A replica that this command starts. Its standard input ends with the test, and then it ends, too.
    pub(crate) fn of(mut command: Command, stage: &Stage, home: &str) -> Self {
        let log = stage.path(home).join("log.txt");
        let errors = File::create(&log).unwrap();
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        Self { child, log }
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until a line of its log holds all of these; the line.
    pub(crate) fn says(&self, words: &[&str]) -> String {
        let found = || {
            let said = self.said();
            said.lines().find(|line| words.iter().all(|word| line.contains(word))).map(String::from)
        };
        until(&format!("{} says {words:?}", self.log.display()), PATIENCE, found)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            super::demo::show_end(&self.log.display().to_string(), &self.log);
        }
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody can still speak: the others have a quorum.
pub(crate) fn chat_goes_on(stage: &Stage, home: &str, name: &str) {
    let done = stage.run(&["chat", "register", name, "--home", home]);
    assert_eq!(done.code, 0, "{done:?}");
}

/// Waits until all four answer and have executed the same; their entries.
pub(crate) fn all_reach_each_other(stage: &Stage, home: &str) -> Vec<Value> {
    until("all four are there", PATIENCE, || {
        let status = stage.json(&["status", "--home", home]);
        let replicas = status["replicas"].as_array()?.clone();
        let level = replicas.iter().filter_map(|one| one["executed"].as_u64()).max()?;
        let is_level = |one: &Value| one["reachable"] == true && one["executed"].as_u64() == Some(level);
        replicas.iter().all(is_level).then_some(replicas)
    })
}
