//! Everything bad that is done to clusters. Each entry names the rows of the catalogue of faults that it plays.

mod clock;
mod homes;
mod links;
mod network;
mod packets;
mod people;
mod power;
mod process;
mod storage;

use crate::stage::Nemesis;

/// All of them.
#[must_use]
pub fn all() -> Vec<Nemesis> {
    let tables = [
        process::ALL,
        power::ALL,
        network::ALL,
        links::ALL,
        packets::ALL,
        storage::ALL,
        homes::ALL,
        clock::ALL,
        people::ALL,
    ];
    tables.concat()
}
