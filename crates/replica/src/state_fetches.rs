//! Which questions of the state transfer are open, so that only answers to them reach it.

use outvote_types::{Data, Fetch, ReplicaId};
use std::collections::BTreeSet;

/// Open questions at most, over all peers: twice the buckets of a state.
pub(crate) const MAX_OPEN_FETCHES: usize = 512;

/// The open questions, each with the peer that was asked.
#[derive(Debug, Default)]
pub(crate) struct StateFetches {
    open: BTreeSet<(ReplicaId, Fetch)>,
}

impl StateFetches {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Remembers a question. Beyond the bound the answer will be taken for unasked and the transfer will ask again.
    pub(crate) fn ask(&mut self, to: ReplicaId, fetch: Fetch) {
        if self.open.len() < MAX_OPEN_FETCHES {
            self.open.insert((to, fetch));
        }
    }

    /// Whether `from` was asked what `data` answers; only looks.
    pub(crate) fn is_answer(&self, from: ReplicaId, data: &Data, me: ReplicaId) -> bool {
        question(data, me).is_some_and(|fetch| self.open.contains(&(from, fetch)))
    }

    /// Whether `from` was asked what `data` answers. Each question is answered once.
    pub(crate) fn close(&mut self, from: ReplicaId, data: &Data, me: ReplicaId) -> bool {
        // C10: answers that nobody asked for are dropped.
        question(data, me).is_some_and(|fetch| self.open.remove(&(from, fetch)))
    }

    /// Whether `from` owes an answer at all.
    pub(crate) fn owes(&self, from: ReplicaId) -> bool {
        self.open.iter().any(|(peer, _)| *peer == from)
    }

    /// The same; "gone" answers whatever was asked, and closes it.
    pub(crate) fn gone(&mut self, from: ReplicaId) -> bool {
        let owed = self.owes(from);
        self.open.retain(|(peer, _)| *peer != from);
        owed
    }

    /// A transfer began or ended: what was asked before does not matter any more.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}

/// The question that `data` answers, if it is one of the state transfer's.
fn question(data: &Data, me: ReplicaId) -> Option<Fetch> {
    match data {
        Data::Manifest(_) => Some(Fetch::Manifest { replica: me }),
        Data::Bucket { checkpoint, bucket, after, .. } => Some(Fetch::Bucket {
            checkpoint: *checkpoint,
            bucket: *bucket,
            after: after.clone(),
            replica: me,
        }),
        _ => None,
    }
}
