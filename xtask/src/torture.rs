//! `cargo xtask torture`: builds the programs and lets them run. A nightly command, and no part of the gate.

use crate::nightly::build;
use crate::results::commit;
use crate::tree::Tree;
use std::io;
use std::process::Command;

/// Where the results are kept in the target folder, for `cargo xtask faults`.
const RESULTS: &str = "nightly/torture.json";

/// Builds, and plays what these arguments say; answers whether all went well.
///
/// # Errors
/// When a program cannot be started.
pub(crate) fn torture(tree: &Tree, arguments: &[&str]) -> io::Result<bool> {
    let root = tree.root();
    let Some(release) = build(tree)? else { return Ok(false) };
    let commit = commit(tree);
    let done = Command::new(release.join("outvote-torture"))
        .arg("--program")
        .arg(release.join("outvote"))
        .arg("--results")
        .arg(tree.target().join(RESULTS))
        .args(["--commit", Some(&*commit).filter(|commit| !commit.is_empty()).unwrap_or("unknown")])
        .args(arguments)
        .current_dir(root)
        .status()?;
    Ok(done.success())
}
