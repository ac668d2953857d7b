//! `cargo xtask bench growth`: builds the program and lets it measure how a cluster grows.

use crate::nightly::build;
use crate::tree::Tree;
use std::io;
use std::process::Command;

/// Where what was measured is kept, below the target folder.
const RECORDS: &str = "growth";

/// Builds, and measures what these arguments say; answers whether all went well. The section of the page is written anew from all
/// that is kept: of each series the last whole run, or else the last short one.
///
/// # Errors
/// When a program cannot be started.
pub(crate) fn growth(tree: &Tree, arguments: &[&str]) -> io::Result<bool> {
    let Some(release) = build(tree)? else { return Ok(false) };
    let done = Command::new(release.join("outvote"))
        .arg("growth")
        .arg("--record")
        .arg(tree.target().join(RECORDS))
        .arg("--write")
        .arg(tree.path("docs"))
        .args(arguments)
        .current_dir(tree.root())
        .status()?;
    Ok(done.success())
}
