//! The steps of the gate, in the order in which they run: the cheap ones that read the tree first.

mod clippy;
mod docs;
pub(crate) mod faults;
mod format;
mod glossary;
mod layers;
mod licences;
mod page;
pub mod purity;
mod rules;
mod scenarios;
pub mod tests;
pub mod tidy;

use crate::report::Report;
use crate::tree::Tree;

/// A step of the gate.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Tree) -> Report,
}

/// All steps.
pub(crate) const ALL: &[Step] = &[
    Step { name: "format", about: "cargo fmt changes nothing", run: format::run },
    Step { name: "layers", about: "who may know whom, also through others", run: layers::run },
    Step {
        name: "purity",
        about: "no clock, no randomness, no hidden order in the pure crates",
        run: purity::run,
    },
    Step {
        name: "rules",
        about: "each rule of docs/protocol.md is cited by code and by a test",
        run: rules::run,
    },
    Step {
        name: "scenarios",
        about: "each scenario of docs/protocol.md is played by a test",
        run: scenarios::run,
    },
    Step {
        name: "faults",
        about: "each row of docs/faults.md is played by a test, or says why not",
        run: faults::run,
    },
    Step { name: "glossary", about: "each word of docs/glossary.md is in the code", run: glossary::run },
    Step { name: "tidy", about: "lengths, leftovers, links, names, decisions", run: tidy::run },
    Step {
        name: "licences",
        about: "licences, bans, sources and advisories of dependencies",
        run: licences::run,
    },
    Step {
        name: "clippy",
        about: "clippy on everything, also without the feature demo; warnings are errors",
        run: clippy::run,
    },
    Step { name: "docs", about: "documentation of everything, warnings are errors", run: docs::run },
    Step { name: "tests", about: "the release binary and every test", run: tests::run },
    Step { name: "page", about: "the page: types, build, freshness, browser tests", run: page::run },
];
