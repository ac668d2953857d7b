//! What users lose under attack: each attack and its baseline in one run, on the same replicas, at the same rate.
//!
//! Reading order: `rows` is the table of attacks; `crowd` are liars from outside, `force` lets liars loose `cap` holds them
//! to a machine's share, and `lossy` puts a bad network between the replicas; `timeline` records, `figures` is the arithmetic; `row` runs one attack, `campaign` all of them;
//! `report` is the printed shape, `document` the page with its `plots`, drawn by `svg`.

pub mod crowd;
pub mod rows;

mod cap;
mod force;
mod watch;

pub mod figures;
pub mod timeline;

mod campaign;
pub(crate) mod load;
mod lossy;
mod row;

pub mod document;
mod plots;
pub mod report;
pub mod svg;

pub(crate) use load::Load;
pub(crate) use timeline::Timeline;

pub use campaign::{Ground, Plan, run};
pub use report::{AttackReport, RowReport, Verdict};
