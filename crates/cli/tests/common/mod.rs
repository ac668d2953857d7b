//! Runs the real binary in a folder of its own.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

pub(crate) mod demo;
pub(crate) mod running;
#[path = "../../../outvote/tests/cluster/skipped.rs"]
pub(crate) mod skipped;
pub(crate) mod terminal;

use serde_json::Value;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder that is gone when the test ends, and the binary to run in it.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outvote"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("OUTVOTE_HOME")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }

    /// Runs and expects success; the JSON it printed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let with_output: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        let done = self.run(&with_output);
        assert_eq!(done.code, 0, "{arguments:?}: {done:?}");
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", done.out))
    }

    /// The homes of four replicas on free ports; the first port.
    pub(crate) fn testnet(&self, name: &str) -> u16 {
        let port = free_ports();
        self.testnet_at(name, port);
        port
    }

    /// The homes of four replicas on these ports.
    pub(crate) fn testnet_at(&self, name: &str, port: u16) {
        let done =
            self.run(&["testnet", "-n", "4", "-o", name, "--starting-port", &port.to_string(), "--demo"]);
        assert_eq!(done.code, 0, "{done:?}");
    }

    /// Starts a replica that ought to end by itself within some seconds.
    pub(crate) fn start_and_fail(&self, home: &str) -> Ended {
        let mut child = self
            .command(&["start", "--home", home])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while child.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        ended(child.wait_with_output().unwrap())
    }
}

/// How a command ended that has given its output.
pub(crate) fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A port such that the pages' and the replicas' ports of four replicas are free.
pub(crate) fn free_ports() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        if first > 64_000 {
            continue;
        }
        let ports = (0..4).flat_map(|id| [first + id, first + 100 + id]);
        let held: Vec<_> = ports.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))).collect();
        if held.iter().all(Result::is_ok) {
            return first;
        }
    }
    panic!("no free ports");
}

/// Sets a file's permission bits.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Waits until something holds.
pub(crate) fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
