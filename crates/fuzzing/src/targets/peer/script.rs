//! Decisions, read from an input.

/// An input as a sequence of decisions; zeros once it is over.
pub(super) struct Script {
    bytes: Vec<u8>,
    at: usize,
}

/// Numbers that arithmetic goes wrong at.
const EDGES: [u64; 8] = [0, 1, 2, 1 << 32, 1 << 60, (1 << 63) - 1, 1 << 63, u64::MAX];

impl Script {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    pub(super) fn next(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// A place among so many; 0 where there is none.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::from(self.next()) % count.max(1)
    }

    /// A number near this one, or one at an edge.
    pub(super) fn number(&mut self, number: &mut u64) {
        let how = self.next();
        *number = match how % 8 {
            0..=2 => number.wrapping_add(1),
            3 | 4 => number.wrapping_sub(1),
            5 => number.wrapping_add(u64::from(how)),
            6 => number.wrapping_sub(u64::from(how)),
            _ => EDGES[self.below(EDGES.len())],
        };
    }

    /// The same for a member's index and other small numbers.
    pub(super) fn small(&mut self, number: &mut u16) {
        let how = self.next();
        *number = if how < 200 { u16::from(how % 5) } else { u16::MAX - u16::from(how - 200) };
    }
}
