//! The demo from outside: a process for each replica, and the one that watches over them.

use super::{Ended, Stage, free_ports, until};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// How long the cluster may take for any one thing, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of each log that a failure shows.
const LINES_SHOWN: usize = 40;

/// A running demo of four replicas in a folder of its own.
pub(crate) struct Demo {
    pub(crate) stage: Stage,
    port: u16,
    more: Vec<String>,
    child: Child,
}

impl Demo {
    /// Starts one on free ports, with these arguments besides, and waits until all replicas answer.
    pub(crate) fn start(more: &[&str]) -> Self {
        let (stage, port) = (Stage::new(), free_ports());
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        let child = spawn(&stage, port, &more);
        let demo = Self { stage, port, more, child };
        demo.all_are_there();
        demo
    }

    /// Ctrl-C, and the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        signal(self.child.id(), "INT");
        until("the demo stops", PATIENCE, || self.child.try_wait().unwrap()).code()
    }

    /// Starts it again after [`Demo::stop`].
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.stage, self.port, &self.more);
        self.all_are_there();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.stage.command(&[arguments, &["--home", "demo"]].concat())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.stage.run(&[arguments, &["--home", "demo"]].concat())
    }

    /// Runs and expects success.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ended {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {done:?}");
        done
    }

    /// Runs and expects success; the JSON it printed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.stage.json(&[arguments, &["--home", "demo"]].concat())
    }

    /// The replicas' entries of `outvote status`.
    pub(crate) fn replicas(&self) -> Option<Vec<Value>> {
        let done = self.run(&["status", "--output", "json"]);
        let status: Value = serde_json::from_str(&done.out).ok()?;
        status["replicas"].as_array().cloned()
    }

    /// Waits until every replica's process runs and answers.
    pub(crate) fn all_are_there(&self) -> Vec<Value> {
        until("all four replicas answer", PATIENCE, || {
            self.replicas().filter(|all| all.len() == 4 && all.iter().all(|one| one["reachable"] == true))
        })
    }

    /// Who leads, if somebody does.
    pub(crate) fn leader(&self) -> Option<Value> {
        self.replicas()?.into_iter().find(|one| one["leader"] == true && one["reachable"] == true)
    }

    /// Waits until somebody leads.
    pub(crate) fn some_leader(&self) -> Value {
        until("somebody leads", PATIENCE, || self.leader())
    }

    /// The proofs of lies that are on file.
    pub(crate) fn evidence(&self) -> Vec<Value> {
        let done = self.run(&["evidence", "list", "--output", "json"]);
        let found: Value = serde_json::from_str(&done.out).unwrap_or_default();
        found["evidence"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // The replicas watch their parent, so that its death is theirs.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            show_end("demo.log", &self.stage.path("demo.log"));
            for id in 0..4 {
                let name = format!("demo/replica-{id}/log.txt");
                show_end(&name, &self.stage.path(&name));
            }
        }
    }
}

fn spawn(stage: &Stage, port: u16, more: &[String]) -> Child {
    let log = fs::File::options().create(true).append(true).open(stage.path("demo.log")).unwrap();
    let mut command = stage.command(&["demo", "--home", "demo", "--port", &port.to_string()]);
    command.args(more).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// Prints the last lines of a file, for whoever wonders about a failure.
#[allow(clippy::print_stderr, reason = "a failed test says what it saw")]
pub(crate) fn show_end(name: &str, path: &Path) {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("--- the end of {name}\n{}", lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n"));
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

/// Kills the process of an entry of `outvote status`.
pub(crate) fn kill(replica: &Value) {
    signal(u32::try_from(replica["pid"].as_u64().unwrap()).unwrap(), "KILL");
}
