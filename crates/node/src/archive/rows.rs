//! A block's bytes as rows of the database: the first part beside the others' first parts, the rest in a table of its own.

use super::{ArchiveChange, BLOCKS, PARTS, key};
use crate::backend::Blocks;
use crate::error::NodeError;
use outvote_types::Sequence;

/// Bytes in a row at most. The database gives a large value pages of the next power of two: a block of 34 KB in one row would
/// take, and be written as, 64 KiB. This much fits into 16 KiB with what belongs to a row.
const ROW_BYTES_MAX: usize = 16_000;
/// The first row begins with the number of rows that follow it.
const COUNT_BYTES: usize = 4;

fn part_key(sequence: Sequence, part: u32) -> Vec<u8> {
    [&key(sequence)[..], &part.to_be_bytes()].concat()
}

/// The rows of a block with these bytes.
pub(crate) fn write(sequence: Sequence, bytes: Vec<u8>, changes: &mut Vec<ArchiveChange>) {
    let mut parts = bytes.chunks(ROW_BYTES_MAX);
    let first = parts.next().unwrap_or_default();
    let more = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    changes.push((BLOCKS, key(sequence).into(), Some([&more.to_le_bytes(), first].concat())));
    for (part, number) in parts.zip(0u32..) {
        changes.push((PARTS, part_key(sequence, number), Some(part.to_vec())));
    }
}

/// Joins a block's rows; `None` if there is no such block.
pub(crate) fn read(stored: &Blocks, sequence: Sequence) -> Result<Option<Vec<u8>>, NodeError> {
    // All rows as they were at one moment: a commit may delete them while they are read.
    let now = stored.snapshot()?;
    let Some(mut bytes) = now.get(BLOCKS, &key(sequence))? else { return Ok(None) };
    let more = count(&bytes)?;
    bytes.drain(..COUNT_BYTES);
    for number in 0..more {
        let part = now.get(PARTS, &part_key(sequence, number))?;
        bytes.extend(part.ok_or_else(|| damaged("a part of a block is missing"))?);
    }
    Ok(Some(bytes))
}

/// Deletes a block's rows.
pub(crate) fn remove(
    stored: &Blocks,
    sequence: Sequence,
    changes: &mut Vec<ArchiveChange>,
) -> Result<(), NodeError> {
    let Some(bytes) = stored.get(BLOCKS, &key(sequence))? else { return Ok(()) };
    changes.push((BLOCKS, key(sequence).into(), None));
    changes.extend((0..count(&bytes)?).map(|number| (PARTS, part_key(sequence, number), None)));
    Ok(())
}

fn count(bytes: &[u8]) -> Result<u32, NodeError> {
    let count = bytes.first_chunk::<COUNT_BYTES>().ok_or_else(|| damaged("a block without its head"))?;
    Ok(u32::from_le_bytes(*count))
}

fn damaged(reason: &str) -> NodeError {
    NodeError::Archive { table: BLOCKS, reason: reason.into() }
}
