//! The documentation of every crate builds without a warning.

use crate::process::{cargo, run_with};
use crate::report::Report;
use crate::tree::Tree;

pub(crate) fn run(tree: &Tree) -> Report {
    let arguments = ["doc", "--quiet", "--workspace", "--no-deps", "--release"];
    match run_with(tree.root(), &cargo(), &arguments, &[("RUSTDOCFLAGS", "-D warnings")]) {
        Ok(finished) if finished.success => Report::one_passed(),
        Ok(finished) => Report::one_failed(format!(
            "rustdoc complains; see `RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps`\n{}",
            finished.tail()
        )),
        Err(error) => Report::one_failed(format!("cargo doc cannot be started: {error}")),
    }
}
