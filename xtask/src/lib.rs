//! The project's own commands. `cargo xtask check` is the one gate: what it accepts may land, and CI runs nothing else.
//!
//! Each step of the gate is one file in `steps/`. A step looks at the checked-out tree and answers with a [`Report`];
//! [`run`] prints one line per step and, at the end, the sums.

pub mod bugs;
mod check;
mod fault_book;
mod faults;
mod fuzz;
mod glossary;
mod growth;
mod layers;
mod libtest;
mod metadata;
mod nightly;
mod peers;
mod process;
mod report;
mod results;
mod rule_book;
mod rust_source;
mod scenario_book;
mod schedules;
mod steps;
mod torture;
mod tree;

pub use check::{main_with, run};
pub use fault_book::{
    Fault, Faults, Player, Players, State, fault_coverage, players_in, read_faults, settled, tag,
};
pub use faults::{Shown, print_faults};
pub use glossary::{Code, Glossary, Identifier, read_glossary};
pub use layers::{Package, Row, TABLE, violations};
pub use libtest::{Counts, Ignored, SKIPPED_VARIABLE, counts, failures, ignored, skipped};
pub use report::{Report, Sums};
pub use results::{Dated, Night, Outcome, Results, Verdict, libtest_results, page_results, spec_results};
pub use rule_book::{Book, Citations, cited_in, coverage, read_book, unknown};
pub use rust_source::{Function, Line, functions, lines};
pub use scenario_book::{Scenarios, read_scenarios, scenario_coverage, scenarios_in};
pub use steps::{purity, tests, tidy};
pub use tree::Tree;
