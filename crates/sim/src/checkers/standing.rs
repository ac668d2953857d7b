//! View, lock and committed sequence only rise; a restart goes back to the disk's promises at most, and the committed sequence to
//! the state that was put in place (C7).

use super::Verdict;
use crate::disk::Disk;
use outvote_replica::{Status, Voting};
use outvote_types::{Rank, ReplicaId, Sequence, View, Vote};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Standing {
    last: BTreeMap<ReplicaId, (View, (View, Sequence), Sequence)>,
    /// Where the state lies that was just put in place.
    placed: BTreeMap<ReplicaId, Sequence>,
    /// The highest rank of each replica's COMMITs.
    committed: BTreeMap<ReplicaId, (View, Sequence)>,
}

impl Standing {
    /// C7: what is committed is counted from this state on.
    pub(super) fn on_state(&mut self, replica: ReplicaId, at: Sequence) {
        self.placed.insert(replica, at);
    }

    /// A replica sends a COMMIT of its own.
    pub(super) fn on_commit(&mut self, vote: &Vote) {
        let place = (vote.view, vote.sequence);
        let highest = self.committed.entry(vote.replica).or_insert(place);
        *highest = place.max(*highest);
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

    /// A replica comes back from its disk, which may be an old copy and then knows less than was said.
    pub(super) fn on_start(
        &mut self,
        replica: ReplicaId,
        status: &Status,
        disk: &Disk,
        is_old: bool,
    ) -> Verdict {
        self.last.remove(&replica);
        let Some(promise) = disk.promise() else { return Ok(()) };
        if status.observer {
            return Ok(());
        }
        let lock = match disk.voting() {
            // D13: a promise behind a gap names a lock that was never acted upon, and that may be gone; the one before it was.
            Voting::AllowedAfterGap { before } if before.epoch == promise.epoch => before.high_rank,
            _ => promise.high_rank,
        };
        // D1: no COMMIT leaves before a lock at least as high is durable.
        let committed = self.committed.get(&replica).copied().filter(|_| !is_old);
        let is_lower = fields(status.high_rank) < committed.unwrap_or_default().max(fields(lock));
        if status.view < promise.view || is_lower {
            let held = (status.view, status.high_rank);
            return Err((
                "restart",
                format!(
                    "{replica} starts with {held:?} below its promise {promise:?} or its COMMIT {committed:?}"
                ),
            ));
        }
        Ok(())
    }
}

const fn fields(rank: Rank) -> (View, Sequence) {
    (rank.view, rank.sequence)
}
