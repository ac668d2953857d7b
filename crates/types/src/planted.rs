//! Mistakes that can be switched on one at a time, to prove that the simulator's checkers can fail.
//!
//! Without the feature `planted-bugs` every question is answered with a constant no, and nothing of it is left in the
//! program. No release is ever built with the feature.

/// One planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// A quorum is one vote short (Q1).
    QuorumOffByOne,
    /// Certificates rank by sequence first (Q5).
    RankBySequence,
    /// Every signature is good (M6).
    VerifySaysYes,
    /// A quorum of PREPAREs commits (N14).
    CommitAfterPrepare,
    /// The lock is forgotten at a restart (D21).
    LockLostAtRestart,
    /// The lease is forgotten at a restart (D7).
    LeaseLostAtRestart,
    /// PREPAREs leave without a lease (D3).
    PrepareBeyondLease,
    /// Nothing waits for the disk (D1, D2).
    SendBeforeDurable,
    /// A restarted replica goes on voting where it was (D7).
    VotesAgainAfterRestart,
    /// A NEWVIEW counts after a restart in its view (V21).
    NewViewAfterRestart,
    /// A state transfer sets the lock to what it brought (C7).
    LockLoweredByTransfer,
    /// VIEWCHANGE is sent once and never again (T6).
    ViewChangeSentOnce,
    /// Votes and proposals are never sent again (T6).
    VotesSentOnce,
    /// A header need not extend what was prepared before (N6).
    ParentUnchecked,
    /// Any header's time is timely (W2).
    TimestampUnchecked,
    /// A request runs as often as it is ordered (E4).
    DuplicateExecuted,
    /// A request that comes early runs at once (E3).
    HeldOutOfOrder,
    /// A bucket of a fetched state is taken as it comes (C6).
    BucketUnchecked,
    /// A replica that suspects never says so (V1 to V9).
    NeverSuspects,
    /// Requests of a dropped block do not return to the pool, and are not relayed (P1, P7).
    RequestsForgotten,
    /// A client takes one replica's word for an answer (R2).
    OneWordIsEnough,
    /// A replica takes no notice of its own words that its disk knows nothing of (D18).
    RollbackUnnoticed,
    /// The count of bytes since the last checkpoint begins anew at a restart (C1).
    CheckpointBytesForgotten,
    /// A state transfer that nobody can finish is waited for (C11).
    StuckTransferKept,
    /// A restart does not go back to the last stable checkpoint, so nobody has its snapshot any more (C6).
    SnapshotDiesWithProcess,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::QuorumOffByOne,
        Self::RankBySequence,
        Self::VerifySaysYes,
        Self::CommitAfterPrepare,
        Self::LockLostAtRestart,
        Self::LeaseLostAtRestart,
        Self::PrepareBeyondLease,
        Self::SendBeforeDurable,
        Self::VotesAgainAfterRestart,
        Self::NewViewAfterRestart,
        Self::LockLoweredByTransfer,
        Self::ViewChangeSentOnce,
        Self::VotesSentOnce,
        Self::ParentUnchecked,
        Self::TimestampUnchecked,
        Self::DuplicateExecuted,
        Self::HeldOutOfOrder,
        Self::BucketUnchecked,
        Self::NeverSuspects,
        Self::RequestsForgotten,
        Self::OneWordIsEnough,
        Self::RollbackUnnoticed,
        Self::CheckpointBytesForgotten,
        Self::StuckTransferKept,
        Self::SnapshotDiesWithProcess,
    ];
}

#[cfg(feature = "planted-bugs")]
mod switch {
    use super::Bug;
    use core::sync::atomic::{AtomicU8, Ordering};

    /// Stands for "none".
    const NONE: u8 = u8::MAX;
    static PLANTED: AtomicU8 = AtomicU8::new(NONE);

    /// Switches one mistake on, or all off, in the whole process.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(NONE, |bug| bug as u8), Ordering::SeqCst);
    }

    /// Whether this mistake is on.
    #[must_use]
    pub fn is_on(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as u8
    }
}

#[cfg(feature = "planted-bugs")]
pub use switch::{is_on, plant};

/// Whether this mistake is on: never.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
#[must_use]
pub const fn is_on(_: Bug) -> bool {
    false
}
