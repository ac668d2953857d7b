//! Clippy on every target of every crate.

use crate::process::{cargo, run as run_program};
use crate::report::Report;
use crate::tree::Tree;

// The release profile everywhere: one set of built dependencies serves clippy, documentation, tests and the binary.
const ARGUMENTS: &[&str] =
    &["clippy", "--quiet", "--workspace", "--all-targets", "--release", "--", "-D", "warnings"];

pub(crate) fn run(tree: &Tree) -> Report {
    match run_program(tree.root(), &cargo(), ARGUMENTS) {
        Ok(finished) if finished.success => Report::one_passed(),
        Ok(finished) => Report::one_failed(format!(
            "clippy complains; see `cargo clippy --workspace --all-targets --release`\n{}",
            finished.tail()
        )),
        Err(error) => Report::one_failed(format!("cargo clippy cannot be started: {error}; install clippy")),
    }
}
