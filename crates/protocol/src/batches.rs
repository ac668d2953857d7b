//! Batches of echoed proposals that are not here yet (N9).

use crate::limits::RANGE_FROM_SLOTS;
use crate::output::{Draft, Recipients};
use crate::replica::Replica;
use alloc::vec::Vec;
use outvote_types::{BoundedVec, Fetch, Instant, ReplicaId, Sequence};

impl Replica {
    /// N9: batches that a proposal lacks are asked for from those who echoed it.
    pub(crate) fn fetch_missing_batches(&mut self) {
        let now = self.now;
        let retry = now.plus(self.fetch_retry_us());
        let last = self.fetched_end();
        let me = self.config.me;
        let mut fetches = Vec::new();
        for (id, entry) in &mut self.chain.entries {
            let waits = entry.block.is_none() && !entry.invalid && entry.header.body.sequence <= last;
            // C10: what a need waits for is asked for already.
            if !waits
                || self.catch_up.questions.contains_key(id)
                || entry.fetch_due > now
                || entry.echoers.is_empty()
            {
                continue;
            }
            let others: Vec<ReplicaId> = entry.echoers.iter().copied().filter(|id| *id != me).collect();
            let Some(source) = others.get(entry.fetches % others.len().max(1)).copied() else { continue };
            entry.fetches = entry.fetches.wrapping_add(1);
            entry.fetch_due = retry;
            let digests = BoundedVec::truncated(entry.missing());
            fetches.push((source, Fetch::Batches { digests, replica: me }));
        }
        for (source, fetch) in fetches {
            self.send(Recipients::One(source), Draft::Fetch(fetch), None);
        }
    }

    /// Up to here the batches of echoed proposals are asked for one by one. C10: what lies farther ahead while a range is on
    /// its way comes with the range, or is asked for after it.
    fn fetched_end(&self) -> Sequence {
        let last = self.slots_end();
        match self.catch_up.range {
            Some(_) => last.min(self.chain.committed.plus(RANGE_FROM_SLOTS)),
            None => last,
        }
    }

    /// When the next batch of an echoed proposal is asked for.
    pub(crate) fn batches_due(&self) -> Option<Instant> {
        let last = self.fetched_end();
        let waiting = self.chain.entries.iter().filter(|(id, entry)| {
            entry.block.is_none()
                && !entry.invalid
                && entry.header.body.sequence <= last
                && !entry.echoers.is_empty()
                && !self.catch_up.questions.contains_key(*id)
        });
        waiting.map(|(_, entry)| entry.fetch_due).min()
    }
}
