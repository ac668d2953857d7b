//! Licences, bans, sources and known holes of all dependencies, by cargo-deny with the rules in `deny.toml`.

use crate::process::{cargo, is_ci, run as run_program, run_with};
use crate::report::Report;
use crate::tree::Tree;
use std::path::{Path, PathBuf};

/// Raised by hand: a new version may judge anew.
const VERSION: &str = "0.20.2";
/// Where the tool is kept, below the target folder. Built once.
const TOOLS: &str = "tools";
/// The home of the database of known holes. Not every host can reach it.
const ADVISORY_DATABASE: &str = "https://github.com/rustsec/advisory-db";

pub(crate) fn run(tree: &Tree) -> Report {
    let tool = match tool(tree) {
        Ok(tool) => tool,
        // A laptop on a train may go without; the run that counts may not.
        Err(why) if !is_ci() => return Report::one_skipped(why),
        Err(why) => return Report::one_failed(why),
    };
    let mut report = Report::default();
    for (what, cure) in [
        ("licenses", "use another crate, or allow the licence in deny.toml and say why"),
        ("bans", "use the crate that deny.toml names instead, or record the exception there"),
        ("sources", "take dependencies from crates.io only"),
    ] {
        report.add(judge(
            tree,
            &tool,
            &["--log-level", "error", "check", "--hide-inclusion-graph", what],
            what,
            cure,
        ));
    }
    report.add(advisories(tree, &tool));
    report
}

fn judge(tree: &Tree, tool: &Path, arguments: &[&str], what: &str, cure: &str) -> Report {
    match run_program(tree.root(), &tool.to_string_lossy(), arguments) {
        Ok(finished) if finished.success => Report::one_passed(),
        Ok(finished) => Report::one_failed(format!("{what}: {cure}\n{}", finished.tail())),
        Err(error) => Report::one_failed(format!("{} cannot be started: {error}", tool.display())),
    }
}

fn advisories(tree: &Tree, tool: &Path) -> Report {
    let reach = run_program(tree.root(), "git", &["ls-remote", "--exit-code", ADVISORY_DATABASE, "HEAD"]);
    if !reach.is_ok_and(|finished| finished.success) {
        return Report::one_skipped(format!(
            "advisories: needs a host that reaches {ADVISORY_DATABASE}; this one does not"
        ));
    }
    judge(
        tree,
        tool,
        &["--log-level", "error", "check", "advisories"],
        "advisories",
        "update the crate; `cargo update -p NAME`",
    )
}

/// The tool of the wanted version, built first if it is not there.
fn tool(tree: &Tree) -> Result<PathBuf, String> {
    let folder = tree.target().join(TOOLS).join(format!("cargo-deny-{VERSION}"));
    let tool = folder.join("bin").join("cargo-deny");
    if tool.is_file() {
        return Ok(tool);
    }
    let root = folder.to_string_lossy().into_owned();
    // It runs for seconds, so it is not worth minutes of an optimising compiler.
    let arguments =
        ["install", "--quiet", "--locked", "--debug", "--version", VERSION, "--root", &root, "cargo-deny"];
    let finished = run_with(tree.root(), &cargo(), &arguments, &[("CARGO_PROFILE_DEV_DEBUG", "false")])
        .map_err(|error| format!("cargo install cannot be started: {error}"))?;
    if finished.success && tool.is_file() {
        Ok(tool)
    } else {
        Err(format!("cargo-deny {VERSION} cannot be installed from crates.io:\n{}", finished.tail()))
    }
}
