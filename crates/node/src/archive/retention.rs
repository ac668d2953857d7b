//! Deletes what the archive gave up, a portion with each commit.

use super::pending::Floor;
use super::{ArchiveChange, BLOCKS, CERTIFICATES, IDS, REQUESTS, key, place, request_key, rows};
use crate::archive::block::ArchivedBlock;
use crate::backend::Blocks;
use crate::error::NodeError;
use outvote_types::{Sequence, decode};
use std::ops::Bound;

/// Pages of blocks that one commit deletes at most: more than a commit brings in, so that it ends, and little enough that
/// the commit stays short.
const SWEEP_PAGES_MAX: usize = 4;

/// The deletions of one portion, and how far they reach.
pub(crate) fn sweep(stored: &Blocks, floor: Floor) -> Result<(Vec<ArchiveChange>, Sequence), NodeError> {
    let (mut changes, mut swept) = (Vec::new(), floor.swept);
    let end = key(floor.kept);
    for _ in 0..SWEEP_PAGES_MAX {
        if swept >= floor.kept {
            break;
        }
        let page = stored.range(BLOCKS, Bound::Included(&key(swept)), Bound::Excluded(&end))?;
        for (at, _) in &page.entries {
            forget(stored, place(BLOCKS, at)?, &mut changes)?;
        }
        swept = page.next.map_or(Ok(floor.kept), |next| place(BLOCKS, &next))?;
    }
    Ok((changes, swept))
}

fn forget(stored: &Blocks, sequence: Sequence, changes: &mut Vec<ArchiveChange>) -> Result<(), NodeError> {
    let bytes = rows::read(stored, sequence)?.unwrap_or_default();
    rows::remove(stored, sequence, changes)?;
    changes.push((CERTIFICATES, key(sequence).into(), None));
    // A block that cannot be read is deleted all the same; what points at it finds nothing, as it should.
    let Ok(block) = decode::<ArchivedBlock>(&bytes) else { return Ok(()) };
    // A row that is no place leads nowhere, and goes too.
    let is_here = |at: Option<Vec<u8>>| at.is_some_and(|at| at.len() != 8 || at == key(sequence));
    if is_here(stored.get(IDS, &block.id().0)?) {
        changes.push((IDS, block.id().0.into(), None));
    }
    for (session, nonce) in block.ended_requests() {
        let name = request_key(&session, nonce);
        // A repair may have executed it elsewhere since.
        if is_here(stored.get(REQUESTS, &name)?) {
            changes.push((REQUESTS, name, None));
        }
    }
    Ok(())
}
