//! `cargo xtask bench peers`: builds the programs and lets them measure. What is measured beside ours is got and built by them.

use crate::nightly::build;
use crate::process::cargo;
use crate::tree::Tree;
use std::io;
use std::process::Command;

/// The sources of what drives other systems: a workspace of its own, so that nothing of theirs weighs on ours.
const SOURCES: &str = "bench-peers";
/// Where others' programs are kept, below the target folder.
const TOOLS: &str = "peers";

/// Builds, and measures what these arguments say; answers whether all went well.
///
/// # Errors
/// When a program cannot be started.
pub(crate) fn peers(tree: &Tree, arguments: &[&str]) -> io::Result<bool> {
    let Some(release) = build(tree)? else { return Ok(false) };
    let done = Command::new(release.join("outvote-peers"))
        .arg("--program")
        .arg(release.join("outvote"))
        .arg("--tools")
        .arg(tree.target().join(TOOLS))
        .arg("--sources")
        .arg(tree.path(SOURCES))
        .arg("--docs")
        .arg(tree.path("docs"))
        .args(arguments)
        .env("CARGO", cargo())
        .current_dir(tree.root())
        .status()?;
    Ok(done.success())
}
