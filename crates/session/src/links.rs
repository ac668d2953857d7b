//! Which replicas can be reached, and who probably leads.

use crate::tunables::{BASE_WINDOW_MS, WINDOW_MAX_MS};
use outvote_types::client::Hint;
use outvote_types::{Quorum, ReplicaId, View};

/// The links as the pool knows them.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    quorum: Quorum,
    up: Vec<bool>,
    /// What each replica said last.
    hints: Vec<Hint>,
    /// What `f + 1` of them reach, the view and the window each by itself.
    believed: Hint,
    turn: usize,
}

impl Links {
    pub(crate) fn new(quorum: Quorum, seed: u64) -> Self {
        let n = quorum.n();
        // Each client begins elsewhere, so that many of them spread over the replicas.
        let turn = usize::try_from(seed % u64::try_from(n).unwrap_or(1)).unwrap_or(0);
        let (hints, believed) = (vec![Hint::default(); n], Hint::default());
        Self { quorum, up: vec![false; n], hints, believed, turn }
    }

    pub(crate) fn set(&mut self, peer: ReplicaId, up: bool) -> bool {
        match self.up.get_mut(peer.index()) {
            Some(slot) if *slot != up => {
                *slot = up;
                if !up {
                    // The window that it claimed is of then; it says so anew when it is there again.
                    self.on_hint(peer, Hint { view: self.hints[peer.index()].view, window_ms: 0 });
                }
                true
            }
            _ => false,
        }
    }

    pub(crate) fn is_up(&self, peer: ReplicaId) -> bool {
        self.up.get(peer.index()).copied().unwrap_or(false)
    }

    /// Takes a replica's claim of its term; says whether the probable leader changed.
    pub(crate) fn on_hint(&mut self, from: ReplicaId, hint: Hint) -> bool {
        let before = self.leader();
        if let Some(slot) = self.hints.get_mut(from.index()).filter(|slot| **slot != hint) {
            *slot = hint;
            let view = self.reached(|hint| hint.view);
            self.believed = Hint { view, window_ms: self.reached(|hint| hint.window_ms) };
        }
        self.leader() != before
    }

    /// The highest value that `f + 1` replicas reach: one of them is honest.
    fn reached<T: Ord + Default>(&self, of: impl Fn(&Hint) -> T) -> T {
        let mut claims: Vec<T> = self.hints.iter().map(of).collect();
        claims.sort_unstable_by(|a, b| b.cmp(a));
        claims.into_iter().nth(self.quorum.f()).unwrap_or_default()
    }

    /// The highest view that `f + 1` replicas claim, so no liar leads us to itself.
    pub(crate) const fn view(&self) -> View {
        self.believed.view
    }

    /// R4: the longest window that `f + 1` replicas claim, milliseconds; so no liar makes a client wait longer.
    pub(crate) fn window_ms(&self) -> u64 {
        u64::from(self.believed.window_ms).clamp(BASE_WINDOW_MS, WINDOW_MAX_MS)
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
        core::iter::once(leader)
            .filter(|id| self.is_up(*id))
            .chain(in_turn)
            .take(self.quorum.weak())
            .collect()
    }

    /// R4: other replicas hear of what is sent from now on. A leader that is slow on purpose is judged by those who know of
    /// its work; with the same `f` others each time no quorum would come to suspect it.
    pub(crate) fn turn(&mut self) {
        self.turn = self.turn.checked_add(1).unwrap_or(0);
    }
}
