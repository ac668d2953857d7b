//! Which replicas can be reached, and who probably leads.

use outvote_types::{Quorum, ReplicaId, View};

/// The links as the pool knows them.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    quorum: Quorum,
    up: Vec<bool>,
    views: Vec<View>,
    turn: usize,
}

impl Links {
    pub(crate) fn new(quorum: Quorum, seed: u64) -> Self {
        let n = quorum.n();
        // Each client begins elsewhere, so that many of them spread over the replicas.
        let turn = usize::try_from(seed % u64::try_from(n).unwrap_or(1)).unwrap_or(0);
        Self { quorum, up: vec![false; n], views: vec![View(0); n], turn }
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

    /// R4: `f + 1` replicas that can be reached, the probable leader among them. The others take turns.
    pub(crate) fn first_choice(&self) -> Vec<ReplicaId> {
        let leader = self.leader();
        let others: Vec<ReplicaId> = self.reachable().into_iter().filter(|id| *id != leader).collect();
        let start = self.turn.checked_rem(others.len()).unwrap_or(0);
        let in_turn = others.iter().cycle().skip(start).take(others.len()).copied();
        core::iter::once(leader).filter(|id| self.is_up(*id)).chain(in_turn).take(self.quorum.weak()).collect()
    }

    /// R4: other replicas hear of what is sent from now on. A leader that is slow on purpose is judged by those who know of
    /// its work; with the same `f` others each time no quorum would come to suspect it.
    pub(crate) fn turn(&mut self) {
        self.turn = self.turn.checked_add(1).unwrap_or(0);
    }
}
