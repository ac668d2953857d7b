//! `cargo fmt` changes nothing.

use crate::process::{cargo, run as run_program};
use crate::report::Report;
use crate::tree::Tree;

pub(crate) fn run(tree: &Tree) -> Report {
    match run_program(tree.root(), &cargo(), &["fmt", "--all", "--check", "--", "-l", "--color", "never"]) {
        Ok(finished) if finished.success => Report::one_passed(),
        Ok(finished) => Report::one_failed(format!(
            "these files are not formatted; run `cargo fmt --all`\n{}",
            finished.tail()
        )),
        Err(error) => Report::one_failed(format!("cargo fmt cannot be started: {error}; install rustfmt")),
    }
}
