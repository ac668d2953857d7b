//! The client's half of the protocol, without links.

mod committee_files;
mod outcomes;
mod patience;
mod pools;
mod receipt_checks;
mod streams;
mod support;
