//! `outvote doctor`: says in plain words what is wrong and what to do, or that all is well.

mod cluster;
mod home;

use crate::cluster_folder::ClusterFolder;
use crate::connection::runtime;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;
use clap::Args;
use serde::Serialize;
use serde_json::json;

/// Says in plain words what is wrong and what to do, or that all is well. Changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote doctor --home ./outvote-demo\nExit code 0 if all is well, 1 if something is not."
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    place: Place,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    about: String,
    /// Whether it is well.
    ok: bool,
    /// What was found.
    found: String,
    /// What to do; empty if nothing.
    cure: String,
}

impl Finding {
    fn well(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), ok: true, found: found.into(), cure: String::new() }
    }

    /// Nothing is wrong, and yet it should not stay so.
    fn note(about: impl Into<String>, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { about: about.into(), ok: true, found: found.into(), cure: cure.into() }
    }

    fn ill(about: impl Into<String>, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { about: about.into(), ok: false, found: found.into(), cure: cure.into() }
    }
}

impl Doctor {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let mut findings = Vec::new();
        let folder = ClusterFolder::new(self.place.path());
        let homes = folder.homes();
        if homes.is_empty() && self.place.path().join("config").is_dir() {
            home::examine(self.place.path(), &mut findings);
        }
        for path in &homes {
            home::examine(path, &mut findings);
        }
        match self.place.committee() {
            Ok(file) => runtime()?.block_on(cluster::examine(file, &mut findings)),
            Err(failure) => findings.push(Finding::ill(
                "committee",
                failure.to_string(),
                "start `outvote demo`, or name the right folder with --home",
            )),
        }
        let ills = findings.iter().filter(|finding| !finding.ok).count();
        output.print(&json!({"ok": ills == 0, "findings": findings}), |_| in_words(&findings, ills))?;
        if ills == 0 {
            Ok(())
        } else {
            Err(Failure::failed(format!("{ills} of {} checks found something wrong", findings.len())))
        }
    }
}

fn in_words(findings: &[Finding], ills: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match (finding.ok, finding.cure.is_empty()) {
            (true, true) => "ok   ",
            (true, false) => "note ",
            (false, _) => "WRONG",
        };
        text.push_str(&format!("{mark} {}: {}\n", finding.about, finding.found));
        if !finding.cure.is_empty() {
            text.push_str(&format!("      what to do: {}\n", finding.cure));
        }
    }
    if ills == 0 {
        text.push_str("all is well");
    }
    text
}
