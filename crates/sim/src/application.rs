//! A small application whose state shows every operation that ran.

use outvote_execution::{Answer, Application, Context, StateReader, StateWriter};

/// Appends operations to one line per author, counts them, and refuses what begins with `no`.
pub(crate) struct Ledger;

/// Keys that the ledger spreads its counters over.
const CELLS: u64 = 97;

impl Application for Ledger {
    fn apply(&self, context: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        if operation.starts_with(b"no") {
            return Answer::refused("no", "the ledger was told to refuse this");
        }
        let sum: u64 = operation.iter().map(|byte| u64::from(*byte)).sum();
        let cell = format!("cell/{}", (sum + context.sequence.0) % CELLS);
        let before = state
            .get(cell.as_bytes())
            .map_or(0, |bytes| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)));
        let after = before.wrapping_mul(31).wrapping_add(sum).wrapping_add(context.time.0);
        state.put(cell.as_bytes(), &after.to_le_bytes());
        let mut line = b"author/".to_vec();
        line.extend_from_slice(&context.author.0);
        state.put(&line, operation);
        Answer::done(after.to_le_bytes().to_vec())
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        Answer::done(state.get(question).unwrap_or_default())
    }
}
