//! All series in turn, each kept as soon as it is measured.

use super::plan::{Growth, Plan};
use super::record::{Record, Rows, Skipped};
use super::{catch_up, history, loads};
use crate::attack::Ground;
use crate::error::BenchError;
use crate::runs::Progress;
use std::path::Path;

/// What a series came to.
pub type Measured = (Rows, Vec<Skipped>);

/// Makes a fresh cluster of so many replicas whose ports begin there.
pub(super) type Fresh<'a> = &'a mut dyn FnMut(usize, u16) -> Result<Ground, BenchError>;

/// What every series needs.
pub(super) struct Field<'a> {
    pub(super) plan: &'a Plan,
    pub(super) program: &'a Path,
    pub(super) progress: Progress<'a>,
    fresh: Fresh<'a>,
    /// Clusters take turns on two rows of ports, so that none meets what is left of the one before.
    turn: u16,
}

impl Field<'_> {
    /// A fresh cluster.
    pub(super) fn fresh(&mut self, n: usize) -> Result<Ground, BenchError> {
        self.turn ^= 1;
        (self.fresh)(n, self.plan.first_port + self.turn * 400)
    }
}

/// Measures the series of the plan on real processes of this program, each on clusters that `fresh` makes; `simulate` measures
/// what is simulated. Each is kept in `folder`.
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
) -> Result<(), BenchError> {
    let mut field = Field { plan, program, progress, fresh, turn: 0 };
    for series in &plan.series {
        progress(&format!("{}:", series.name()));
        let (rows, skipped) = match series {
            Growth::Simulated => simulate(),
            Growth::History => history::run(&mut field).await,
            Growth::CatchUp => catch_up::run(&mut field).await,
            other => loads::run(&mut field, *other).await,
        };
        Record::new(plan, *series, rows, skipped).keep(folder, *series)?;
    }
    Ok(())
}
