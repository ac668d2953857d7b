//! What happened, as a hash that always runs and as text when asked for.

use crate::random::little_endian;
use outvote_types::Digest;
use std::fmt::Write as _;

/// Bytes that are collected before they are hashed.
const CHUNK_BYTES: usize = 8192;

/// A run's record.
#[derive(Default)]
pub struct Trace {
    hash: Digest,
    buffer: Vec<u8>,
    text: Option<String>,
    steps: u64,
}

impl Trace {
    /// Keeps the text too.
    pub fn keep_text(&mut self) {
        self.text = Some(String::from("step time_us from to what\n"));
    }

    /// One thing that happened: who, to whom, what, with the bytes that make it what it is.
    pub fn note(&mut self, time_us: u64, from: &dyn std::fmt::Display, to: u16, what: &str, bytes: &[u8]) {
        self.steps += 1;
        self.buffer.extend_from_slice(&time_us.to_le_bytes());
        self.buffer.extend_from_slice(&to.to_le_bytes());
        self.buffer.extend_from_slice(what.as_bytes());
        self.buffer.extend_from_slice(&mix(bytes).to_le_bytes());
        if self.buffer.len() >= CHUNK_BYTES {
            self.fold();
        }
        if !what.is_empty() {
            self.note_text(time_us, from, to, what);
        }
    }

    /// One line of the text alone.
    pub fn note_text(&mut self, time_us: u64, from: &dyn std::fmt::Display, to: u16, what: &str) {
        if let Some(text) = &mut self.text {
            let _ = writeln!(text, "{} {time_us} {from} {to} {what}", self.steps);
        }
    }

    /// Whether text is kept, so that details are worth working out.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        self.text.is_some()
    }

    fn fold(&mut self) {
        self.hash = Digest::of_parts(&[&self.hash.0, &self.buffer]);
        self.buffer.clear();
    }

    /// Things that happened so far.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The hash and the text.
    #[must_use]
    pub fn finish(mut self) -> (Digest, Option<String>) {
        self.fold();
        (self.hash, self.text)
    }
}

/// 64 bits that stand for the bytes.
fn mix(bytes: &[u8]) -> u64 {
    let start = 0x9e37_79b9_7f4a_7c15 ^ bytes.len() as u64;
    little_endian(bytes)
        .fold(start, |hash, word| (hash ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31))
}
