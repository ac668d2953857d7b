//! Running other programs.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many of the last lines of a failed program's output are shown.
const SHOWN_LINES: usize = 60;

/// What a program said and whether it succeeded.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The end of what the program said, for a failure's text.
    pub(crate) fn tail(&self) -> String {
        let all: Vec<&str> = self.stderr.lines().chain(self.stdout.lines()).collect();
        let start = all.len().saturating_sub(SHOWN_LINES);
        all[start..].join("\n")
    }
}

/// Runs a program in `folder` and collects what it says.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> io::Result<Finished> {
    run_with(folder, program, arguments, &[])
}

/// Runs a program in `folder` with extra environment variables and collects what it says.
pub(crate) fn run_with(
    folder: &Path,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> io::Result<Finished> {
    let output = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    Ok(Finished {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The Cargo that started this program, so that both are of one toolchain.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Whether this is the run whose word counts: nothing may be skipped that any host could do.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
