//! Outvote beside what a user would pick instead: installed, driven and measured in one run, on one machine.
//!
//! Reading order: `plan` is what was asked; `install` gets the programs; `ports` and `processes` are what clusters stand on;
//! `cluster` runs one of them; `load` drives it through the program of `bench-peers`; `systems` is the table of all, each with
//! what it switches off; `campaign` measures them in turn, round by round; `figures` is the arithmetic; `report` is the printed
//! shape, `document` the section of the page, with its `plots`.

mod error;

mod plan;

mod install;

mod ports;
mod processes;

pub mod cluster;
pub mod load;

pub mod systems;

mod campaign;

pub mod figures;

pub mod document;
mod plots;
pub mod report;

pub use campaign::{Ground, run};
pub use error::PeerError;
pub use install::{Program, Tools, locked_version};
pub use plan::Plan;
pub use ports::Ports;
pub use processes::end_with_signals;
