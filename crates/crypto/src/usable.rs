//! Which public keys may be registered at all.

use crate::error::CommitteeError;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use outvote_types::planted::{self, Bug};
use outvote_types::{Committee, PublicKey, Quorum, ReplicaId};

fn canonical_point(key: &PublicKey) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(key.0).decompress()?;
    (point.compress().0 == key.0 && (!point.is_small_order() || planted::is_on(Bug::SmallOrderKeyTaken)))
        .then_some(point)
}

/// Whether a key may stand for a member, a session or an author: a point of the curve in its canonical form and not of
/// small order, for which anybody could sign anything.
///
/// Points that mix in a small-order part pass: making one takes the secret key, and ZIP-215 gives them one verdict
/// everywhere. Members' keys are checked for that too, in [`check_committee`].
#[must_use]
pub fn is_usable_key(key: &PublicKey) -> bool {
    // M6: keys of small order or in non-canonical form are refused at registration.
    canonical_point(key).is_some()
}

/// Everything that must hold before a committee's signatures mean anything.
///
/// # Errors
/// See [`CommitteeError`].
pub fn check_committee(committee: &Committee) -> Result<Quorum, CommitteeError> {
    let quorum = committee.quorum()?;
    let parameters = &committee.parameters;
    for (key, value, example) in [
        ("checkpoint_interval", parameters.checkpoint_interval, "number of blocks, such as 1024"),
        ("checkpoint_bytes", parameters.checkpoint_bytes, "number of bytes, such as 67108864"),
    ] {
        if value == 0 {
            return Err(CommitteeError::NoCheckpoints { key, example });
        }
    }
    for (member, id) in committee.members.iter().zip((0..).map(ReplicaId)) {
        for (which, key) in [("consensus", &member.consensus_key), ("link", &member.link_key)] {
            // M6: a member's key generates the prime-order group and nothing else.
            if !canonical_point(key)
                .is_some_and(|point| point.is_torsion_free() || planted::is_on(Bug::MixedOrderMemberTaken))
            {
                return Err(CommitteeError::UnusableKey { member: id, which });
            }
        }
    }
    match committee.duplicates().first() {
        Some(member) => Err(CommitteeError::DuplicateKey { member: *member }),
        None => Ok(quorum),
    }
}
