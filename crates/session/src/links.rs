//! Which replicas can be reached, and who probably leads.

use outvote_types::{Quorum, ReplicaId, View};

/// The links as the pool knows them.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    quorum: Quorum,
    up: Vec<bool>,
    views: Vec<View>,
    offset: usize,
}

impl Links {
    pub(crate) fn new(quorum: Quorum, seed: u64) -> Self {
        let n = quorum.n();
        let offset = usize::try_from(seed % u64::try_from(n).unwrap_or(1)).unwrap_or(0);
        Self { quorum, up: vec![false; n], views: vec![View(0); n], offset }
    }

    pub(crate) fn set(&mut self, peer: ReplicaId, up: bool) -> bool {
        match self.up.get_mut(peer.index()) {
            Some(slot) if *slot != up => {
                *slot = up;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn is_up(&self, peer: ReplicaId) -> bool {
        self.up.get(peer.index()).copied().unwrap_or(false)
    }

    /// Takes a replica's claim of its view; says whether the probable leader changed.
    pub(crate) fn on_view(&mut self, from: ReplicaId, view: View) -> bool {
        let before = self.leader();
        if let Some(slot) = self.views.get_mut(from.index()) {
            *slot = view;
        }
        self.leader() != before
    }

    /// The highest view that `f + 1` replicas claim: one of them is honest, so no liar leads us to itself.
    pub(crate) fn view(&self) -> View {
        let mut views = self.views.clone();
        views.sort_unstable_by(|a, b| b.cmp(a));
        views.get(self.quorum.f()).copied().unwrap_or_default()
    }

    pub(crate) fn leader(&self) -> ReplicaId {
        self.quorum.leader(self.view())
    }

    pub(crate) fn reachable(&self) -> Vec<ReplicaId> {
        self.quorum.members().filter(|id| self.is_up(*id)).collect()
    }

    /// R4: `f + 1` replicas that can be reached, the probable leader among them. The others start at this client's own
    /// offset, so that many clients spread over the replicas.
    pub(crate) fn first_choice(&self) -> Vec<ReplicaId> {
        let (n, leader) = (self.quorum.n(), self.leader());
        let others = (0..n)
            .filter_map(|step| u16::try_from((self.offset + step) % n).ok().map(ReplicaId))
            .filter(|id| *id != leader);
        core::iter::once(leader).chain(others).filter(|id| self.is_up(*id)).take(self.quorum.weak()).collect()
    }
}
