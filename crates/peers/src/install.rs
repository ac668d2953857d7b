//! Gets the programs, from ordinary packages, into the target folder: nothing of the host changes.

use crate::error::PeerError;
use crate::processes::last_words;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Debian's package.
const ETCD_PACKAGE: &str = "etcd-server";
/// CometBFT's command, of the line that its users run.
const COMETBFT: &str = "github.com/cometbft/cometbft/cmd/cometbft@v0.38.26";

/// Where programs are kept, and where those of `bench-peers` are built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// Below the target folder.
    pub folder: PathBuf,
    /// The folder `bench-peers`.
    pub sources: PathBuf,
}

/// Runs a command to its end; its last words if it fails.
fn done(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    let words =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if output.status.success() { Ok(()) } else { Err(format!("{name}: {}", last_words(&words))) }
}

/// The first line that a program prints.
fn first_line(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let words = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    words.lines().next().unwrap_or_default().trim().to_owned()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A program and what it calls its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// In its own words.
    pub version: String,
}

impl Tools {
    /// etcd: the host's own, or else Debian's package, unpacked and not installed, so that no service starts.
    ///
    /// # Errors
    /// When the host has no such packages.
    pub fn etcd(&self) -> Result<Program, PeerError> {
        let path = match on_path("etcd") {
            Some(path) => path,
            None => self.unpacked_etcd().map_err(|why| PeerError::Missing { program: "etcd", why })?,
        };
        let version = first_line(&path, "--version").replace("etcd Version: ", "");
        Ok(Program { path, version })
    }

    fn unpacked_etcd(&self) -> Result<PathBuf, String> {
        let folder = self.folder.join("etcd");
        let path = folder.join("usr/bin/etcd");
        if path.is_file() {
            return Ok(path);
        }
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let download = || done(Command::new("apt-get").args(["download", ETCD_PACKAGE]).current_dir(&folder));
        if download().is_err() {
            // A host that never asked has no lists of packages; only root may get them.
            let _ = done(Command::new("apt-get").arg("update"));
            download()?;
        }
        let entries = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
        let package = entries
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
        let package = package.ok_or("apt-get downloaded nothing")?;
        done(Command::new("dpkg").arg("--extract").arg(package).arg(&folder))?;
        if path.is_file() { Ok(path) } else { Err("the package has no usr/bin/etcd".to_owned()) }
    }

    /// CometBFT, through the Go module proxy.
    ///
    /// # Errors
    /// When there is no Go, or it cannot build it.
    pub fn cometbft(&self) -> Result<Program, PeerError> {
        let bin = self.folder.join("bin");
        let path = bin.join("cometbft");
        if !path.is_file() {
            let built = done(Command::new("go").args(["install", COMETBFT]).env("GOBIN", &bin));
            built.map_err(|why| PeerError::Missing {
                program: "CometBFT",
                why: format!("{why}; it takes Go, which `go install {COMETBFT}` needs"),
            })?;
        }
        let version = first_line(&path, "version");
        Ok(Program { path, version })
    }

    /// The programs of `bench-peers`, by Cargo.
    ///
    /// # Errors
    /// When they cannot be built.
    pub fn own(&self) -> Result<PathBuf, PeerError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let target = self.folder.join("build");
        let built = done(
            Command::new(cargo)
                .args(["build", "--quiet", "--release", "--locked", "--workspace", "--manifest-path"])
                .arg(self.sources.join("Cargo.toml"))
                .arg("--target-dir")
                .arg(&target),
        );
        built.map_err(|why| PeerError::Missing { program: "the load program", why })?;
        Ok(target.join("release"))
    }

    /// The version of a package that the programs of `bench-peers` were built with.
    #[must_use]
    pub fn version_of(&self, package: &str) -> String {
        let lock = std::fs::read_to_string(self.sources.join("Cargo.lock")).unwrap_or_default();
        locked_version(&lock, package).unwrap_or_else(|| "unknown".to_owned())
    }
}

/// The version of a package in the text of a `Cargo.lock`.
#[must_use]
pub fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}
