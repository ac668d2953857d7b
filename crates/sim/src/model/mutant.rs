//! Mistakes that must make the model fork; if one does not, the model itself is broken.

/// One rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Certificates are ranked by sequence first (against Q5).
    RankBySequence,
    /// A block counts as committed with a quorum of PREPAREs (against N14).
    CommitAfterPrepare,
    /// The lock does not survive a restart (against D1, D21).
    LockLostAtRestart,
    /// A restarted replica goes on voting in its view as if it had prepared nothing (against D7).
    VotesAgainAfterRestart,
    /// A NEWVIEW needs only two VIEWCHANGEs (against Q4).
    ViewChangeQuorumOfTwo,
    /// A NEWVIEW is accepted after a restart in its view (against D9, V21).
    NewViewAfterRestart,
    /// A NEWVIEW is accepted after a fast-forward (against V21).
    NewViewAfterFastForward,
    /// PREPAREs are sent beyond the durable lease (against D3).
    PrepareBeyondLease,
    /// The lease does not survive a restart (against D3, D7).
    LeaseForgotten,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::RankBySequence,
        Self::CommitAfterPrepare,
        Self::LockLostAtRestart,
        Self::VotesAgainAfterRestart,
        Self::ViewChangeQuorumOfTwo,
        Self::NewViewAfterRestart,
        Self::NewViewAfterFastForward,
        Self::PrepareBeyondLease,
        Self::LeaseForgotten,
    ];

    /// The smallest number of views, and of blocks in each, in which the mistake forks.
    #[must_use]
    pub const fn size(self) -> (u8, u8) {
        match self {
            // A replica jumps to a certified block and votes a second time for a child of it: three blocks in one view.
            Self::PrepareBeyondLease | Self::LeaseForgotten => (1, 3),
            Self::NewViewAfterFastForward => (2, 2),
            _ => (3, 2),
        }
    }
}
