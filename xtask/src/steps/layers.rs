//! The dependency graph keeps to the table in `xtask/src/layers.rs`.

use crate::layers::{TABLE, violations};
use crate::metadata::packages;
use crate::report::Report;
use crate::tree::Tree;

pub(crate) fn run(tree: &Tree) -> Report {
    match packages(tree) {
        Ok(packages) => {
            let complaints = violations(TABLE, &packages);
            let rows = TABLE.len() as u64;
            let passed = rows.saturating_sub(complaints.len() as u64);
            Report { passed, failures: complaints, ..Report::default() }
        }
        Err(error) => Report::one_failed(error),
    }
}
