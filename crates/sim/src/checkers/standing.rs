//! View, lock and committed sequence only rise; a restart goes back to the disk's promises at most, and the committed sequence to
//! the state that was put in place (C7).

use super::Verdict;
use crate::disk::Disk;
use outvote_replica::Status;
use outvote_types::{Rank, ReplicaId, Sequence, View};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Standing {
    last: BTreeMap<ReplicaId, (View, (View, Sequence), Sequence)>,
    /// Where the state lies that was just put in place.
    placed: BTreeMap<ReplicaId, Sequence>,
}

impl Standing {
    /// C7: what is committed is counted from this state on.
    pub(super) fn on_state(&mut self, replica: ReplicaId, at: Sequence) {
        self.placed.insert(replica, at);
    }

    pub(super) fn on_step(&mut self, replica: ReplicaId, status: &Status) -> Verdict {
        // Compared field by field: the ordering of `Rank` is part of what is judged.
        let now = (status.view, fields(status.high_rank), status.committed);
        let mut last = self.last.insert(replica, now).unwrap_or(now);
        if let Some(placed) = self.placed.remove(&replica) {
            last.2 = last.2.min(placed);
        }
        let falls = now.0 < last.0 || now.1 < last.1 || now.2 < last.2;
        if falls {
            return Err(("monotone", format!("{replica} falls from {last:?} to {now:?}")));
        }
        if status.executed > status.committed {
            return Err(("monotone", format!("{replica} executed more than was committed: {status:?}")));
        }
        Ok(())
    }

    pub(super) fn on_start(&mut self, replica: ReplicaId, status: &Status, disk: &Disk) -> Verdict {
        self.last.remove(&replica);
        let Some(promise) = disk.promise() else { return Ok(()) };
        if status.observer {
            return Ok(());
        }
        // D13: a promise behind a gap names a lock that was never acted upon, and that may be gone.
        let is_lower = !disk.is_after_gap() && fields(status.high_rank) < fields(promise.high_rank);
        if status.view < promise.view || is_lower {
            let held = (status.view, status.high_rank);
            return Err(("restart", format!("{replica} starts with {held:?} below its promise {promise:?}")));
        }
        Ok(())
    }
}

const fn fields(rank: Rank) -> (View, Sequence) {
    (rank.view, rank.sequence)
}
