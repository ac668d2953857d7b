//! All series in turn, each kept as soon as it is measured.

use super::plan::{Growth, Plan};
use super::record::{Record, Records, Rows, Skipped};
use super::{catch_up, history, loads};
use crate::attack::Ground;
use crate::error::BenchError;
use crate::runs::Progress;
use std::path::Path;

/// What a series came to.
pub type Measured = (Rows, Vec<Skipped>);

/// Makes a fresh cluster of so many replicas.
pub(super) type Fresh<'a> = &'a mut dyn FnMut(usize) -> Result<Ground, BenchError>;

/// What every series needs.
pub(super) struct Field<'a> {
    pub(super) plan: &'a Plan,
    pub(super) program: &'a Path,
    pub(super) progress: Progress<'a>,
    fresh: Fresh<'a>,
}

impl Field<'_> {
    /// A fresh cluster.
    pub(super) fn fresh(&mut self, n: usize) -> Result<Ground, BenchError> {
        (self.fresh)(n)
    }
}

/// Measures the series of the plan on real processes of this program, each on clusters that `fresh` makes; `simulate` measures
/// what is simulated. Each is kept in `folder`; the answer is all of them.
///
/// # Errors
/// When something cannot be kept. What this machine cannot do is named in the record.
pub async fn run(
    plan: &Plan,
    program: &Path,
    fresh: Fresh<'_>,
    simulate: &mut dyn FnMut() -> Measured,
    folder: &Path,
    progress: Progress<'_>,
) -> Result<Records, BenchError> {
    let mut records = Records::new();
    let mut field = Field { plan, program, progress, fresh };
    for series in &plan.series {
        progress(&format!("{}:", series.name()));
        let (rows, skipped) = match series {
            Growth::Simulated => simulate(),
            Growth::History => history::run(&mut field).await,
            Growth::CatchUp => catch_up::run(&mut field).await,
            other => loads::run(&mut field, *other).await,
        };
        let record = Record::new(plan, *series, rows, skipped);
        record.keep(folder, *series)?;
        records.insert(*series, record);
    }
    Ok(records)
}
