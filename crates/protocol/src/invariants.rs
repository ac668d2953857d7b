//! What must hold after every step. A failure here is our mistake, never a peer's.

use crate::limits::{NEEDS_MAX, RELAY_PLACES, SLOTS_AHEAD};
use crate::replica::Replica;
use crate::term::Mode;
use outvote_types::Rank;

impl Replica {
    /// Checks what must hold after every step; panics if it does not, since then we are wrong.
    pub fn assert_invariants(&self) {
        let promise = &self.disk.promise;
        if self.may_vote() {
            // D2, D15: what is promised is what is believed.
            assert_eq!(promise.view, self.term.view, "the current view is promised");
            assert_eq!(
                (promise.high_rank, promise.high_id),
                (self.lock.rank, self.lock.id),
                "the lock is promised"
            );
        }
        if let Some(voted) = self.term.voted.filter(|_| self.may_vote() && !self.term.sitting_out) {
            // D3: nothing was prepared beyond the lease; a certified block or a base may lie above it.
            let prepared =
                self.slots.above(self.term.view, promise.lease).any(|(_, slot)| slot.voted_at.is_some());
            assert!(!prepared, "a slot above the lease was prepared");
            assert!(voted.sequence.0 > 0 || voted.id == self.chain.genesis(), "only genesis has sequence 0");
        }
        // V20, N13: an open view has a block to go on from.
        let observes = !self.may_vote();
        assert!(
            self.term.mode == Mode::Changing || self.term.voted.is_some() || observes,
            "an open view has a base"
        );
        // D23: or it knows that the proof is still to come.
        let proven = self.lock.certificate.as_ref().map_or(Rank::default(), outvote_types::Certificate::rank);
        assert!(proven == self.lock.rank || self.lock.lacks_proof(), "the lock has its certificate");
        assert!(self.chain.executed <= self.chain.committed, "only committed blocks are executed");
        assert_eq!(
            self.chain.ids.get(&self.chain.committed),
            Some(&self.chain.committed_id),
            "the committed block is the last of the chain"
        );
        // N12: COMMIT only ever for what the lock covers.
        let covered =
            self.lock.rank.view != self.term.view || self.term.committed_vote <= self.lock.rank.sequence;
        assert!(covered, "a COMMIT was asked for above the lock");
        self.assert_bounds();
    }

    /// B1: every table keeps its bound.
    fn assert_bounds(&self) {
        let n = self.quorum.n();
        assert!(self.catch_up.needs.len() <= NEEDS_MAX, "blocks that are being obtained");
        assert!(self.relays.len() <= RELAY_PLACES, "relays outstanding on the link to the leader");
        assert!(
            self.mutiny.suspects.len() <= n && self.mutiny.overtaken.len() <= n,
            "two SUSPECTs per sender"
        );
        assert!(self.mutiny.view_changes.len() <= n, "one VIEWCHANGE per sender");
        let slots =
            usize::try_from(3 * (SLOTS_AHEAD + crate::limits::SLOTS_BEHIND + 1)).unwrap_or(usize::MAX);
        assert!(self.slots.table.len() <= slots, "slots near the committed one in three views");
        self.pool.assert_invariants();
    }
}
