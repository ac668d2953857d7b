//! What belongs to the current view and is forgotten with it.

use crate::record::Justification;
use outvote_types::{Digest, Instant, NewView, Sequence, TimeoutCertificate, View, WallTime};

/// Whether a view works yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Entered; its base is not known yet.
    Changing,
    /// Its base is known: votes are possible.
    Normal,
}

/// A block as the end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) sequence: Sequence,
    pub(crate) id: Digest,
    pub(crate) time: WallTime,
}

/// The current view as this replica lives it.
#[derive(Debug)]
pub(crate) struct Term {
    /// Never goes down (D21).
    pub(crate) view: View,
    pub(crate) mode: Mode,
    /// What let us in; sent again to whoever lags (T4). [`Justification::Genesis`] in a later view: the disk has lost it (D26).
    pub(crate) justification: Justification,
    /// Whether this very process entered the view. A NEWVIEW is acted upon only then (V21).
    pub(crate) entered_here: bool,
    /// Whether this process may propose here: it sent the NEWVIEW, or it is the first start of view 0 (D7).
    pub(crate) leads: bool,
    /// Restarted in this view: nothing is prepared at or below the lease (D7).
    pub(crate) sitting_out: bool,
    /// The last header prepared here, or the base or certified block from which votes go on. Only rises (N10).
    pub(crate) voted: Option<Tip>,
    /// Where votes began here: the base, or the first certified block that was jumped to. Certified, like all below it.
    pub(crate) base: Sequence,
    /// The highest slot for which COMMIT was asked for here (N12).
    pub(crate) committed_vote: Sequence,
    /// Whether this leader has proposed here.
    pub(crate) proposed: bool,
    /// The NEWVIEW of this view, once seen: acted upon, kept for laggards and for evidence.
    pub(crate) new_view: Option<NewView>,
    /// When the view was entered.
    pub(crate) entered_at: Instant,
    /// Whether a block of this view was committed.
    pub(crate) has_committed: bool,
    /// When the leader was last heard, or a vote for a new slot came.
    pub(crate) leader_heard: Instant,
    /// The highest slot of this view for which any vote was seen.
    pub(crate) highest_slot: Sequence,
    /// A shorter first window for a leader that has long been silent (T2), microseconds.
    pub(crate) first_window_us: Option<u64>,
    /// Blocks of this view that were committed here.
    pub(crate) blocks_committed: u64,
    /// When this leader has had its turn (P12).
    pub(crate) tenure_ends_at: Option<Instant>,
}

impl Term {
    /// A view that begins now.
    pub(crate) const fn begin(view: View, justification: Justification, now: Instant) -> Self {
        Self {
            view,
            mode: Mode::Changing,
            justification,
            entered_here: true,
            leads: false,
            sitting_out: false,
            voted: None,
            base: Sequence(0),
            committed_vote: Sequence(0),
            proposed: false,
            new_view: None,
            entered_at: now,
            has_committed: false,
            leader_heard: now,
            highest_slot: Sequence(0),
            first_window_us: None,
            blocks_committed: 0,
            tenure_ends_at: None,
        }
    }

    /// D26: the disk has lost what let us in.
    pub(crate) fn lacks_justification(&self) -> bool {
        self.justification.view() != self.view
    }

    /// D26: whether this is what let us in, and lost.
    pub(crate) fn lacks_timeout(&self, timeout: &TimeoutCertificate) -> bool {
        self.lacks_justification() && timeout.view.next() == self.view
    }
}
