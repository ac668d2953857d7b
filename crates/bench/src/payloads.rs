//! Operations of the key-value application with an exact size, or with the lines of a file as values.

use crate::error::BenchError;
use crate::options::{Options, PAYLOAD_MIN};
use outvote_kv::KvOperation;
use outvote_types::{Blob, Operation};
use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::Arc;

/// Keys that the load writes to: enough that operations rarely meet, and few enough that the state stays small.
const KEYS: u64 = 16_384;
/// Bytes of a file that are read at most.
const DATA_BYTES_MAX: u64 = 256 << 20;

/// Makes operations, the same ones for the same numbers.
#[derive(Clone, Debug)]
pub struct Payloads {
    bytes: usize,
    lines: Arc<Vec<Vec<u8>>>,
}

impl Payloads {
    /// The source that these options ask for.
    ///
    /// # Errors
    /// When the file cannot be read or has no line.
    pub fn new(options: &Options) -> Result<Self, BenchError> {
        let mut lines = Vec::new();
        if let Some(path) = &options.data {
            let failed = |source| BenchError::File { path: path.clone(), source };
            let file = std::fs::File::open(path).map_err(failed)?;
            let longest = outvote_types::limits::MAX_OPERATION_BYTES - PAYLOAD_MIN;
            for line in BufReader::new(file.take(DATA_BYTES_MAX)).split(b'\n') {
                let mut line = line.map_err(failed)?;
                line.truncate(longest);
                if !line.is_empty() {
                    lines.push(line);
                }
            }
            if lines.is_empty() {
                return Err(failed(std::io::Error::other(
                    "it has no line; name a file with one operation a line",
                )));
            }
        }
        Ok(Self { bytes: options.payload_bytes, lines: Arc::new(lines) })
    }

    /// The `number`-th operation of the client.
    #[must_use]
    pub fn operation(&self, client: u64, number: u64) -> Operation {
        let mixed = mix(client << 32 ^ number);
        let key = (mixed % KEYS).to_be_bytes().to_vec();
        let value = match self.lines.len() as u64 {
            0 => filler(mixed, self.bytes.saturating_sub(PAYLOAD_MIN)),
            // Each client starts at a place of its own and goes through the file in order.
            lines => self.lines[((mix(client) % lines + number) % lines) as usize].clone(),
        };
        let Some(payload) = Blob::new(KvOperation::Put { key, value }.encode()) else {
            unreachable!("options and lines are cut to what an operation may hold");
        };
        Operation { author: None, query: false, payload }
    }

    /// Bytes of an operation on average.
    #[must_use]
    pub fn mean_bytes(&self) -> usize {
        if self.lines.is_empty() {
            return self.bytes;
        }
        PAYLOAD_MIN + self.lines.iter().map(Vec::len).sum::<usize>() / self.lines.len()
    }
}

/// Bytes that do not compress and cost nothing to make.
fn filler(mut state: u64, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state = mix(state);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

/// SplitMix64's step: no randomness is needed, only variety.
const fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
