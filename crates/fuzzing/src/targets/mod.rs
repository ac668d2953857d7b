//! One file for each target.

pub(crate) mod applications;
pub(crate) mod archive;
pub(crate) mod certificates;
pub(crate) mod client_words;
pub(crate) mod committee;
pub(crate) mod frames;
pub(crate) mod greetings;
pub(crate) mod http;
pub(crate) mod import;
pub(crate) mod log;
pub(crate) mod messages;
pub(crate) mod operations;
pub(crate) mod peer;
pub(crate) mod receipts;
pub(crate) mod records;
pub(crate) mod requests;
pub(crate) mod state;
pub(crate) mod text_files;
pub(crate) mod tls;
pub(crate) mod transfer;

/// Splits off the first byte, which chooses among so many.
fn choice(input: &[u8], count: u8) -> Option<(u8, &[u8])> {
    let (first, rest) = input.split_first()?;
    Some((first % count, rest))
}

/// Puts the byte that chooses before an input.
fn chosen(choice: u8, input: Vec<u8>) -> Vec<u8> {
    [vec![choice], input].concat()
}
