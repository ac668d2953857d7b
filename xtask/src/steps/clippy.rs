//! Clippy on every target of every crate, and on what is packaged without the feature `demo`.

use crate::process::{cargo, run as run_program};
use crate::report::Report;
use crate::tree::Tree;

// The release profile everywhere: one set of built dependencies serves clippy, documentation, tests and the binary.
const EVERYTHING: &[&str] = &["--workspace", "--all-targets", "--release"];
/// What packages are made of: without the feature `demo`, and so without a switch that makes a replica lie. In the workspace
/// as a whole, so that dependencies keep their features and only the crates above the switch are looked at again.
const WITHOUT_DEMO: &[&str] = &["--workspace", "--lib", "--bins", "--no-default-features", "--release"];

pub(crate) fn run(tree: &Tree) -> Report {
    let mut report = Report::default();
    for selection in [EVERYTHING, WITHOUT_DEMO] {
        report.add(clippy(tree, selection));
    }
    report
}

fn clippy(tree: &Tree, selection: &[&str]) -> Report {
    let arguments = [&["clippy", "--quiet"], selection, &["--", "-D", "warnings"]].concat();
    match run_program(tree.root(), &cargo(), &arguments) {
        Ok(finished) if finished.success => Report::one_passed(),
        Ok(finished) => Report::one_failed(format!(
            "clippy complains; see `cargo clippy {}`\n{}",
            selection.join(" "),
            finished.tail()
        )),
        Err(error) => Report::one_failed(format!("cargo clippy cannot be started: {error}; install clippy")),
    }
}
