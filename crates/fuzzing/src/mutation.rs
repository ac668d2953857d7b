//! Bends inputs, from a seed: what a fuzzer does, without its feedback and the same on every run.

use outvote_sim::random::Random;

/// Numbers that lengths, indices and places go wrong at.
const EDGES: [u64; 10] = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX];

/// Bends `input` once to four times; `other` is another input to take parts of. Never longer than `longest`.
#[must_use]
pub fn bent(random: &mut Random, input: &[u8], other: &[u8], longest: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.between(1, 4) {
        bend(random, &mut bytes, other);
    }
    bytes.truncate(longest);
    bytes
}

fn place(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64 + 1)).unwrap_or(0)
}

fn bend(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = place(random, bytes.len());
    match random.below(9) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.below(256) as u8),
        2 => bytes.extend_from_slice(&other[place(random, other.len())..]),
        3 => {
            let end = at + place(random, (bytes.len() - at).min(64));
            bytes.drain(at..end);
        }
        4 => {
            let end = at + place(random, (bytes.len() - at).min(64));
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        5 => write_edge(random, bytes, at),
        6 => {
            let from = place(random, other.len());
            let piece = &other[from..other.len().min(from + 32)];
            let end = bytes.len().min(at + piece.len());
            bytes.splice(at..end, piece.iter().copied());
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

/// An edge of 1, 2, 4 or 8 bytes over what is there.
fn write_edge(random: &mut Random, bytes: &mut [u8], at: usize) {
    let edge = EDGES[place(random, EDGES.len() - 1)].to_le_bytes();
    let width = 1 << random.below(4);
    for (byte, new) in bytes.iter_mut().skip(at).zip(&edge[..width]) {
        *byte = *new;
    }
}
