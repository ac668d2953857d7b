//! The test programs with the mistakes in them.

use super::table::{Catcher, HUNT, ROWS, STAGES};
use crate::process::{cargo, run};
use crate::tree::Tree;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The features that let mistakes in. All crates but storage ask the types.
pub(crate) const PLANTED_FEATURES: &str = "outvote-sim/planted-bugs,outvote-storage/planted-bugs";

/// Where mistakes are planted and what plays them is built in half the time here: what it does with a mistake shows as well, and
/// campaigns of seconds take some more of them.
const UNHURRIED: &[&str] = &[
    "outvote-types",
    "outvote-protocol",
    "outvote-crypto",
    "outvote-replica",
    "outvote-execution",
    "outvote-session",
    "outvote-adversary",
    "outvote-storage",
    "outvote-transport",
    "outvote-client",
    "outvote-node",
    "outvote-sim",
    "outvote-chat",
    "outvote-kv",
    "outvote",
];

/// What Cargo is told besides the features, for every program with mistakes in it, so that they share what is built.
pub(crate) fn settings() -> Vec<String> {
    let levels = UNHURRIED.iter().map(|name| format!("profile.release.package.{name}.opt-level=1"));
    levels.flat_map(|level| [String::from("--config"), level]).collect()
}

/// A built test program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// The folder of its crate, where tests run.
    pub(super) folder: PathBuf,
}

/// All of them, by crate and name.
#[derive(Debug)]
pub(super) struct Programs(BTreeMap<(String, String), Program>);

impl Programs {
    /// Builds the programs that the table names. The whole workspace is selected, so that nothing of others is built anew.
    pub(super) fn build(tree: &Tree) -> Result<Self, String> {
        let wanted: BTreeSet<&str> = ROWS.iter().map(|row| program_of(row.catcher).1).collect();
        let mut arguments =
            vec!["test", "--workspace", "--release", "--no-run", "--features", PLANTED_FEATURES];
        arguments.extend(["--message-format", "json-render-diagnostics"]);
        arguments.extend(wanted.iter().flat_map(|name| ["--test", name]));
        let settings = settings();
        arguments.extend(settings.iter().map(String::as_str));
        let finished = run(tree.root(), &cargo(), &arguments).map_err(|error| format!("cargo: {error}"))?;
        if !finished.success {
            return Err(format!("the programs with planted mistakes cannot be built\n{}", finished.stderr));
        }
        Ok(Self(finished.stdout.lines().filter_map(built).collect()))
    }

    pub(super) fn get(&self, catcher: Catcher) -> Option<&Program> {
        let (package, program) = program_of(catcher);
        self.0.get(&(package.to_owned(), program.to_owned()))
    }
}

fn program_of(catcher: Catcher) -> (&'static str, &'static str) {
    match catcher {
        Catcher::Campaign(_) => HUNT,
        Catcher::Stage(_) => STAGES,
        Catcher::Test(package, program, _) => (package, program),
    }
}

/// A test program in a line of Cargo's messages.
fn built(line: &str) -> Option<((String, String), Program)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    let target = message.get("target")?;
    if !target.get("kind")?.as_array()?.iter().any(|kind| kind == "test") {
        return None;
    }
    let folder = Path::new(message.get("manifest_path")?.as_str()?).parent()?;
    let package = folder.file_name()?.to_str()?;
    let name = target.get("name")?.as_str()?;
    let program = Program { path: path.into(), folder: folder.into() };
    Some(((package.to_owned(), name.to_owned()), program))
}
