//! Long runs beside the gate: each builds the program and lets it work for as long as it is told.

use crate::process::cargo;
use crate::tree::Tree;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// A nightly command: its name, what it does, and the arguments of the `outvote` program that do it.
pub(crate) struct Nightly {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) arguments: &'static [&'static str],
}

/// All of them. What follows the name on the command line is handed on.
pub(crate) const ALL: &[Nightly] = &[
    Nightly {
        name: "sim",
        about: "simulator campaigns: --minutes M [--replicas N] [--beyond-bound | --liars-beyond] [--require-coverage]",
        arguments: &["sim"],
    },
    Nightly {
        name: "twins",
        about: "two instances behind one key: [--minutes M] [--from I --count C] [--sample COUNT] [--replicas N]",
        arguments: &["twins"],
    },
    Nightly {
        name: "mutate",
        about: "correctly signed messages with one field changed: [--minutes M] [--count C] [--replicas N]",
        arguments: &["mutate"],
    },
];

/// Builds all programs together, as the tests are built: with one set of features nothing of others is built anew. Answers whether
/// that went well, and where they are.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn build(tree: &Tree) -> io::Result<Option<PathBuf>> {
    let arguments = ["build", "--quiet", "--release", "--workspace", "--bins"];
    let is_built = Command::new(cargo()).args(arguments).current_dir(tree.root()).status()?.success();
    Ok(is_built.then(|| tree.target().join("release")))
}

/// Builds the program by the profile for campaigns, which has a folder of its own.
fn build_program(tree: &Tree) -> io::Result<Option<PathBuf>> {
    let arguments =
        ["build", "--quiet", "--profile", "campaign", "--package", "outvote-cli", "--bin", "outvote"];
    let is_built = Command::new(cargo()).args(arguments).current_dir(tree.root()).status()?.success();
    let program = format!("outvote{}", std::env::consts::EXE_SUFFIX);
    Ok(is_built.then(|| tree.target().join("campaign").join(program)))
}

/// Builds the program and runs the command; whether it found nothing wrong.
pub(crate) fn run(tree: &Tree, nightly: &Nightly, more: &[&str]) -> io::Result<bool> {
    let Some(program) = build_program(tree)? else { return Ok(false) };
    let status =
        Command::new(program).args(nightly.arguments).args(more).current_dir(tree.root()).status()?;
    Ok(status.success())
}
