//! REMINDER: what others remember that the receiver has signed.

use crate::id::ReplicaId;
use crate::signing::Signed;
use crate::view_change::ViewChangeHead;
use crate::vote::{Phase, Vote};
use borsh::{BorshDeserialize, BorshSerialize};

/// The highest binding words of one member that the sender has verified. Unsigned as a whole: each word stands for itself,
/// and only the member who signed them can judge what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reminder {
    /// Its PREPARE of the highest rank.
    pub prepare: Option<Signed<Vote>>,
    /// Its COMMIT of the highest rank.
    pub commit: Option<Signed<Vote>>,
    /// Its VIEWCHANGE head of the highest view.
    pub head: Option<Signed<ViewChangeHead>>,
}

impl Reminder {
    /// Whose words these are; `None` if there are none, if they are of several members, or in each other's places.
    #[must_use]
    pub fn signer(&self) -> Option<ReplicaId> {
        let votes = [(Phase::Prepare, &self.prepare), (Phase::Commit, &self.commit)];
        if votes.iter().any(|(phase, vote)| vote.as_ref().is_some_and(|vote| vote.body.phase != *phase)) {
            return None;
        }
        let votes = votes.into_iter().filter_map(|(_, vote)| vote.as_ref().map(|vote| vote.body.replica));
        let mut signers = votes.chain(self.head.as_ref().map(|head| head.body.replica));
        let first = signers.next()?;
        signers.all(|signer| signer == first).then_some(first)
    }
}
