//! How it grows: with members, payload, batch, clients and history, and how a replica that lost all catches up; on real processes,
//! and with up to a hundred members as the simulator reckons it.
//!
//! Reading order: `plan` is what was asked; `record` is what is kept of each series, as JSON, so that one can be measured anew
//! without the others; `loads` are the series that load a fresh cluster for each point; `history` and `catch_up` are the long
//! ones; `campaign` runs them in turn; `document` is the section of the page, with its `tables` and `plots`. What is simulated
//! is measured by whoever has the simulator, and only written down here.

mod plan;
mod record;

mod state;

mod catch_up;
mod history;
mod loads;

mod campaign;

mod document;
mod plots;
mod tables;

pub use campaign::{Measured, run};
pub use document::{BEGIN, END, section, write};
pub use plan::{Growth, Plan};
pub use record::{
    CatchUpRow, HistoryRow, HistorySample, LoadRow, Record, Records, Rows, SimulatedRow, Skipped,
};
