//! The table of targets.

use crate::targets::{
    applications, archive, certificates, client_words, committee, frames, greetings, http, import, log,
    messages, operations, peer, receipts, records, requests, state, text_files, tls, transfer,
};

/// How much one execution does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A decoder: a hundred thousand executions a second.
    Decoder,
    /// A state machine, a file system in memory, or a server around it.
    Machine,
    /// A whole cluster.
    Cluster,
}

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder of inputs.
    pub name: &'static str,
    /// The rows of the catalogue of faults that it plays.
    pub rows: &'static [&'static str],
    /// How much one execution does.
    pub pace: Pace,
    /// Bytes of an input at most.
    pub longest: usize,
    /// Real inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Takes any bytes whatsoever, and panics if something that must hold does not.
    pub run: fn(&[u8]),
}

const fn decoder(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, rows: &["M01", "M02", "M05", "M19"], pace: Pace::Decoder, longest: 4096, seeds, run }
}

const fn machine(
    name: &'static str,
    rows: &'static [&'static str],
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
) -> Target {
    Target { name, rows, pace: Pace::Machine, longest: 8192, seeds, run }
}

/// Every target.
pub const ALL: &[Target] = &[
    decoder("messages", messages::run, messages::seeds),
    decoder("client_words", client_words::run, client_words::seeds),
    decoder("requests", requests::run, requests::seeds),
    decoder("certificates", certificates::run, certificates::seeds),
    decoder("committee", committee::run, committee::seeds),
    decoder("records", records::run, records::seeds),
    decoder("archive", archive::run, archive::seeds),
    decoder("frames", frames::run, frames::seeds),
    decoder("greetings", greetings::run, greetings::seeds),
    decoder("receipts", receipts::run, receipts::seeds),
    decoder("evidence_files", receipts::run_evidence, receipts::evidence_seeds),
    decoder("text_files", text_files::run, text_files::seeds),
    decoder("operations", operations::run, operations::seeds),
    decoder("chat_import", import::run, import::seeds),
    machine("applications", &["M01", "M07"], applications::run, applications::seeds),
    machine("log", &["M01", "M10"], log::run, log::seeds),
    machine("state_rows", &["M01", "M10"], state::run_rows, state::row_seeds),
    machine("state_file", &["M01", "M10"], state::run_file, state::file_seeds),
    machine("transfer", &["M01", "M18"], transfer::run, transfer::seeds),
    machine("tls", &["M01", "M11"], tls::run, tls::seeds),
    machine("http", &["M01", "M12", "M13"], http::run, http::seeds),
    Target {
        name: "peer",
        rows: &["M17", "M18", "M20"],
        pace: Pace::Cluster,
        longest: 512,
        seeds: peer::seeds,
        run: peer::run,
    },
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}

/// Runs the target of this name: what each program of the fuzzer calls.
///
/// # Panics
/// When something that must hold does not, or when there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let Some(target) = find(name) else { panic!("there is no target `{name}`") };
    (target.run)(input);
}
